"""`where`: rows for which a condition holds. A bound on the time of events also skips the files of other days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from earmark.kql.compiler.expressions import compile_scalar
from earmark.kql.compiler.operators.moments import Moment, day_sql, read_moment
from earmark.kql.compiler.relation import EventTime, Reach, Relation
from earmark.kql.compiler.scope import Environment, Row, Scope
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation

_LOWER = {"GreaterThanExpression", "GreaterThanOrEqualExpression"}
_UPPER = {"LessThanExpression", "LessThanOrEqualExpression"}


def compile_where(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile FilterOperator."""
    return filtered(compilation, node["Condition"], relation, environment)


def filtered(compilation: Compilation, condition: Node, relation: Relation, environment: Environment) -> Relation:
    """The rows of a relation for which a condition holds."""
    scope = Scope(compilation, environment, Row(relation))
    sql = [compile_scalar(condition, scope, filtering=True).inner]
    reach = relation.reach
    if relation.event_time is not None:
        for lower, moment in _bounds(condition, relation.event_time, scope):
            sql.append(f"{relation.event_time.day} {'>=' if lower else '<='} {day_sql(moment.sql)}")
            if lower and moment.before_now is not None:
                reach = _nearer(reach, max(moment.before_now, 0))
    return replace(compilation.filter(scope.settled(), " AND ".join(sql)), reach=reach)


def _nearer(reach: Reach, bound: int) -> Reach:
    return bound if reach is None else min(reach, bound)


def _bounds(condition: Node, event_time: EventTime, scope: Scope) -> Iterator[tuple[bool, Moment]]:
    """Bounds on the time of events that a condition implies: whether it is a lower one, and the moment."""
    for conjunct in conjuncts(condition):
        if conjunct.kind in _LOWER | _UPPER:
            left, right = conjunct["Left"], conjunct["Right"]
            lower = conjunct.kind in _LOWER
            if _is_time(right, event_time, scope):
                left, right, lower = right, left, not lower
            if _is_time(left, event_time, scope):
                moment = read_moment(right, scope)
                if moment is not None:
                    yield lower, moment
        elif conjunct.kind == "BetweenExpression" and _is_time(conjunct["Left"], event_time, scope):
            for end, lower in (("First", True), ("Second", False)):
                moment = read_moment(conjunct["Right"][end], scope)
                if moment is not None:
                    yield lower, moment


def conjuncts(condition: Node) -> Iterator[Node]:
    """The conditions that `and` joins."""
    waiting = [condition]
    while waiting:
        node = waiting.pop()
        if node.kind == "AndExpression":
            waiting += [node["Right"], node["Left"]]
        elif node.kind == "ParenthesizedExpression":
            waiting.append(node["Expression"])
        else:
            yield node


def _is_time(node: Node, event_time: EventTime, scope: Scope) -> bool:
    if node.kind != "NameReference" or node.symbol is None or node.symbol.kind != "Column":
        return False
    found = scope.columns.get(node.name)
    return found is not None and found.sql == event_time.timestamp
