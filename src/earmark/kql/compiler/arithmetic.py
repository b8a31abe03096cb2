"""`+ - * / %` and the unary minus, over numbers, moments and spans of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from earmark.kql.compiler.conversions import convert
from earmark.kql.compiler.literals import LAST_TICK, constant
from earmark.kql.compiler.scalar import Scalar, null
from earmark.kql.compiler.scope import Scope
from earmark.kql.compiler.tree import Node

SYMBOLS: Final = {
    "AddExpression": "+",
    "SubtractExpression": "-",
    "MultiplyExpression": "*",
    "DivideExpression": "/",
    "ModuloExpression": "%",
}
_FOLDS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
}
_SPAN_OF_CENTURY: Final = 36_525 * 864_000_000_000
_NUMBERS: Final = ("int", "long", "real")


def compile_arithmetic(node: Node, left: Scalar, right: Scalar, scope: Scope) -> Scalar:
    """One binary operation."""
    symbol = SYMBOLS[node.kind]
    kinds = (left.type, right.type)
    if left.is_null or right.is_null:
        return null(node.type)
    if all(kind in _NUMBERS for kind in kinds):
        return _numbers(node, symbol, left, right, scope)
    if kinds == ("datetime", "datetime") and symbol == "-":
        return _exact(symbol, left, right, "timespan")
    if (
        kinds in (("datetime", "timespan"), ("timespan", "datetime"))
        and symbol in "+-"
        and (symbol == "+" or left.type == "datetime")
    ):
        return _moment(symbol, left, right, scope)
    if kinds == ("timespan", "timespan") and symbol in "+-":
        return _exact(symbol, left, right, "timespan")
    if kinds == ("timespan", "timespan") and symbol == "/":
        return Scalar(
            sql=f"{left.inner}::DOUBLE / {right.inner}::DOUBLE", type="real", nullable=left.nullable or right.nullable
        )
    if kinds == ("timespan", "timespan") and symbol == "%":
        return _modulo(left, right, "timespan", scope)
    if symbol == "*" and right.type == "timespan" and left.type in _NUMBERS:
        return _scaled("*", right, left, scope)
    if symbol in "*/" and left.type == "timespan" and right.type in _NUMBERS:
        return _scaled(symbol, left, right, scope)
    raise scope.refuse(
        node, f"'{symbol}' between values of type {left.type} and {right.type} is not known here; convert them"
    )


def _numbers(node: Node, symbol: str, left: Scalar, right: Scalar, scope: Scope) -> Scalar:
    kind = "real" if "real" in (left.type, right.type) else node.type if node.type in ("int", "long") else "long"
    left, right = convert(left, kind, scope, node), convert(right, kind, scope, node)
    if symbol == "%":
        if kind == "real":
            raise scope.refuse(node, "the remainder of real numbers is not known here")
        return _modulo(left, right, kind, scope)
    if symbol == "/" and kind != "real":
        if right.is_const and right.const:
            return Scalar(sql=f"{left.inner} // {right.inner}", type=kind, nullable=left.nullable)
        return Scalar(sql=f"{left.inner} // nullif({right.sql}, 0)", type=kind)
    if symbol == "/" or kind == "real":
        return Scalar(sql=f"{left.inner} {symbol} {right.inner}", type=kind, nullable=left.nullable or right.nullable)
    return _exact(symbol, left, right, kind)


def _exact(symbol: str, left: Scalar, right: Scalar, kind: str) -> Scalar:
    """Whole numbers; constants at once."""
    if left.is_const and right.is_const:
        value = _FOLDS[symbol](left.const, right.const)
        limit = 31 if kind == "int" else 63
        if -(2**limit) <= value < 2**limit:
            return constant(value, kind)
    return Scalar(sql=f"{left.inner} {symbol} {right.inner}", type=kind, nullable=left.nullable or right.nullable)


def _moment(symbol: str, left: Scalar, right: Scalar, scope: Scope) -> Scalar:
    """A moment some time earlier or later; null outside the years 1 to 9999."""
    moment, span = (left, right) if left.type == "datetime" else (right, left)
    if moment.is_const and span.is_const:
        ticks = _FOLDS[symbol](moment.const, span.const)
        return constant(ticks if 0 <= ticks <= LAST_TICK else None, "datetime")
    sql = f"{moment.inner} {symbol} {span.inner}"
    if moment.sql == scope.now_sql and span.is_const and abs(span.const) < _SPAN_OF_CENTURY:
        return Scalar(sql=sql, type="datetime", nullable=False)
    scope.require_macro("k_in_time")
    return Scalar(sql=f"k_in_time({sql})", type="datetime")


def _scaled(symbol: str, span: Scalar, factor: Scalar, scope: Scope) -> Scalar:
    """A span of time, some times longer or shorter."""
    nullable = span.nullable or factor.nullable
    if factor.type != "real":
        if symbol == "*":
            return _exact("*", span, convert(factor, "long", scope), "timespan")
        return Scalar(sql=f"{span.inner} // nullif({factor.sql}, 0)", type="timespan")
    if span.is_const and factor.is_const and factor.const:
        return constant(round(span.const * factor.const if symbol == "*" else span.const / factor.const), "timespan")
    return Scalar(
        sql=f"TRY_CAST(round({span.inner} {symbol} {factor.inner}) AS BIGINT)",
        type="timespan",
        nullable=nullable or True,
    )


def _modulo(left: Scalar, right: Scalar, kind: str, scope: Scope) -> Scalar:
    """The remainder, never below zero."""
    if right.is_const and right.const:
        size = constant(abs(right.const), right.type).inner
        if left.is_const:
            return constant(left.const % abs(right.const), kind)
        return Scalar(sql=f"(({left.inner} % {size}) + {size}) % {size}", type=kind, nullable=left.nullable)
    size = f"nullif(abs({scope.hoist(right).sql}), 0)"
    return Scalar(sql=f"(({left.inner} % {size}) + {size}) % {size}", type=kind)


def compile_minus(node: Node, value: Scalar, scope: Scope) -> Scalar:
    """The unary minus."""
    if value.type not in ("int", "long", "real", "decimal", "timespan"):
        raise scope.refuse(node, f"a value of type {value.type} has no negative")
    if value.is_const:
        return constant(None if value.const is None else -value.const, value.type)
    return Scalar(sql=f"-{value.inner}", type=value.type, nullable=value.nullable)
