"""`union`: columns meet by name and type; a name with two types splits (`x_long`, `x_string`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from earmark.kql.base import PHYSICAL
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


def _union(
    compilation: Compilation, node: Node, inputs: list[tuple[str, Relation]], environment: Environment
) -> Relation:
    unread = {name for name, _ in node.columns or () if compilation.is_unread(name)}
    fuzzy = parameter(node, "isfuzzy").lower() == "true"
    for expression in node.list("Expressions"):
        inputs += _inputs(compilation, expression, environment, len(inputs), fuzzy=fuzzy)
    if not inputs:
        raise Refused("union has no table that is known", node)
    expected = node.columns or ()
    if parameter(node, "kind") == "inner" and any(
        relation.columns.keys() != inputs[0][1].columns.keys() for _, relation in inputs
    ):
        # The service lists all columns, the engine only those that the tables share.
        raise Refused(
            "union kind=inner of tables with different columns is not supported",
            node,
            hint="project the columns they share",
        )
    source = parameter(node, "withsource") or parameter(node, "with_source")
    found = _sources(node, [relation for _, relation in inputs])
    made = {name: compilation.new_column() for name, _ in expected}
    day = compilation.new_column()
    selects: list[list[str]] = []
    stamps: set[str] = set()
    for label, relation in inputs:
        selected = []
        for name, kind in expected:
            if name == source:
                selected.append(f"{quoted(label)} AS {made[name]}")
                continue
            if (name, kind) not in found and name in unread:
                # Which name and type the engine gives it does not matter.
                selected.append(f"{_missing(kind)} AS {made[name]}")
                continue
            if (name, kind) not in found:
                raise Refused(
                    f"column '{name}' has different types in these tables, and union of them is not supported",
                    node,
                    hint="project the columns that are needed from each table first",
                )
            column = relation.columns.get(found[name, kind])
            if column is None or column.type != kind:
                selected.append(f"{_missing(kind)} AS {made[name]}")
            else:
                selected.append(f"{column.sql} AS {made[name]}")
                if relation.event_time is not None and column.sql == relation.event_time.timestamp:
                    stamps.add(name)
        selects.append(selected)
    dated = all(relation.event_time is not None for _, relation in inputs) and len(stamps) == 1
    for selected, (_, relation) in zip(selects, inputs, strict=True):
        if dated and relation.event_time is not None:
            selected.append(f"{relation.event_time.day} AS {day}")
    columns = {
        name: Scalar(sql=made[name], type=kind, nullable=kind != "string", atomic=True) for name, kind in expected
    }
    return Relation(
        sql=compilation.emit(
            " UNION ALL ".join(
                f"SELECT {', '.join(selected)} FROM {relation.sql}"
                for selected, (_, relation) in zip(selects, inputs, strict=True)
            )
        ),
        columns=columns,
        reach=widest(*(relation.reach for _, relation in inputs)),
        event_time=EventTime(timestamp=made[stamps.pop()], day=day) if dated else None,
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
