"""From one KQL type to another: what `tostring(x)`, `tolong(x)` and their kin mean, and what happens without being
asked for.

Constants are converted here and now where that is simple; everything else by total macros.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from earmark.kql.compiler import macros
from earmark.kql.compiler.literals import (
    LiteralError,
    constant,
    datetime_text,
    json_text,
    read_datetime,
    timespan_text,
)
from earmark.kql.compiler.scalar import UNKNOWN, JsonPath, Scalar, null

if TYPE_CHECKING:
    from earmark.kql.compiler.scope import Scope
    from earmark.kql.compiler.tree import Node

NUMBERS: Final = ("int", "long", "real", "decimal")
"""The numeric types, each wide enough for those before it."""

_FROM_STRING: Final = {
    "int": "k_int", "long": "k_long", "real": "k_real", "decimal": "k_decimal", "bool": "k_bool",
    "datetime": "k_datetime", "timespan": "k_timespan", "guid": "k_guid", "dynamic": "k_json",
}  # fmt: skip
_FROM_DYNAMIC: Final = {
    "int": "k_json_int", "long": "k_json_long", "real": "k_json_real", "bool": "k_json_bool",
    "datetime": "k_json_datetime", "timespan": "k_json_timespan", "guid": "k_json_guid",
}  # fmt: skip
_BETWEEN_NUMBERS: Final = {
    ("long", "int"): "k_long_int({0})",
    ("real", "int"): "k_real_int({0})",
    ("real", "long"): "k_real_long({0})",
    ("decimal", "int"): "k_real_int(({0})::DOUBLE)",
    ("decimal", "long"): "k_real_long(({0})::DOUBLE)",
    ("bool", "int"): "({0})::INTEGER",
    ("bool", "long"): "({0})::BIGINT",
    ("bool", "real"): "({0})::INTEGER::DOUBLE",
    ("int", "bool"): "({0}) <> 0",
    ("long", "bool"): "({0}) <> 0",
    ("real", "bool"): "({0}) <> 0",
    ("int", "long"): "({0})::BIGINT",
    ("int", "real"): "({0})::DOUBLE",
    ("long", "real"): "({0})::DOUBLE",
    ("decimal", "real"): "({0})::DOUBLE",
    ("int", "decimal"): "({0})::DECIMAL(38,18)",
    ("long", "decimal"): "TRY_CAST(({0}) AS DECIMAL(38,18))",
    ("real", "decimal"): "TRY_CAST(({0}) AS DECIMAL(38,18))",
    ("datetime", "long"): "{0}",
    ("timespan", "long"): "{0}",
    ("datetime", "int"): "k_long_int({0})",
    ("timespan", "int"): "k_long_int({0})",
    ("datetime", "real"): "({0})::DOUBLE",
    ("timespan", "real"): "({0})::DOUBLE",
    ("long", "datetime"): "k_in_time({0})",
    ("int", "datetime"): "k_in_time(({0})::BIGINT)",
    ("long", "timespan"): "{0}",
    ("int", "timespan"): "({0})::BIGINT",
    ("real", "timespan"): "k_real_long({0})",
    ("bool", "timespan"): "({0})::BIGINT",
}


def call_macro(scope: Scope, name: str, *arguments: Scalar | str) -> str:
    """SQL of a macro's call; arguments that the macro names more than once are hoisted."""
    scope.require_macro(name)
    written = [
        argument
        if isinstance(argument, str)
        else scope.hoist(argument).sql
        if macros.repeats(name, position)
        else argument.sql
        for position, argument in enumerate(arguments)
    ]
    return f"{name}({', '.join(written)})"


def to_text(value: Scalar, scope: Scope) -> Scalar:
    """The value as `tostring` writes it; null is the empty string."""
    if value.type == "string":
        return value
    if value.is_const and value.type != "real":
        return constant(text_of(value.const, value.type), "string")
    match value.type:
        case "dynamic" if value.json is not None and value.json.path != "$":
            sql = f"json_extract_string({value.json.root}, {_quoted_path(value.json)})"
        case "dynamic":
            sql = f"json_extract_string(TRY_CAST({value.sql} AS JSON), '$')"
        case "bool":
            sql = f"CASE {value.inner} WHEN TRUE THEN 'True' WHEN FALSE THEN 'False' END"
        case "real":
            sql = call_macro(scope, "k_real_text", value)
        case "decimal":
            sql = call_macro(scope, "k_decimal_text", value)
        case "datetime":
            sql = call_macro(scope, "k_datetime_text", value)
        case "timespan":
            sql = call_macro(scope, "k_timespan_text", value)
        case "guid":
            sql = value.sql
        case _:
            sql = f"{value.inner}::VARCHAR"
    return Scalar(
        sql=f"coalesce({sql}, '')" if value.nullable or value.type == "dynamic" else sql, type="string", nullable=False
    )


def text_of(value: Any, kql_type: str) -> str:
    """The text of a constant, as `tostring` writes it."""
    if value is None:
        return ""
    match kql_type:
        case "bool":
            return "True" if value else "False"
        case "datetime":
            return datetime_text(value)
        case "timespan":
            return timespan_text(value)
        case "dynamic":
            return value if isinstance(value, str) else json_text(value)
        case "decimal":
            text = format(Decimal(value), "f")
            return text.rstrip("0").rstrip(".") if "." in text else text
        case _:
            return str(value)


def convert(value: Scalar, kql_type: str, scope: Scope, node: Node | None = None) -> Scalar:
    """The value in another type, null where it cannot be read as that type."""
    if value.type == kql_type:
        return value
    if value.is_null:
        return null(kql_type)
    if kql_type == "string":
        return to_text(value, scope)
    if value.is_const and (folded := _folded(value, kql_type)) is not None:
        return folded
    if kql_type == "dynamic":
        return to_dynamic(value, scope)
    if value.type == "string" and kql_type in _FROM_STRING:
        return Scalar(sql=call_macro(scope, _FROM_STRING[kql_type], value), type=kql_type)
    if value.type == "dynamic" and kql_type in _FROM_DYNAMIC:
        return Scalar(sql=call_macro(scope, _FROM_DYNAMIC[kql_type], read(value)), type=kql_type)
    template = _BETWEEN_NUMBERS.get((value.type, kql_type))
    if template is None:
        raise scope.refuse(node, f"a value of type {value.type} is not converted to {kql_type}")
    return Scalar(sql=_filled(template, value, scope), type=kql_type, nullable=value.nullable or "k_" in template)


def _filled(template: str, value: Scalar, scope: Scope) -> str:
    name = template.partition("(")[0]
    if not name.startswith("k_"):
        return template.format(value.sql)
    scope.require_macro(name)
    return template.format(scope.hoist(value).sql)


def _folded(value: Scalar, kql_type: str) -> Scalar | None:
    """A constant converted without the engine, where nothing can go wrong."""
    if value.type in ("int", "long") and kql_type in ("long", "real", "decimal"):
        return constant({"long": int, "real": float, "decimal": Decimal}[kql_type](value.const), kql_type)
    if value.type == "string" and kql_type == "datetime":
        try:
            return constant(read_datetime(value.const), "datetime")
        except LiteralError:
            return None
    if kql_type == "dynamic" and value.type in ("bool", "int", "long", "real", "string"):
        return constant(value.const, "dynamic")
    if kql_type == "dynamic" and value.type in ("datetime", "timespan", "guid"):
        return constant(text_of(value.const, value.type), "dynamic")
    return None


def read(value: Scalar) -> Scalar:
    """A dynamic as plain SQL, its path forgotten."""
    return replace(value, json=None)


def to_dynamic(value: Scalar, scope: Scope) -> Scalar:
    """A value inside a dynamic, as JSON text; datetimes, timespans and guids as their text."""
    if value.type == "dynamic":
        return value
    return Scalar(sql=f"{json_element(value, scope)}::VARCHAR", type="dynamic", nullable=value.nullable)


def json_element(value: Scalar, scope: Scope) -> str:
    """SQL of type JSON for a value, to be put into arrays and bags."""
    match value.type:
        case "dynamic" if value.is_const:
            return f"{constant(value.const, 'dynamic').sql}::JSON"
        case "dynamic":
            return f"TRY_CAST({value.sql} AS JSON)"
        case "datetime":
            return f"to_json({call_macro(scope, 'k_datetime_text', value)})"
        case "timespan":
            return f"to_json({call_macro(scope, 'k_timespan_text', value)})"
        case "decimal":
            return f"to_json({call_macro(scope, 'k_decimal_text', value)})"
        case _:
            return f"to_json({value.sql})"


def document(value: Scalar) -> JsonPath:
    """Where the members of a dynamic are read from."""
    if value.json is not None:
        return value.json
    if value.is_const:
        return JsonPath(root=f"{value.sql}::JSON", path="$")
    return JsonPath(root=f"TRY_CAST({value.sql} AS JSON)", path="$")


_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\[(?:'([^'\"\\]+)'|\"([^'\"\\]+)\")\]")


def steps_of(path: str) -> str | None:
    """The steps of a JSON path written by a person, as DuckDB wants them; None where it is not understood."""
    at, steps = 1, ""
    while path.startswith("$") and at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        name = found[1] or found[3] or found[4]
        steps += f"[{found[2]}]" if name is None else f'."{name}"'
        at = found.end()
    return steps or None


def member(root: JsonPath, step: str) -> Scalar:
    """The member of a dynamic that one more step of a path leads to."""
    path = JsonPath(root=root.root, path=root.path + step)
    sql = f"nullif(json_extract({path.root}, {_quoted_path(path)})::VARCHAR, 'null')"
    return Scalar(sql=sql, type="dynamic", nullable=True, const=UNKNOWN, json=path)


def _quoted_path(path: JsonPath) -> str:
    return "'" + path.path.replace("'", "''") + "'"
