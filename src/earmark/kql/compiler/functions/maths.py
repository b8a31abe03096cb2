"""Functions of numbers."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.conversions import convert
from earmark.kql.compiler.functions.base import Builder, Call, template
from earmark.kql.compiler.scalar import Scalar


def _absolute(call: Call) -> Scalar:
    kind = {"int": "long"}.get(call[0].type, call[0].type)
    if kind not in ("long", "real", "timespan"):
        raise call.refuse(f"values of type {kind} are not known here", 0)
    value = call.as_type(0, kind)
    return call.give(f"abs({value.sql})", kind, nullable=value.nullable)


def _rounded(call: Call, sql: str, value: Scalar) -> Scalar:
    """A real in the type that the language service gives the call."""
    return convert(Scalar(sql=sql, type="real", nullable=value.nullable), call.type, call.scope, call.node)


def _round(call: Call) -> Scalar:
    value = call.as_type(0, "real")
    digits = call.constant(1, 0)
    if not isinstance(digits, int):
        raise call.refuse("the number of digits must be a constant", 1)
    return _rounded(call, f"round({value.sql}, {digits})" if digits else f"round({value.sql})", value)


def _ceiling(call: Call) -> Scalar:
    value = call.as_type(0, "real")
    return _rounded(call, f"ceil({value.sql})", value)


def _extreme(function: str) -> Builder:
    def build(call: Call) -> Scalar:
        values = [call.as_type(position, call.type) for position in range(len(call))]
        if call.type not in ("int", "long", "real", "datetime", "timespan"):
            raise call.refuse(f"values of type {call.type} are not compared here")
        return call.give(
            f"{function}({', '.join(value.sql for value in values)})", nullable=all(value.nullable for value in values)
        )

    return build


def _to_hex(call: Call) -> Scalar:
    digits = call.constant(1, 1)
    if not isinstance(digits, int) or not 0 <= digits <= 64:
        raise call.refuse("the length must be a constant up to 64", 1)
    value = call.as_type(0, "long")
    bits = f"{value.inner} & 4294967295" if call[0].type == "int" else value.sql
    text = f"lower(to_hex({bits}))"
    padded = text if digits <= 1 else f"lpad({text}, greatest(length({text}), {digits})::INTEGER, '0')"
    return call.give(f"coalesce({padded}, '')", "string")


def _real(sql: str) -> Builder:
    return template(sql, ["real"], "real")


def _bits(sql: str) -> Builder:
    return template(sql, ["long", "long"], "long")


MATHS: Final[dict[str, Builder]] = {
    "abs": _absolute,
    "round": _round,
    "ceiling": _ceiling,
    "min_of": _extreme("least"),
    "max_of": _extreme("greatest"),
    "sign": template(
        "coalesce(CASE WHEN isnan({0}) THEN 0 ELSE sign({0}) END, 0)::DOUBLE", ["real"], "real", nullable=False
    ),
    "sqrt": _real("CASE WHEN {0} >= 0 THEN sqrt({0}) WHEN {0} < 0 THEN 'NaN'::DOUBLE END"),
    "exp": _real("exp({0})"),
    "exp2": _real("pow(2::DOUBLE, {0})"),
    "exp10": _real("pow(10::DOUBLE, {0})"),
    "log": template("CASE WHEN {0} > 0 THEN ln({0}) END", ["real"], "real", nullable=True),
    "log2": template("CASE WHEN {0} > 0 THEN log2({0}) END", ["real"], "real", nullable=True),
    "log10": template("CASE WHEN {0} > 0 THEN log10({0}) END", ["real"], "real", nullable=True),
    "pow": template("pow({0}, {1})", ["real", "real"], "real"),
    "pi": template("pi()", [], "real"),
    "sin": _real("sin({0})"),
    "cos": _real("cos({0})"),
    "tan": _real("tan({0})"),
    "atan": _real("atan({0})"),
    "atan2": template("atan2({0}, {1})", ["real", "real"], "real"),
    "degrees": _real("degrees({0})"),
    "radians": _real("radians({0})"),
    "isnan": template("isnan({0})", ["real"], "bool"),
    "isinf": template("isinf({0})", ["real"], "bool"),
    "isfinite": template("isfinite({0})", ["real"], "bool"),
    "binary_and": _bits("{0} & {1}"),
    "binary_or": _bits("{0} | {1}"),
    "binary_xor": _bits("xor({0}, {1})"),
    "binary_not": template("~{0}", ["long"], "long"),
    "binary_shift_left": _bits("{0} << {1}"),
    "binary_shift_right": _bits("{0} >> {1}"),
    "tohex": _to_hex,
}
"""Name → mapping."""
