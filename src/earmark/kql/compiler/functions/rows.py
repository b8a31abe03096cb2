"""Functions that look at neighbouring rows; the rows must be in an order.

Each becomes a column of its own, since a window function can stand neither in a filter nor inside another one. A
restart of a count or a sum is worked out from values of the running one: the row number, or the sum, at the last
restart is taken off.
"""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.functions.base import Builder, Call
from earmark.kql.compiler.scalar import Scalar

_SO_FAR = "ROWS UNBOUNDED PRECEDING"


def _along(call: Call, sql: str, kql_type: str, frame: str = "") -> Scalar:
    """The value of a window function along the order of rows, as a column."""
    relation = call.scope.row.relation
    if relation is None or not relation.in_order:
        raise call.scope.refuse(call.node, f"{call.name}: the rows must be in an order", hint="sort the rows first")
    order = relation.full_order_by.strip() if relation.order else ""
    return call.scope.hoist(call.give(f"{sql} OVER ({order} {frame})", kql_type))


def _beside(function: str) -> Builder:
    """`prev` and `next`."""

    def build(call: Call) -> Scalar:
        distance = call.constant(1, 1)
        if not isinstance(distance, int) or distance < 0:
            raise call.refuse("the distance must be a constant of 0 or more", 1)
        value = call[0]
        default = call.as_type(2, value.type).sql if len(call) > 2 else "''" if value.type == "string" else "NULL"
        return _along(call, f"{function}({value.sql}, {distance}, {default})", value.type)

    return build


def _last_restart(call: Call, position: int, value: str, kql_type: str) -> Scalar | None:
    """The value at the last row at which counting began anew."""
    if position >= len(call):
        return None
    restart = call.as_type(position, "bool")
    return _along(call, f"last_value(CASE WHEN {restart.inner} THEN {value} END IGNORE NULLS)", kql_type, _SO_FAR)


def _row_number(call: Call) -> Scalar:
    start = call.constant(0, 1)
    if not isinstance(start, int):
        raise call.refuse("the first number must be a constant", 0)
    number = _along(call, "row_number()", "long")
    restarted = _last_restart(call, 1, number.sql, "long")
    before = "1" if restarted is None else f"coalesce({restarted.sql}, 1)"
    return call.give(f"{number.sql} - {before} + {start}", "long", nullable=False)


def _running_sum(call: Call) -> Scalar:
    value = call[0]
    if value.type not in ("int", "long", "real"):
        raise call.refuse(f"values of type {value.type} are not added up here", 0)
    kind, physical = ("real", "DOUBLE") if value.type == "real" else ("long", "BIGINT")
    if kind == "real" and len(call) > 1:
        raise call.refuse("a restart is known here for whole numbers only", 1)
    value = call.scope.hoist(value)
    total = _along(call, f"sum({value.sql})", kind, _SO_FAR)
    restarted = _last_restart(call, 1, f"{total.sql} - coalesce({value.sql}, 0)", kind)
    before = "0" if restarted is None else f"coalesce({restarted.sql}, 0)"
    return call.give(f"(coalesce({total.sql}, 0) - {before})::{physical}", kind, nullable=False)


WINDOWS: Final[dict[str, Builder]] = {
    "prev": _beside("lag"),
    "next": _beside("lead"),
    "row_number": _row_number,
    "row_cumsum": _running_sum,
}
"""Name → mapping."""
