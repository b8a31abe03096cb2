"""Conditions, nulls and conversions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from earmark.kql.compiler import conversions, literals
from earmark.kql.compiler.functions.base import Builder, Call, converting
from earmark.kql.compiler.literals import constant
from earmark.kql.compiler.scalar import JsonPath, Scalar


def _case(call: Call) -> Scalar:
    if len(call) < 3 or len(call) % 2 == 0:
        raise call.refuse("takes conditions and values in pairs, and a last value")
    values = [*range(1, len(call) - 1, 2), len(call) - 1]
    branches = [call.as_type(position, call.type) for position in values]
    whens = [
        f"WHEN {call.as_type(position, 'bool').inner} THEN {value.inner}"
        for position, value in zip(range(0, len(call) - 1, 2), branches, strict=False)
    ]
    sql = f"CASE {' '.join(whens)} ELSE {branches[-1].inner} END"
    return call.give(sql, nullable=any(branch.nullable for branch in branches))


def _coalesce(call: Call) -> Scalar:
    values = [call.as_type(position, call.type) for position in range(len(call))]
    if call.type == "string":
        return call.give(f"coalesce({', '.join(f'nullif({value.sql}, {chr(39) * 2})' for value in values)}, '')")
    return call.give(
        f"coalesce({', '.join(value.sql for value in values)})", nullable=all(value.nullable for value in values)
    )


def _is_null(call: Call) -> Scalar:
    value = call[0]
    if value.type == "string" or not value.nullable:
        return constant(False, "bool")
    return call.give(f"{value.inner} IS NULL", "bool", nullable=False)


def _is_not_null(call: Call) -> Scalar:
    value = call[0]
    if value.type == "string" or not value.nullable:
        return constant(True, "bool")
    return call.give(f"{value.inner} IS NOT NULL", "bool", nullable=False)


def _is_empty(call: Call) -> Scalar:
    if call[0].type in ("string", "dynamic"):
        return call.give(f"{call.text(0).inner} = ''", "bool", nullable=False)
    return _is_null(call)


def _is_not_empty(call: Call) -> Scalar:
    if call[0].type in ("string", "dynamic"):
        return call.give(f"{call.text(0).inner} <> ''", "bool", nullable=False)
    return _is_not_null(call)


def _not(call: Call) -> Scalar:
    value = call.as_type(0, "bool")
    return call.give(f"NOT {value.inner}", "bool", nullable=value.nullable)


def _parse_json(call: Call) -> Scalar:
    """Text that is no JSON stays text; a dynamic is handed through."""
    value = call[0]
    if value.type != "string":
        return conversions.to_dynamic(value, call.scope)
    sql = call.macro("k_json", value)
    return Scalar(sql=sql, type="dynamic", json=JsonPath(root=f"TRY_CAST({value.sql} AS JSON)", path="$"))


def _to_string(call: Call) -> Scalar:
    return call.text(0)


def _to_time(kql_type: str, read: Callable[[str], int]) -> Builder:
    """A constant text with digits that is not read here may be a spelling that Kusto reads: no null is guessed."""

    def build(call: Call) -> Scalar:
        if len(call) != 1:
            raise call.refuse("is known here with one argument")
        if call[0].type == "string" and call[0].is_const and any(letter.isdigit() for letter in call[0].const):
            read(call[0].const)
            if kql_type == "timespan" and any(letter.isalpha() for letter in call[0].const):
                raise call.refuse("write the timespan as a literal, such as 1d, or as d.hh:mm:ss", 0)
        return call.as_type(0, kql_type)

    return build


def _extract_json(call: Call) -> Scalar:
    """A constant path into JSON text."""
    path = call.constant(0)
    if not isinstance(path, str) or not (steps := conversions.steps_of(path)):
        raise call.refuse("the path must be a constant such as '$.a.b[0]'", 0)
    root = JsonPath(root=f"TRY_CAST({call.text(1).sql} AS JSON)", path="$")
    found = conversions.member(root, steps)
    wanted = call.constant(2, "string")
    return conversions.convert(found, wanted, call.scope, call.node)


def _get_type(call: Call) -> Scalar:
    value = call[0]
    if value.type != "dynamic":
        return constant(value.type, "string")
    return call.give(call.macro("k_gettype", conversions.read(value)), "string")


LOGIC: Final[dict[str, Builder]] = {
    "iff": _case,
    "iif": _case,
    "case": _case,
    "coalesce": _coalesce,
    "not": _not,
    "isnull": _is_null,
    "isnotnull": _is_not_null,
    "notnull": _is_not_null,
    "isempty": _is_empty,
    "isnotempty": _is_not_empty,
    "notempty": _is_not_empty,
    "gettype": _get_type,
    "tostring": _to_string,
    "toint": converting("int"),
    "tolong": converting("long"),
    "todouble": converting("real"),
    "toreal": converting("real"),
    "tobool": converting("bool"),
    "toboolean": converting("bool"),
    "todecimal": converting("decimal"),
    "todatetime": _to_time("datetime", literals.read_datetime),
    "totimespan": _to_time("timespan", literals.read_timespan),
    "toguid": converting("guid"),
    "parse_json": _parse_json,
    "parsejson": _parse_json,
    "todynamic": _parse_json,
    "toobject": _parse_json,
    "extract_json": _extract_json,
    "extractjson": _extract_json,
}
"""Name → mapping."""
