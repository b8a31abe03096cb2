"""Macros of conversions: time, text → values, values → text, dynamic → values."""

from __future__ import annotations

from typing import Final

from earmark.kql.base import EPOCH_TICKS
from earmark.kql.compiler.literals import LAST_TICK, TICKS
from earmark.kql.compiler.macros.base import Macro, macro

_DAY, _HOUR, _MINUTE, _SECOND = TICKS["d"], TICKS["h"], TICKS["m"], TICKS["s"]
_EPOCH_MICROSECONDS = EPOCH_TICKS // 10
_CLOCK = r"([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{1,9}))?)?"
_ISO = rf"^\s*[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}(?:[Tt ]\s*{_CLOCK})?\s*(?:[Zz]|[+-][0-9]{{2}}:?[0-9]{{2}})?\s*$"
_SPAN = rf"^\s*-?(?:[0-9]{{1,7}}\.)?{_CLOCK}\s*$"
_INTEGER = r"^\s*[+-]?(?:[0-9]+|0[xX][0-9a-fA-F]+)\s*$"
_REAL = r"^\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*$"
_GUID = r"^\s*\{?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\}?\s*$"
_OTHER_DATES = (
    "['%m/%d/%Y %H:%M:%S', '%m/%d/%Y', '%m-%d-%Y %H:%M:%S', '%m-%d-%Y', '%a, %d %b %Y %H:%M:%S GMT',"
    " '%m/%d/%Y %I:%M:%S %p']"
)


def _held(kind: str, text: str, number: str, real: str, boolean: str) -> str:
    """What a dynamic value `j` holds, converted by its own JSON type."""
    return (
        f"CASE json_type(TRY_CAST(j AS JSON)) WHEN 'VARCHAR' THEN {text} WHEN 'BIGINT' THEN {number} WHEN"
        f" 'UBIGINT' THEN {number} "
        f"WHEN 'DOUBLE' THEN {real} WHEN 'BOOLEAN' THEN {boolean} ELSE NULL::{kind} END"
    )


_J_TEXT = "json_extract_string(TRY_CAST(j AS JSON), '$')"
_J_REAL = "TRY_CAST(j AS DOUBLE)"
_J_LONG = "TRY_CAST(j AS BIGINT)"

VALUES: Final[dict[str, Macro]] = {
    # time
    "k_ts": macro("t", f"make_timestamp(t // 10 - {_EPOCH_MICROSECONDS})"),
    "k_ticks": macro("ts", f"(epoch_us(ts) + {_EPOCH_MICROSECONDS}) * 10"),
    "k_in_time": macro("t", f"nullif(nullif(least(greatest(t, -1), {LAST_TICK + 1}), -1), {LAST_TICK + 1})"),
    # values → text
    "k_datetime_text": macro(
        "t", f"strftime(k_ts(t), '%Y-%m-%dT%H:%M:%S.') || lpad((t % {_SECOND})::VARCHAR, 7, '0') || 'Z'"
    ),
    "k_timespan_text": macro(
        "t",
        f"CASE WHEN t < 0 THEN '-' ELSE '' END || CASE WHEN abs(t) >= {_DAY} THEN (abs(t) // {_DAY})::VARCHAR"
        f" || '.' ELSE '' END"
        f" || lpad((abs(t) // {_HOUR} % 24)::VARCHAR, 2, '0') || ':' || lpad((abs(t) // {_MINUTE} %"
        f" 60)::VARCHAR, 2, '0')"
        f" || ':' || lpad((abs(t) // {_SECOND} % 60)::VARCHAR, 2, '0')"
        f" || CASE WHEN t % {_SECOND} <> 0 THEN '.' || lpad((abs(t) % {_SECOND})::VARCHAR, 7, '0') ELSE '' END",
    ),
    "k_real_text": macro(
        "x",
        "CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END"
        " ELSE x::VARCHAR END",
    ),
    "k_decimal_text": macro("x", r"regexp_replace(regexp_replace(x::VARCHAR, '(\.[0-9]*?)0+$', '\1'), '\.$', '')"),
    # text → values
    "k_long": macro("s", f"CASE WHEN regexp_matches(s, '{_INTEGER}') THEN TRY_CAST(trim(s) AS BIGINT) END"),
    "k_int": macro("s", f"CASE WHEN regexp_matches(s, '{_INTEGER}') THEN TRY_CAST(trim(s) AS INTEGER) END"),
    "k_real": macro("s", f"CASE WHEN regexp_matches(s, '{_REAL}') THEN TRY_CAST(trim(s) AS DOUBLE) END"),
    "k_decimal": macro("s", f"CASE WHEN regexp_matches(s, '{_REAL}') THEN TRY_CAST(trim(s) AS DECIMAL(38,18)) END"),
    "k_bool": macro(
        "s",
        r"CASE lower(regexp_replace(s, '^\s+|\s+$', '', 'g')) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE"
        r" ELSE CASE WHEN regexp_matches(s, '^\s*[+-]?[0-9]+\s*$') THEN regexp_matches(s, '[1-9]') END END",
    ),
    "k_guid": macro(
        "s",
        rf"CASE WHEN regexp_matches(s, '{_GUID}') THEN regexp_replace(regexp_replace(lower(s), '[^0-9a-f]', '',"
        rf" 'g'),"
        r" '^(.{8})(.{4})(.{4})(.{4})(.{12})$', '\1-\2-\3-\4-\5') END",
    ),
    "k_fraction": macro("s", r"rpad(regexp_extract(s, '\.([0-9]{1,7})', 1), 7, '0')::BIGINT"),
    "k_datetime": macro(
        "s",
        rf"CASE WHEN regexp_matches(s, '{_ISO}') THEN"
        rf" k_in_time(k_ticks(TRY_CAST(regexp_replace(regexp_replace(trim(s),"
        r" '\.[0-9]+', ''), '\s+([Zz+-])', '\1') AS TIMESTAMPTZ)) + k_fraction(s))"
        f" ELSE k_ticks(try_strptime(trim(s), {_OTHER_DATES})) END",
    ),
    "k_timespan": macro(
        "s",
        rf"CASE WHEN regexp_matches(s, '{_SPAN}') AND coalesce(TRY_CAST(regexp_extract(s, '{_CLOCK}', 1) AS"
        rf" BIGINT), 0) < 24"
        rf" AND coalesce(TRY_CAST(regexp_extract(s, '{_CLOCK}', 2) AS BIGINT), 0) < 60"
        rf" AND coalesce(TRY_CAST(regexp_extract(s, '{_CLOCK}', 3) AS BIGINT), 0) < 60 THEN"
        r" (CASE WHEN starts_with(trim(s), '-') THEN -1 ELSE 1 END) * ("
        rf"coalesce(TRY_CAST(regexp_extract(s, '([0-9]+)\.[0-9]+:', 1) AS BIGINT), 0) * {_DAY}"
        rf" + coalesce(TRY_CAST(regexp_extract(s, '{_CLOCK}', 1) AS BIGINT), 0) * {_HOUR}"
        rf" + coalesce(TRY_CAST(regexp_extract(s, '{_CLOCK}', 2) AS BIGINT), 0) * {_MINUTE}"
        rf" + coalesce(TRY_CAST(regexp_extract(s, '{_CLOCK}', 3) AS BIGINT), 0) * {_SECOND}"
        rf" + coalesce(TRY_CAST(rpad(regexp_extract(s, '{_CLOCK}', 4), 7, '0') AS BIGINT), 0))"
        r" WHEN regexp_matches(s, '^\s*-?[0-9]{1,7}\s*$')"
        f" THEN TRY_CAST(trim(s) AS BIGINT) * {_DAY} END",
    ),
    # numbers → numbers: towards zero, and at the bounds where they do not fit
    "k_real_long": macro(
        "x",
        "CASE WHEN isnan(x) OR isinf(x) THEN NULL WHEN x >= 9223372036854775807 THEN 9223372036854775807"
        " WHEN x <= -9223372036854775808 THEN (-9223372036854775807 - 1) ELSE TRY_CAST(trunc(x) AS BIGINT) END",
    ),
    "k_real_int": macro(
        "x",
        "CASE WHEN isnan(x) OR isinf(x) THEN NULL WHEN x >= 2147483647 THEN 2147483647::INTEGER"
        " WHEN x <= -2147483648 THEN (-2147483648)::INTEGER ELSE TRY_CAST(trunc(x) AS INTEGER) END",
    ),
    "k_long_int": macro("x", "((x & 4294967295) - CASE WHEN x & 2147483648 <> 0 THEN 4294967296 ELSE 0 END)::INTEGER"),
    # dynamic → values
    "k_json_long": macro(
        "j", _held("BIGINT", f"k_long({_J_TEXT})", _J_LONG, f"k_real_long({_J_REAL})", "(j = 'true')::BIGINT")
    ),
    "k_json_int": macro(
        "j",
        _held(
            "INTEGER", f"k_int({_J_TEXT})", f"k_long_int({_J_LONG})", f"k_real_int({_J_REAL})", "(j = 'true')::INTEGER"
        ),
    ),
    "k_json_real": macro("j", _held("DOUBLE", f"k_real({_J_TEXT})", _J_REAL, _J_REAL, "(j = 'true')::DOUBLE")),
    "k_json_bool": macro(
        "j", _held("BOOLEAN", f"k_bool({_J_TEXT})", f"{_J_LONG} <> 0", f"{_J_REAL} <> 0", "j = 'true'")
    ),
    "k_json_datetime": macro("j", _held("BIGINT", f"k_datetime({_J_TEXT})", "NULL", "NULL", "NULL")),
    "k_json_timespan": macro(
        "j", _held("BIGINT", f"k_timespan({_J_TEXT})", _J_LONG, f"k_real_long({_J_REAL})", "(j = 'true')::BIGINT")
    ),
    "k_json_guid": macro("j", _held("VARCHAR", f"k_guid({_J_TEXT})", "NULL", "NULL", "NULL")),
    "k_json_number": macro(
        "j",
        _held(
            "DOUBLE",
            f"CASE WHEN k_real({_J_TEXT}) IS NOT NULL THEN error('a number in quotes is compared with a number;"
            " write tolong(…) or todouble(…) around the dynamic value')::DOUBLE END",
            _J_REAL,
            _J_REAL,
            "NULL",
        ),
    ),
    "k_gettype": macro(
        "j",
        "CASE coalesce(json_type(TRY_CAST(j AS JSON)), 'NULL') WHEN 'ARRAY' THEN 'array' WHEN 'OBJECT' THEN"
        " 'dictionary' WHEN 'BIGINT' THEN 'long'"
        " WHEN 'UBIGINT' THEN 'long' WHEN 'DOUBLE' THEN 'double' WHEN 'VARCHAR' THEN 'string' WHEN 'BOOLEAN'"
        " THEN 'bool' ELSE 'null' END",
    ),
    # text → dynamic: JSON where it is JSON, else the text itself
    "k_json": macro(
        "s",
        r"nullif(CASE WHEN s = '' THEN NULL WHEN regexp_matches(s, '^\s*(?:[\[{\"]|-?[0-9]|true|false|null)')"
        r" THEN coalesce(TRY_CAST(s AS JSON)::VARCHAR, to_json(s)::VARCHAR) ELSE to_json(s)::VARCHAR END, 'null')",
    ),
}
"""Name → macro."""
