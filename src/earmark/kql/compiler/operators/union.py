"""`union`: columns meet by name and type; a name with two types splits (`x_long`, `x_string`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from earmark.kql.base import PHYSICAL, Columns
from earmark.kql.compiler.operators.join import parameter
from earmark.kql.compiler.relation import EventTime, Relation, widest
from earmark.kql.compiler.scalar import Scalar, quoted
from earmark.kql.compiler.scope import Environment, Function, Refused
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation


def compile_union(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile UnionOperator after a pipe."""
    return _union(compilation, node, [(relation.table or "union_arg0", relation)], environment)


def compile_union_source(compilation: Compilation, node: Node, environment: Environment) -> Relation:
    """Compile UnionOperator at the head of a query."""
    return _union(compilation, node, [], environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """The columns of a union, and where each input has them."""

    columns: Columns
    made: Mapping[str, str]
    """The physical name of each."""
    found: Mapping[tuple[str, str], str]
    """(name, type) → the inputs' column."""
    unread: frozenset[str]
    """Columns that nothing reads: which name and type the engine gives them does not matter."""
    source: str
    """The column that says which input a row is from; empty where there is none."""

    def check(self, node: Node) -> None:
        """Refuse columns that no input has under the name and type that the service gives them."""
        for name, kind in self.columns:
            if (name, kind) not in self.found and name != self.source and name not in self.unread:
                raise Refused(
                    f"column '{name}' has different types in these tables, and union of them is not supported",
                    node,
                    hint="project the columns that are needed from each table first",
                )

    def _column(self, relation: Relation, name: str, kind: str) -> Scalar | None:
        """An input's column under a name of the result; None where it has none of that type."""
        column = relation.columns.get(self.found.get((name, kind), ""))
        return column if column is not None and column.type == kind and name != self.source else None

    def selected(self, label: str, relation: Relation) -> list[str]:
        """The columns as one input gives them."""
        values = []
        for name, kind in self.columns:
            column = self._column(relation, name, kind)
            value = quoted(label) if name == self.source else _missing(kind) if column is None else column.sql
            values.append(f"{value} AS {self.made[name]}")
        return values

    def stamps(self, relation: Relation) -> set[str]:
        """The columns that hold the time of an input's events."""
        stamp = relation.event_time.timestamp if relation.event_time is not None else None
        found = {name: self._column(relation, name, kind) for name, kind in self.columns}
        return {name for name, column in found.items() if column is not None and column.sql == stamp}


def _union(
    compilation: Compilation, node: Node, inputs: list[tuple[str, Relation]], environment: Environment
) -> Relation:
    columns = node.columns or ()
    unread = frozenset(name for name, _ in columns if compilation.is_unread(name))  # asked before what is inside
    fuzzy = parameter(node, "isfuzzy").lower() == "true"
    for expression in node.list("Expressions"):
        inputs += _inputs(compilation, expression, environment, len(inputs), fuzzy=fuzzy)
    if not inputs:
        raise Refused("union has no table that is known", node)
    relations = [relation for _, relation in inputs]
    if parameter(node, "kind") == "inner" and any(r.columns.keys() != relations[0].columns.keys() for r in relations):
        # The service lists all columns, the engine only those that the tables share.
        raise Refused(
            "union kind=inner of tables with different columns is not supported",
            node,
            hint="project the columns they share",
        )
    result = _Result(
        columns=columns,
        made={name: compilation.new_column() for name, _ in columns},
        found=_sources(node, relations),
        unread=unread,
        source=parameter(node, "withsource") or parameter(node, "with_source"),
    )
    result.check(node)
    return _stacked(compilation, result, inputs)


def _stacked(compilation: Compilation, result: _Result, inputs: Sequence[tuple[str, Relation]]) -> Relation:
    """The inputs' rows below each other; dated where every input is, by the same column."""
    day = compilation.new_column()
    stamps = {name for _, relation in inputs for name in result.stamps(relation)}
    dated = all(relation.event_time is not None for _, relation in inputs) and len(stamps) == 1
    selects = []
    for label, relation in inputs:
        selected = result.selected(label, relation)
        if dated and relation.event_time is not None:
            selected.append(f"{relation.event_time.day} AS {day}")
        selects.append(f"SELECT {', '.join(selected)} FROM {relation.sql}")
    return Relation(
        sql=compilation.emit(" UNION ALL ".join(selects)),
        columns={
            name: Scalar(sql=result.made[name], type=kind, nullable=kind != "string", atomic=True)
            for name, kind in result.columns
        },
        reach=widest(*(relation.reach for _, relation in inputs)),
        event_time=EventTime(timestamp=result.made[stamps.pop()], day=day) if dated else None,
    )


def _inputs(
    compilation: Compilation, node: Node, environment: Environment, position: int, *, fuzzy: bool
) -> list[tuple[str, Relation]]:
    inner = _unwrapped(node)
    if fuzzy and _is_unknown(_source(inner)):
        return []
    if inner.kind == "NameReference":
        symbol = inner.symbol
        if symbol is not None and symbol.kind == "Group":
            return [
                (member.name, compilation.scan_table(member.name, inner))
                for member in symbol.members
                if member.database
            ]
        relation = compilation.named(inner, environment)
        is_view = (
            symbol is not None
            and symbol.kind in ("Function", "Variable")
            and not relation.table
            and _is_view(inner, environment)
        )
        return [(inner.name if is_view else relation.table or f"union_arg{position}", relation)]
    relation = compilation.tabular(inner, environment)
    return [(relation.table or f"union_arg{position}", relation)]


def _unwrapped(node: Node) -> Node:
    while node.kind == "ParenthesizedExpression":
        node = node["Expression"]
    return node


def _source(node: Node) -> Node:
    """What a pipe begins with."""
    while node.kind == "PipeExpression":
        node = _unwrapped(node["Expression"])
    return node


def _is_unknown(node: Node) -> bool:
    """Whether this is the name of nothing that there is, which a fuzzy union passes over."""
    known = ("Table", "Variable", "Function", "Parameter", "Group")
    return node.kind == "NameReference" and (node.symbol is None or node.symbol.kind not in known)


def _is_view(node: Node, environment: Environment) -> bool:
    found = environment.find(node.name)
    return isinstance(found, Function) and bool(found.declaration.text("ViewKeyword"))


def _sources(node: Node, relations: Sequence[Relation]) -> Mapping[tuple[str, str], str]:
    """(result column, type) → the inputs' column."""
    types: dict[str, list[str]] = {}
    for relation in relations:
        for name, column in relation.columns.items():
            if column.type not in types.setdefault(name, []):
                types[name].append(column.type)
    single = {name for name, kinds in types.items() if len(kinds) == 1}
    found: dict[tuple[str, str], str] = {(name, types[name][0]): name for name in single}
    taken = set(single)
    for name, kinds in types.items():
        for kind in kinds if len(kinds) > 1 else ():
            split = f"{name}_{kind}"
            if split in taken:
                # The engine and the service give such columns different names.
                raise Refused(f"union splits column '{name}' by type, but a column '{split}' is there already", node)
            taken.add(split)
            found[split, kind] = name
    return found


def _missing(kind: str) -> str:
    return "''" if kind == "string" else f"CAST(NULL AS {PHYSICAL[kind]})"
