"""`sort`, `top`, `take`: order, and its first rows.

Which rows `take` and `top` keep among equals must not change from run to run, nor with the files that hold the events:
without an order the earliest are taken, and ties fall by the remaining columns. Sorting by every column is dear, so a
scan is first cut by the first key alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from earmark.kql.compiler.expressions import compile_scalar
from earmark.kql.compiler.relation import OrderKey, Relation
from earmark.kql.compiler.scalar import Scalar
from earmark.kql.compiler.scope import Environment, Refused, Row, Scope
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation

_UNORDERED = {"dynamic"}


def compile_sort(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile SortOperator."""
    return _sorted(compilation, node.list("Expressions"), relation, environment)


def compile_take(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile TakeOperator, and SampleOperator: which rows is free, so the same ones every time."""
    return _first(compilation, relation, _number(compilation, node["Expression"], environment))


def compile_top(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile TopOperator."""
    number = _number(compilation, node["Expression"], environment)
    return _first(compilation, _sorted(compilation, [node["ByExpression"]], relation, environment), number)


def _sorted(compilation: Compilation, keys: object, relation: Relation, environment: Environment) -> Relation:
    assert isinstance(keys, (list, tuple))
    scope = Scope(compilation, environment, Row(relation))
    values: list[tuple[str, Scalar]] = []
    directions: list[tuple[bool, bool]] = []
    for at, key in enumerate(keys):
        descending, nulls_first = True, False
        if key.kind == "OrderedExpression":
            ordering, key = key.get("Ordering"), key["Expression"]
            if ordering is not None:
                descending = ordering.text("AscOrDescKeyword") not in ("asc", "granny-asc")
                nulls = ordering.get("NullsClause")
                nulls_first = not descending if nulls is None else nulls.text("FirstOrLastKeyword") == "first"
        scalar = compile_scalar(key, scope)
        if scalar.type in _UNORDERED:
            raise Refused("a dynamic value has no order", key, hint="convert it: tostring(…), tolong(…), todatetime(…)")
        if scalar.type == "real" and not scalar.is_const:
            # NaN stands with null, between it and the numbers.
            scalar = scope.hoist(scalar)
            number = replace(scalar, sql=f"CASE WHEN NOT isnan({scalar.sql}) THEN {scalar.sql} END", atomic=False)
            values.append((str(at), replace(number, nullable=True)))
            directions.append((descending, nulls_first))
            nan = Scalar(sql=f"coalesce(isnan({scalar.sql}), FALSE)", type="bool", nullable=False)
            values.append((f"{at} NaN", nan))
            directions.append((not nulls_first, False))
            continue
        values.append((str(at), scalar))
        directions.append((descending, nulls_first))
    settled, made = compilation.placed(scope.settled(), values)
    order = tuple(
        OrderKey(sql=made[name].sql, descending=descending, nulls_first=nulls_first)
        for (name, _), (descending, nulls_first) in zip(values, directions, strict=True)
    )
    return replace(settled, order=order)


def _number(compilation: Compilation, node: Node, environment: Environment) -> int:
    scalar = compile_scalar(node, Scope(compilation, environment))
    if not isinstance(scalar.const, int) or isinstance(scalar.const, bool) or scalar.const < 0:
        raise Refused("the number of rows must be a constant that is not negative", node)
    return scalar.const


def _first(compilation: Compilation, relation: Relation, number: int) -> Relation:
    if not relation.order and relation.stable and relation.event_time is not None:
        # Events lie as they were imported; which of them are taken must not hang on that.
        key = OrderKey(sql=relation.event_time.timestamp, descending=False, nulls_first=True)
        return replace(_first(compilation, replace(relation, order=(key,)), number), order=())
    if not relation.order and relation.stable:
        name = compilation.emit(f"SELECT * FROM {relation.sql} LIMIT {number}")
        return replace(relation, sql=name, table="")
    if relation.order and relation.stable:
        relation = _cut(compilation, relation, number)
    name = compilation.emit(f"SELECT * FROM {relation.sql}{relation.full_order_by} LIMIT {number}")
    return replace(relation, sql=name, table="", stable=False)


def _cut(compilation: Compilation, relation: Relation, number: int) -> Relation:
    """The rows that may be among the first, by the first key alone: the full order needs every column."""
    compilation.read_again(relation)
    key = relation.order[0]
    best = compilation.emit(f"SELECT {key.sql} FROM {relation.sql} ORDER BY {key.term} LIMIT {number}")
    worst = f"(SELECT {'min' if key.descending else 'max'}({key.sql}) FROM {best})"
    return compilation.filter(relation, f"coalesce({key.sql} {'>=' if key.descending else '<='} {worst}, true)")
