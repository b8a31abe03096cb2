"""Aggregates of `summarize`: name → mapping, one table.

Empty or all-null groups give what Kusto's engine gives: 0 for sums and deviations, NaN for averages of numbers, an
empty array for lists and sets, null for the rest, the empty string where the type is string. Where Kusto may answer
either way (which value `take_any` takes, the order of a set), the answer here is the same every time. `dcount` counts
exactly; Kusto estimates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from earmark.kql.base import PHYSICAL
from earmark.kql.compiler.conversions import call_macro, convert, json_element, read
from earmark.kql.compiler.expressions import compile_scalar
from earmark.kql.compiler.scalar import Scalar
from earmark.kql.compiler.scope import Refused, Scope
from earmark.kql.compiler.tree import Node

MOST_ELEMENTS: Final = 1_048_576
"""Elements that a list or a set holds at most, unless the query says less."""
_WHOLE: Final = ("int", "long")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One call of an aggregate."""

    name: str
    arguments: tuple[Scalar, ...]
    """Compiled, without the condition."""
    condition: str
    """SQL of the condition of an `…if` aggregate, else empty."""
    node: Node
    scope: Scope
    """For the arguments: values that are needed twice become columns before the grouping."""

    def __getitem__(self, position: int) -> Scalar:
        return self.arguments[position]

    def filtered(self, *conditions: str) -> str:
        """A FILTER clause with a leading space, or nothing."""
        wanted = [condition for condition in (self.condition, *conditions) if condition]
        return f" FILTER (WHERE {' AND '.join(wanted)})" if wanted else ""

    def refuse(self, message: str, position: int | None = None) -> Refused:
        """The exception to raise."""
        return self.scope.refuse(
            self.node if position is None else self.node.arguments[position], f"{self.name}: {message}"
        )

    def constant(self, position: int, default: Any = None) -> Any:
        """The value of an argument that must be a constant."""
        if position >= len(self.arguments):
            return default
        if not self.arguments[position].is_const:
            raise self.refuse("this argument must be a constant", position)
        return self.arguments[position].const

    def give(self, sql: str, kql_type: str, *, nullable: bool) -> Scalar:
        """The result."""
        return Scalar(sql=sql, type=kql_type, nullable=nullable and kql_type != "string")


Builder = Callable[[Group], Scalar]


def compile_aggregate(node: Node, scope: Scope) -> Scalar:
    """A call of an aggregate → its value for a group."""
    name = node.symbol.name if node.symbol is not None else node["Name"].name
    builder = AGGREGATES.get(name)
    if builder is None:
        raise scope.refuse(node["Name"], f"the aggregate {name}() is not known here")
    nodes = list(node.arguments)
    for argument in nodes:
        if argument.kind in ("StarExpression", "SimpleNamedExpression"):
            raise scope.refuse(argument, f"this argument of {name}() is not known here")
    condition = ""
    if name in _CONDITION_AT and len(nodes) > _CONDITION_AT[name]:
        condition = _condition(nodes.pop(_CONDITION_AT[name]), scope)
    arguments = tuple(compile_scalar(argument, scope) for argument in nodes)
    return builder(Group(name=name, arguments=arguments, condition=condition, node=node, scope=scope))


def _condition(node: Node, scope: Scope) -> str:
    return convert(compile_scalar(node, scope, filtering=True), "bool", scope, node).sql


def _count(group: Group) -> Scalar:
    if group.arguments:
        raise group.refuse("takes no argument; to count rows under a condition use countif(condition)", 0)
    return group.give(f"count(*){group.filtered()}", "long", nullable=False)


def _distinct(group: Group) -> Scalar:
    value = group[0]
    sql = value.sql
    if value.type == "dynamic":
        sql = f"json_extract(TRY_CAST({value.sql} AS JSON), '$')::VARCHAR"
    return group.give(f"count(DISTINCT {sql}){group.filtered()}", "long", nullable=False)


def _sum(group: Group) -> Scalar:
    value = group[0]
    if value.type not in (*_WHOLE, "real", "timespan"):
        raise group.refuse(f"values of type {value.type} are not added up here", 0)
    kind = "long" if value.type in _WHOLE else value.type
    return group.give(f"coalesce(sum({value.sql}){group.filtered()}, 0)::{PHYSICAL[kind]}", kind, nullable=False)


def _average(group: Group) -> Scalar:
    value = group[0]
    if value.type in (*_WHOLE, "real"):
        return group.give(f"coalesce(avg({value.sql}){group.filtered()}, 'NaN'::DOUBLE)", "real", nullable=False)
    if value.type in ("timespan", "datetime"):
        filtered = group.filtered()
        return group.give(
            f"(sum({value.sql}){filtered} // nullif(count({value.sql}){filtered}, 0))::BIGINT",
            value.type,
            nullable=True,
        )
    raise group.refuse(f"values of type {value.type} have no average here", 0)


def extreme(function: str, value: Scalar, filtered: str = "") -> str:
    """The least or the largest value of a group; what Kusto answers where one is NaN is not known."""
    sql = f"{function}({value.sql}){filtered}"
    if value.type != "real":
        return sql
    nan = f"coalesce(bool_or(isnan({value.sql})){filtered}, FALSE)"
    fault = (
        f"error('{function} of values of which one is NaN is not known here; leave it out with where not(isnan(…))')"
    )
    return f"CASE WHEN {nan} THEN {fault}::DOUBLE ELSE {sql} END"


def _extreme(function: str) -> Builder:
    def build(group: Group) -> Scalar:
        value = group[0]
        if value.type in ("dynamic", "guid", "decimal"):
            raise group.refuse(f"values of type {value.type} have no order here; convert them", 0)
        if value.type == "real":
            value = group.scope.hoist(value)
        sql = extreme(function, value, group.filtered())
        return group.give(f"coalesce({sql}, '')" if value.type == "string" else sql, value.type, nullable=True)

    return build


def _any(group: Group) -> Scalar:
    """Kusto takes any value, if it can one that is not null: here the least."""
    if len(group.arguments) != 1:
        raise group.refuse("is known here with one argument")
    sql = f"min({group[0].sql}){group.filtered()}"
    return group.give(f"coalesce({sql}, '')" if group[0].type == "string" else sql, group[0].type, nullable=True)


def _deviation(function: str) -> Builder:
    def build(group: Group) -> Scalar:
        value = convert(group[0], "real", group.scope, group.node)
        return group.give(f"coalesce({function}({value.sql}){group.filtered()}, 0)::DOUBLE", "real", nullable=False)

    return build


def _bits(function: str) -> Builder:
    def build(group: Group) -> Scalar:
        value = convert(group[0], "long", group.scope, group.node)
        return group.give(f"{function}({value.sql}){group.filtered()}", "long", nullable=True)

    return build


def _percentile(group: Group) -> Scalar:
    share = group.constant(1)
    if not isinstance(share, int | float) or not 0 <= share <= 100:
        raise group.refuse("the percentile must be a constant from 0 to 100", 1)
    return _quantile(group, share)


def _quantile(group: Group, share: float) -> Scalar:
    value = group[0]
    if value.type not in (*_WHOLE, "real", "timespan", "datetime"):
        raise group.refuse(f"values of type {value.type} have no percentiles here", 0)
    return group.give(f"quantile_disc({value.sql}, {share / 100!r}){group.filtered()}", value.type, nullable=True)


def _percentiles(group: Group) -> Scalar:
    """One percentile; of calls with several, `compile_percentiles` makes one result each."""
    if len(group.arguments) != 2:
        raise group.refuse("several results cannot stand inside an expression")
    return _percentile(group)


def compile_percentiles(node: Node, scope: Scope) -> list[Scalar]:
    """The results of one `percentiles(value, 5, 50, …)`."""
    arguments = tuple(compile_scalar(argument, scope) for argument in node.arguments)
    return [
        _percentile(Group(name="percentiles", arguments=(arguments[0], share), condition="", node=node, scope=scope))
        for share in arguments[1:]
    ]


def _percentiles_array(group: Group) -> Scalar:
    """The percentiles, given one by one or as an array, in an array."""
    shares: list[Any] = []
    for position in range(1, len(group.arguments)):
        given = group.constant(position)
        shares += given if isinstance(given, list) else [given]
    if not shares or not all(isinstance(share, int | float) and 0 <= share <= 100 for share in shares):
        raise group.refuse("the percentiles must be constants from 0 to 100")
    found = ", ".join(json_element(_quantile(group, share), group.scope) for share in shares)
    return group.give(f"json_array({found})::VARCHAR", "dynamic", nullable=False)


def _most(group: Group, position: int) -> int:
    most = group.constant(position, MOST_ELEMENTS)
    if not isinstance(most, int) or most < 1:
        raise group.refuse("the largest number of elements must be a constant above zero", position)
    return min(most, MOST_ELEMENTS)


def _list(group: Group) -> Scalar:
    value, most = group[0], _most(group, 1)
    order = group.scope.order_by
    present = f"{value.inner} IS NOT NULL" if value.nullable else ""
    listed = f"list({json_element(value, group.scope)}{order}){group.filtered(present)}"
    kept = listed if most == MOST_ELEMENTS else f"list_slice({listed}, 1, {most})"
    return group.give(f"coalesce(to_json({kept})::VARCHAR, '[]')", "dynamic", nullable=False)


def _set(group: Group) -> Scalar:
    """Without repetitions, in order; arrays give their elements."""
    value, most = group[0], _most(group, 1)
    if value.type == "dynamic":
        made = _set_of_elements(group, value)
    else:
        present = f"{value.inner} IS NOT NULL" if value.nullable else ""
        element = json_element(value, group.scope) if value.type in ("datetime", "timespan", "decimal") else value.sql
        made = f"list_sort(list(DISTINCT {element}){group.filtered(present)})"
    kept = made if most == MOST_ELEMENTS else f"list_slice({made}, 1, {most})"
    return group.give(f"coalesce(to_json({kept})::VARCHAR, '[]')", "dynamic", nullable=False)


def _set_of_elements(group: Group, value: Scalar) -> str:
    item = group.scope.hoist(read(value))
    for name in ("k_is_array", "k_items"):
        group.scope.require_macro(name)
    single = f"[json_extract(TRY_CAST({item.sql} AS JSON), '$')]"
    elements = f"CASE WHEN k_is_array({item.sql}) THEN k_items({item.sql}) ELSE {single} END"
    listed = f"flatten(list({elements}){group.filtered(f'{item.inner} IS NOT NULL')})"
    return call_macro(group.scope, "k_sorted_set", listed)


def _bag(group: Group) -> Scalar:
    """The bags' members together; where two bags share a key, Kusto keeps either value, here the first in order of
    text.
    """
    value = group[0]
    if value.type != "dynamic":
        raise group.refuse("takes a bag", 0)
    if len(group.arguments) > 1:
        raise group.refuse("is known here with one argument")
    collected = f"list({value.sql} ORDER BY {value.sql}){group.filtered()}"
    return group.give(call_macro(group.scope, "k_make_bag", collected), "dynamic", nullable=False)


AGGREGATES: Final[dict[str, Builder]] = {
    "count": _count,
    "countif": _count,
    "dcount": _distinct,
    "dcountif": _distinct,
    "count_distinct": _distinct,
    "count_distinctif": _distinct,
    "sum": _sum,
    "sumif": _sum,
    "avg": _average,
    "avgif": _average,
    "min": _extreme("min"),
    "minif": _extreme("min"),
    "max": _extreme("max"),
    "maxif": _extreme("max"),
    "take_any": _any,
    "take_anyif": _any,
    "any": _any,
    "anyif": _any,
    "make_list": _list,
    "make_list_if": _list,
    "makelist": _list,
    "make_set": _set,
    "make_set_if": _set,
    "makeset": _set,
    "make_bag": _bag,
    "make_bag_if": _bag,
    "percentile": _percentile,
    "percentiles": _percentiles,
    "percentiles_array": _percentiles_array,
    "stdev": _deviation("stddev_samp"),
    "stdevif": _deviation("stddev_samp"),
    "stdevp": _deviation("stddev_pop"),
    "variance": _deviation("var_samp"),
    "varianceif": _deviation("var_samp"),
    "variancep": _deviation("var_pop"),
    "binary_all_and": _bits("bit_and"),
    "binary_all_or": _bits("bit_or"),
    "binary_all_xor": _bits("bit_xor"),
}
"""Name → mapping."""

_CONDITION_AT: Final = {
    "countif": 0,
    **dict.fromkeys(
        (
            "dcountif",
            "count_distinctif",
            "sumif",
            "avgif",
            "minif",
            "maxif",
            "take_anyif",
            "anyif",
            "stdevif",
            "varianceif",
        ),
        1,
    ),
    **dict.fromkeys(("make_list_if", "make_set_if", "make_bag_if"), 1),
}
"""Where the condition stands among the arguments of an `…if` aggregate."""
