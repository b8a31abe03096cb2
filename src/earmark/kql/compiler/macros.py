"""SQL macros for conversions and other meanings that need an argument several times.

Every macro is total: whatever its arguments hold, it gives a value or NULL and never stops the query; but for
`k_json_number`, where Kusto's answer is not known and none is better than a wrong one. DuckDB writes a
macro's arguments out wherever they are named, so callers hand over columns, not long expressions (`Scope.hoist`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from earmark.kql.base import EPOCH_TICKS
from earmark.kql.compiler.literals import LAST_TICK, TICKS

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
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4: Final = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
"""A regular expression for an IPv4 address in four decimal parts, without leading zeros."""
_IPV4_MASKED = rf"^\s*{IPV4}(?:/(?:3[0-2]|[12]?[0-9]))?\s*$"
_URL = (
    r"^([A-Za-z][A-Za-z0-9+.\-]*)://(?:([^:@/?#]*):([^@/?#]*)@)?(\[[^\]]*\]|[^:/?#]*)(?::([0-9]*))?"
    r"([^?#]*)(?:\?([^#]*))?(?:#(.*))?$"
)
TERM: Final = r"A-Za-z0-9\x{80}-\x{10ffff}"
"""Inside a character class: the characters that make up terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """One macro."""

    parameters: tuple[str, ...]
    body: str
    needs: tuple[str, ...] = field(default=())
    """Macros that the body calls."""


def _macro(parameters: str, body: str) -> Macro:
    return Macro(
        parameters=tuple(parameters.split()), body=body, needs=tuple(dict.fromkeys(re.findall(r"\bk_\w+", body)))
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

MACROS: Final[dict[str, Macro]] = {
    # time
    "k_ts": _macro("t", f"make_timestamp(t // 10 - {_EPOCH_MICROSECONDS})"),
    "k_ticks": _macro("ts", f"(epoch_us(ts) + {_EPOCH_MICROSECONDS}) * 10"),
    "k_in_time": _macro("t", f"nullif(nullif(least(greatest(t, -1), {LAST_TICK + 1}), -1), {LAST_TICK + 1})"),
    # values → text
    "k_datetime_text": _macro(
        "t", f"strftime(k_ts(t), '%Y-%m-%dT%H:%M:%S.') || lpad((t % {_SECOND})::VARCHAR, 7, '0') || 'Z'"
    ),
    "k_timespan_text": _macro(
        "t",
        f"CASE WHEN t < 0 THEN '-' ELSE '' END || CASE WHEN abs(t) >= {_DAY} THEN (abs(t) // {_DAY})::VARCHAR"
        f" || '.' ELSE '' END"
        f" || lpad((abs(t) // {_HOUR} % 24)::VARCHAR, 2, '0') || ':' || lpad((abs(t) // {_MINUTE} %"
        f" 60)::VARCHAR, 2, '0')"
        f" || ':' || lpad((abs(t) // {_SECOND} % 60)::VARCHAR, 2, '0')"
        f" || CASE WHEN t % {_SECOND} <> 0 THEN '.' || lpad((abs(t) % {_SECOND})::VARCHAR, 7, '0') ELSE '' END",
    ),
    "k_real_text": _macro(
        "x",
        "CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END"
        " ELSE x::VARCHAR END",
    ),
    "k_decimal_text": _macro("x", r"regexp_replace(regexp_replace(x::VARCHAR, '(\.[0-9]*?)0+$', '\1'), '\.$', '')"),
    # text → values
    "k_long": _macro("s", f"CASE WHEN regexp_matches(s, '{_INTEGER}') THEN TRY_CAST(trim(s) AS BIGINT) END"),
    "k_int": _macro("s", f"CASE WHEN regexp_matches(s, '{_INTEGER}') THEN TRY_CAST(trim(s) AS INTEGER) END"),
    "k_real": _macro("s", f"CASE WHEN regexp_matches(s, '{_REAL}') THEN TRY_CAST(trim(s) AS DOUBLE) END"),
    "k_decimal": _macro("s", f"CASE WHEN regexp_matches(s, '{_REAL}') THEN TRY_CAST(trim(s) AS DECIMAL(38,18)) END"),
    "k_bool": _macro(
        "s",
        r"CASE lower(regexp_replace(s, '^\s+|\s+$', '', 'g')) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE"
        r" ELSE CASE WHEN regexp_matches(s, '^\s*[+-]?[0-9]+\s*$') THEN regexp_matches(s, '[1-9]') END END",
    ),
    "k_guid": _macro(
        "s",
        rf"CASE WHEN regexp_matches(s, '{_GUID}') THEN regexp_replace(regexp_replace(lower(s), '[^0-9a-f]', '',"
        rf" 'g'),"
        r" '^(.{8})(.{4})(.{4})(.{4})(.{12})$', '\1-\2-\3-\4-\5') END",
    ),
    "k_fraction": _macro("s", r"rpad(regexp_extract(s, '\.([0-9]{1,7})', 1), 7, '0')::BIGINT"),
    "k_datetime": _macro(
        "s",
        rf"CASE WHEN regexp_matches(s, '{_ISO}') THEN"
        rf" k_in_time(k_ticks(TRY_CAST(regexp_replace(regexp_replace(trim(s),"
        r" '\.[0-9]+', ''), '\s+([Zz+-])', '\1') AS TIMESTAMPTZ)) + k_fraction(s))"
        f" ELSE k_ticks(try_strptime(trim(s), {_OTHER_DATES})) END",
    ),
    "k_timespan": _macro(
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
    "k_real_long": _macro(
        "x",
        "CASE WHEN isnan(x) OR isinf(x) THEN NULL WHEN x >= 9223372036854775807 THEN 9223372036854775807"
        " WHEN x <= -9223372036854775808 THEN (-9223372036854775807 - 1) ELSE TRY_CAST(trunc(x) AS BIGINT) END",
    ),
    "k_real_int": _macro(
        "x",
        "CASE WHEN isnan(x) OR isinf(x) THEN NULL WHEN x >= 2147483647 THEN 2147483647::INTEGER"
        " WHEN x <= -2147483648 THEN (-2147483648)::INTEGER ELSE TRY_CAST(trunc(x) AS INTEGER) END",
    ),
    "k_long_int": _macro("x", "((x & 4294967295) - CASE WHEN x & 2147483648 <> 0 THEN 4294967296 ELSE 0 END)::INTEGER"),
    # dynamic → values
    "k_json_long": _macro(
        "j", _held("BIGINT", f"k_long({_J_TEXT})", _J_LONG, f"k_real_long({_J_REAL})", "(j = 'true')::BIGINT")
    ),
    "k_json_int": _macro(
        "j",
        _held(
            "INTEGER", f"k_int({_J_TEXT})", f"k_long_int({_J_LONG})", f"k_real_int({_J_REAL})", "(j = 'true')::INTEGER"
        ),
    ),
    "k_json_real": _macro("j", _held("DOUBLE", f"k_real({_J_TEXT})", _J_REAL, _J_REAL, "(j = 'true')::DOUBLE")),
    "k_json_bool": _macro(
        "j", _held("BOOLEAN", f"k_bool({_J_TEXT})", f"{_J_LONG} <> 0", f"{_J_REAL} <> 0", "j = 'true'")
    ),
    "k_json_datetime": _macro("j", _held("BIGINT", f"k_datetime({_J_TEXT})", "NULL", "NULL", "NULL")),
    "k_json_timespan": _macro(
        "j", _held("BIGINT", f"k_timespan({_J_TEXT})", _J_LONG, f"k_real_long({_J_REAL})", "(j = 'true')::BIGINT")
    ),
    "k_json_guid": _macro("j", _held("VARCHAR", f"k_guid({_J_TEXT})", "NULL", "NULL", "NULL")),
    "k_json_number": _macro(
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
    "k_gettype": _macro(
        "j",
        "CASE coalesce(json_type(TRY_CAST(j AS JSON)), 'NULL') WHEN 'ARRAY' THEN 'array' WHEN 'OBJECT' THEN"
        " 'dictionary' WHEN 'BIGINT' THEN 'long'"
        " WHEN 'UBIGINT' THEN 'long' WHEN 'DOUBLE' THEN 'double' WHEN 'VARCHAR' THEN 'string' WHEN 'BOOLEAN'"
        " THEN 'bool' ELSE 'null' END",
    ),
    # text → dynamic: JSON where it is JSON, else the text itself
    "k_json": _macro(
        "s",
        r"nullif(CASE WHEN s = '' THEN NULL WHEN regexp_matches(s, '^\s*(?:[\[{\"]|-?[0-9]|true|false|null)')"
        r" THEN coalesce(TRY_CAST(s AS JSON)::VARCHAR, to_json(s)::VARCHAR) ELSE to_json(s)::VARCHAR END, 'null')",
    ),
    # dynamic arrays
    "k_texts": _macro("j", "json_extract_string(TRY_CAST(j AS JSON), '$[*]')"),
    "k_items": _macro("j", "json_extract(TRY_CAST(j AS JSON), '$[*]')"),
    "k_is_array": _macro("j", "json_type(TRY_CAST(j AS JSON)) = 'ARRAY'"),
    "k_array_length": _macro("j", "CASE WHEN k_is_array(j) THEN json_array_length(TRY_CAST(j AS JSON))::BIGINT END"),
    "k_strcat_array": _macro(
        "j d",
        "CASE WHEN k_is_array(j) THEN array_to_string(list_transform(k_texts(j), lambda e: coalesce(e, '')), d)"
        " ELSE coalesce(json_extract_string(TRY_CAST(j AS JSON), '$'), '') END",
    ),
    "k_bag_keys": _macro(
        "j",
        "CASE WHEN json_type(TRY_CAST(j AS JSON)) = 'OBJECT' THEN to_json(json_keys(TRY_CAST(j AS JSON)))::VARCHAR END",
    ),
    "k_make_bag": _macro(
        "bags",
        "coalesce('{' || array_to_string(list_transform(list_filter(k_pairs(bags), lambda p, place:"
        " list_position(list_transform(k_pairs(bags), lambda q: q.k), p.k) = place),"
        " lambda p: to_json(p.k)::VARCHAR || ':' || p.v), ',') || '}', '{}')",
    ),
    "k_pairs": _macro(
        "bags",
        "flatten(list_transform(list_filter(bags, lambda b: json_type(TRY_CAST(b AS JSON)) = 'OBJECT'), lambda b:"
        " list_transform(json_keys(TRY_CAST(b AS JSON)), lambda key: {'k': key, 'v': json_extract(TRY_CAST(b AS"
        " JSON),"
        " '/' || replace(replace(key, '~', '~0'), '/', '~1'))::VARCHAR})))",
    ),
    "k_sorted_set": _macro(
        "items",
        "list_transform(list_sort(list_transform(list_distinct(items), lambda e: {'n': TRY_CAST(e AS DOUBLE),"
        " 't': e})),"
        " lambda s: s.t)",
    ),
    "k_slice": _macro(
        "j a z",
        "CASE WHEN k_is_array(j) THEN to_json(list_slice(k_items(j),"
        " greatest(CASE WHEN a < 0 THEN len(k_items(j)) + a ELSE a END, 0) + 1,"
        " CASE WHEN z < 0 THEN len(k_items(j)) + z ELSE z END + 1))::VARCHAR END",
    ),
    "k_index_of": _macro(
        "j v a n o",
        "CASE WHEN k_is_array(j) THEN coalesce(list_filter(range(len(k_items(j))), lambda i: k_items(j)[i + 1] = v"
        " AND i >= greatest(CASE WHEN a < 0 THEN len(k_items(j)) + a ELSE a END, 0)"
        " AND (n < 0 OR i < CASE WHEN a < 0 THEN len(k_items(j)) + a ELSE a END + n))[o], -1) END",
    ),
    # text
    "k_has": _macro(
        "s t before after flags",
        rf"regexp_matches(s, flags || CASE WHEN before AND regexp_matches(t, '^[{TERM}]') THEN"
        rf" '(?:^|[^{TERM}])' ELSE '' END"
        rf" || regexp_escape(t) || CASE WHEN after AND regexp_matches(t, '[{TERM}]$') THEN '(?:$|[^{TERM}])'"
        rf" ELSE '' END)",
    ),
    "k_substring": _macro(
        "s a n",
        "CASE WHEN (CASE WHEN a < 0 THEN length(s) + a ELSE a END) < 0 OR n <= 0 THEN ''"
        " ELSE substring(s, CASE WHEN a < 0 THEN length(s) + a ELSE a END + 1, n) END",
    ),
    "k_count_of": _macro(
        "s t",
        "CASE WHEN t = '' THEN 0 ELSE len(list_filter(range(1, length(s) - length(t) + 2),"
        " lambda i: substring(s, i, length(t)) = t)) END::BIGINT",
    ),
    "k_index_in": _macro(
        "s t a n o",
        "coalesce(list_filter(range(length(s) - length(t) + 1), lambda i: substring(s, i + 1, length(t)) = t"
        " AND i >= CASE WHEN a < 0 THEN greatest(length(s) + a, 0) ELSE a END"
        " AND (n < 0 OR i < CASE WHEN a < 0 THEN greatest(length(s) + a, 0) ELSE a END + n))[o], -1)::BIGINT",
    ),
    # addresses of the web
    "k_pairs_of": _macro(
        "q",
        "list_transform(list_filter(string_split(q, '&'), lambda p: strpos(p, '=') > 1 AND length(p) >"
        " strpos(p, '=')),"
        " lambda p: {'k': left(p, strpos(p, '=') - 1), 'v': substring(p, strpos(p, '=') + 1)})",
    ),
    "k_values_of": _macro("pairs wanted", "list_transform(list_filter(pairs, lambda x: x.k = wanted), lambda x: x.v)"),
    "k_url_query": _macro(
        "q",
        "'{' || array_to_string(list_transform(list_sort(list_distinct(list_transform(k_pairs_of(q), lambda y:"
        " y.k))),"
        " lambda z: to_json(z)::VARCHAR || ':' || CASE WHEN len(k_values_of(k_pairs_of(q), z)) = 1"
        " THEN to_json(k_values_of(k_pairs_of(q), z)[1])::VARCHAR ELSE to_json(k_values_of(k_pairs_of(q),"
        " z))::VARCHAR END),"
        " ',') || '}'",
    ),
    "k_url": _macro(
        "u",
        f"list_transform([regexp_extract(u, '{_URL}', ['s', 'n', 'p', 'h', 'o', 'd', 'q', 'f'])], lambda m:"
        " '{\"Scheme\":' || to_json(m.s)::VARCHAR || ',\"Host\":' || to_json(m.h)::VARCHAR"
        " || ',\"Port\":' || to_json(m.o)::VARCHAR || ',\"Path\":' || to_json(CASE WHEN m.d = '/'"
        " AND NOT regexp_matches(u, '[?#]') THEN '' ELSE m.d END)::VARCHAR || ',\"Username\":' ||"
        " to_json(m.n)::VARCHAR"
        " || ',\"Password\":' || to_json(m.p)::VARCHAR || ',\"Query Parameters\":' || k_url_query(m.q)"
        " || ',\"Fragment\":' || to_json(m.f)::VARCHAR || '}')[1]",
    ),
    # IPv4
    "k_ip_bits": _macro("s", "coalesce(TRY_CAST(regexp_extract(s, '/([0-9]+)', 1) AS BIGINT), 32)"),
    "k_ip_address": _macro(
        "s",
        rf"CASE WHEN regexp_matches(s, '{_IPV4_MASKED}') THEN "
        + " + ".join(
            rf"TRY_CAST(split_part(regexp_extract(s, '[0-9.]+'), '.', {part}) AS BIGINT) * {256 ** (4 - part)}"
            for part in range(1, 5)
        )
        + " END",
    ),
    "k_ip_mask": _macro("n", "4294967296 - (1::BIGINT << (32 - greatest(least(n, 32), 0)))"),
    "k_ip_network": _macro("s", "k_ip_address(s) & k_ip_mask(k_ip_bits(s))"),
    "k_ip_private": _macro(
        "s",
        "CASE WHEN k_ip_address(s) IS NOT NULL THEN"
        + " OR ".join(
            f" (k_ip_bits(s) >= {bits} AND k_ip_address(s) & k_ip_mask({bits}) = {net})"
            for net, bits in ((167772160, 8), (2886729728, 12), (3232235520, 16))
        )
        + " END",
    ),
    "k_ip_compare": _macro(
        "a b n",
        "sign((k_ip_address(a) & k_ip_mask(least(k_ip_bits(a), k_ip_bits(b), n)))"
        " - (k_ip_address(b) & k_ip_mask(least(k_ip_bits(a), k_ip_bits(b), n))))::BIGINT",
    ),
    "k_ip_text": _macro(
        "n",
        "(n >> 24)::VARCHAR || '.' || (n >> 16 & 255)::VARCHAR"
        " || '.' || (n >> 8 & 255)::VARCHAR || '.' || (n & 255)::VARCHAR",
    ),
}


def definitions(names: Iterable[str]) -> tuple[str, ...]:
    """CREATE MACRO statements for these macros and all that they need, in an order that works."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        if name not in ordered:
            for needed in MACROS[name].needs:
                add(needed)
            ordered[name] = None

    for name in names:
        add(name)
    return tuple(
        f"CREATE TEMP MACRO {name}({', '.join(MACROS[name].parameters)}) AS ({MACROS[name].body})" for name in ordered
    )


def repeats(name: str, position: int) -> bool:
    """Whether a macro writes its argument out more than once, itself or through the macros that it calls."""
    macro = MACROS[name]
    parameter = macro.parameters[position]
    return len(re.findall(rf"\b{parameter}\b", macro.body)) > 1 or bool(macro.needs)
