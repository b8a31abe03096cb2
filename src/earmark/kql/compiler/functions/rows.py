"""Functions that look at neighbouring rows; the rows must be in an order."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.functions.base import Builder, Call
from earmark.kql.compiler.scalar import Scalar


def _beside(function: str) -> Builder:
    """`prev` and `next`."""

    def build(call: Call) -> Scalar:
        distance = call.constant(1, 1)
        if not isinstance(distance, int) or distance < 0:
            raise call.refuse("the distance must be a constant of 0 or more", 1)
        value = call[0]
        default = call.as_type(2, value.type).sql if len(call) > 2 else None
        found = f"{function}({value.sql}, {distance}{'' if default is None else ', ' + default}) {call.scope.over}"
        sql = f"coalesce({found}, '')" if value.type == "string" else found
        return call.scope.hoist(call.give(sql, value.type))

    return build


def _row_number(call: Call) -> Scalar:
    if len(call) > 1:
        raise call.refuse("a restart is not known here", 1)
    start = call.constant(0, 1)
    if not isinstance(start, int):
        raise call.refuse("the first number must be a constant", 0)
    return call.scope.hoist(call.give(f"row_number() {call.scope.over} + {start - 1}", "long", nullable=False))


def _running_sum(call: Call) -> Scalar:
    if len(call) > 1:
        raise call.refuse("a restart is not known here", 1)
    value = call[0]
    if value.type not in ("int", "long", "real"):
        raise call.refuse(f"values of type {value.type} are not added up here", 0)
    kind = "DOUBLE" if value.type == "real" else "BIGINT"
    over = call.scope.over.removesuffix(")") + " ROWS UNBOUNDED PRECEDING)"
    total = f"coalesce(sum({value.sql}) {over}, 0)::{kind}"
    return call.scope.hoist(call.give(total, "real" if kind == "DOUBLE" else "long", nullable=False))


WINDOWS: Final[dict[str, Builder]] = {
    "prev": _beside("lag"),
    "next": _beside("lead"),
    "row_number": _row_number,
    "row_cumsum": _running_sum,
}
"""Name → mapping."""
