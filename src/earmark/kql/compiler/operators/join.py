"""`join` of every kind, and `lookup`.

A null key meets a null key, as in Kusto. `innerunique`, the default, keeps one row of the left side for each key: which
one must not change from run to run, so it is the smallest (the earliest event, as a rule). On the side that an outer
join pads, strings become ''.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from earmark.kql.compiler.operators.where import conjuncts, filtered
from earmark.kql.compiler.operators.winners import one_row_each
from earmark.kql.compiler.relation import Relation, widest
from earmark.kql.compiler.scalar import Scalar
from earmark.kql.compiler.scope import Environment, Refused
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation

_NUMBERS = {"int", "long", "real"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a kind of join means."""

    sql: str
    pads_left: bool = False
    pads_right: bool = False
    swapped: bool = False
    """A semi or anti join that keeps rows of the right side."""
    one_side: bool = False
    unique: bool = False


_KINDS = {
    "innerunique": _Kind(sql="JOIN", unique=True),
    "inner": _Kind(sql="JOIN"),
    "leftouter": _Kind(sql="LEFT JOIN", pads_right=True),
    "rightouter": _Kind(sql="RIGHT JOIN", pads_left=True),
    "fullouter": _Kind(sql="FULL JOIN", pads_left=True, pads_right=True),
    "leftsemi": _Kind(sql="SEMI JOIN", one_side=True),
    "rightsemi": _Kind(sql="SEMI JOIN", one_side=True, swapped=True),
    **dict.fromkeys(("leftanti", "anti", "leftantisemi"), _Kind(sql="ANTI JOIN", one_side=True)),
    **dict.fromkeys(("rightanti", "rightantisemi"), _Kind(sql="ANTI JOIN", one_side=True, swapped=True)),
}
_LOOKUPS = {"leftouter": _KINDS["leftouter"], "inner": _KINDS["inner"]}


def parameter(node: Node, name: str) -> str:
    """The word given to an operator's parameter, as in `kind=inner`; empty when absent."""
    for given in node.list("Parameters"):
        if given["Name"].name == name:
            value = given["Expression"]
            return value.name or value.text("Token")
    return ""


def compile_join(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile JoinOperator."""
    word = parameter(node, "kind") or "innerunique"
    kind = _KINDS.get(word)
    if kind is None:
        raise Refused(f"join kind '{word}' is not known", node)
    right = compilation.tabular(node["Expression"], environment)
    clause = node.get("ConditionClause")
    if clause is None or clause.kind != "JoinOnClause":
        raise Refused("join needs `on` and its columns", node)
    keys = _keys(clause, relation, right)
    if kind.unique:
        relation = _unique_left(compilation, relation, [left for left, _ in keys])
    if kind.one_side:
        return _one_side(compilation, kind, relation, right, keys)
    return _both_sides(compilation, node, kind, relation, right, keys, dropped=set())


def narrowed_left(
    compilation: Compilation, join: Node, following: Node | None, left: Relation, environment: Environment
) -> Relation:
    """The left side of an `innerunique` join with what the next `where` asks of its columns already asked.

    Which row of a key is kept is free, and the engine filters before it chooses: a row that the filter keeps is found
    if there is one.
    """
    kind = parameter(join, "kind") or "innerunique"
    if kind != "innerunique" or following is None or following.kind != "FilterOperator":
        return left
    for condition in conjuncts(following["Condition"]):
        parts = list(condition.walk())
        columns = [
            part
            for part in parts
            if part.symbol is not None and part.symbol.kind == "Column" and part.kind == "NameReference"
        ]
        plain = all(part.columns is None and part.body_of is None for part in parts)
        if (
            columns
            and plain
            and all(part.name in left.columns and left.columns[part.name].type == part.type for part in columns)
        ):
            left = filtered(compilation, condition, left, environment)
    return left


def compile_lookup(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile LookupOperator: a join that leaves the right side's keys out."""
    kind = _LOOKUPS.get(parameter(node, "kind") or "leftouter")
    if kind is None:
        raise Refused("lookup takes kind=leftouter or kind=inner", node)
    right = compilation.tabular(node["Expression"], environment)
    keys = _keys(node["LookupClause"], relation, right)
    return _both_sides(compilation, node, kind, relation, right, keys, dropped={key.sql for _, key in keys})


def _keys(clause: Node, left: Relation, right: Relation) -> list[tuple[Scalar, Scalar]]:
    keys: list[tuple[Scalar, Scalar]] = []
    waiting = list(clause.list("Expressions"))
    while waiting:
        node = waiting.pop(0)
        if node.kind == "AndExpression":
            waiting[:0] = [node["Left"], node["Right"]]
        elif node.kind == "ParenthesizedExpression":
            waiting.insert(0, node["Expression"])
        elif node.kind == "NameReference":
            keys.append((_column(left, node, node.name), _column(right, node, node.name)))
        elif node.kind == "EqualExpression":
            sides = {_side(node["Left"]): node["Left"], _side(node["Right"]): node["Right"]}
            if sides.keys() != {"$left", "$right"}:
                raise Refused("a join condition compares $left.Column with $right.Column", node)
            keys.append(
                (
                    _column(left, node, sides["$left"]["Selector"].name),
                    _column(right, node, sides["$right"]["Selector"].name),
                )
            )
        else:
            raise Refused("a join condition compares columns for equality", node)
    for one, other in keys:
        if "dynamic" in (one.type, other.type) or (one.type != other.type and not {one.type, other.type} <= _NUMBERS):
            raise Refused(
                f"a join on {one.type} and {other.type} is not supported", clause, hint="convert both to one type first"
            )
    return keys


def _side(node: Node) -> str:
    if node.kind == "PathExpression" and node["Selector"].kind == "NameReference":
        return node["Expression"].name
    return ""


def _column(relation: Relation, node: Node, name: str) -> Scalar:
    found = relation.columns.get(name)
    if found is None:
        raise Refused(f"column '{name}' is not on this side of the join", node)
    return found


def _on(keys: list[tuple[Scalar, Scalar]]) -> str:
    terms = []
    for left, right in keys:
        equal = "IS NOT DISTINCT FROM" if left.nullable and right.nullable else "="
        terms.append(f"l.{left.sql} {equal} r.{right.sql}")
    return " AND ".join(terms)


def _unique_left(compilation: Compilation, left: Relation, keys: list[Scalar]) -> Relation:
    key_columns = {key.sql for key in keys}
    if left.unique and left.unique <= key_columns:
        return left
    others = [column for column in left.columns.values() if column.sql not in key_columns]
    if not others:
        names = ", ".join(dict.fromkeys(column.sql for column in left.columns.values()))
        return replace(left, sql=compilation.emit(f"SELECT DISTINCT {names} FROM {left.sql}"), table="")
    return one_row_each(compilation, left, keys, others[0], largest=False)


def _one_side(
    compilation: Compilation, kind: _Kind, left: Relation, right: Relation, keys: list[tuple[Scalar, Scalar]]
) -> Relation:
    kept, other = (right, left) if kind.swapped else (left, right)
    pairs = [(b, a) for a, b in keys] if kind.swapped else keys
    name = compilation.emit(f"SELECT l.* FROM {kept.sql} AS l {kind.sql} {other.sql} AS r ON {_on(pairs)}")
    return replace(
        kept, sql=name, order=(), stable=False, table="", event_time=None, reach=widest(left.reach, right.reach)
    )


def _both_sides(
    compilation: Compilation,
    node: Node,
    kind: _Kind,
    left: Relation,
    right: Relation,
    keys: list[tuple[Scalar, Scalar]],
    dropped: set[str],
) -> Relation:
    sides = [("l", column, kind.pads_left) for column in left.columns.values()]
    sides += [("r", column, kind.pads_right) for column in right.columns.values() if column.sql not in dropped]
    expected = node.columns or ()
    if len(expected) != len(sides):
        raise Refused("this join gives other columns than expected here", node)
    columns: dict[str, Scalar] = {}
    selected: list[str] = []
    for (name, _), (side, column, padded) in zip(expected, sides, strict=True):
        made = compilation.new_column()
        source = f"{side}.{column.sql}"
        selected.append(
            f"coalesce({source}, '') AS {made}" if padded and column.type == "string" else f"{source} AS {made}"
        )
        columns[name] = Scalar(
            sql=made, type=column.type, nullable=column.type != "string" and (padded or column.nullable), atomic=True
        )
    sql = compilation.emit(
        f"SELECT {', '.join(selected)} FROM {left.sql} AS l {kind.sql} {right.sql} AS r ON {_on(keys)}"
    )
    return Relation(sql=sql, columns=columns, reach=widest(left.reach, right.reach))
