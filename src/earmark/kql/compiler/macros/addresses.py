"""Macros of addresses: of the web, and IPv4."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.macros.base import Macro, macro

OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
"""A regular expression for one decimal part of an IPv4 address, without leading zeros."""
IPV4: Final = rf"{OCTET}(?:\.{OCTET}){{3}}"
"""A regular expression for an IPv4 address in four decimal parts, without leading zeros."""
_IPV4_MASKED = rf"^\s*{IPV4}(?:/(?:3[0-2]|[12]?[0-9]))?\s*$"
_URL = (
    r"^([A-Za-z][A-Za-z0-9+.\-]*)://(?:([^:@/?#]*):([^@/?#]*)@)?(\[[^\]]*\]|[^:/?#]*)(?::([0-9]*))?"
    r"([^?#]*)(?:\?([^#]*))?(?:#(.*))?$"
)

ADDRESSES: Final[dict[str, Macro]] = {
    # addresses of the web
    "k_pairs_of": macro(
        "q",
        "list_transform(list_filter(string_split(q, '&'), lambda p: strpos(p, '=') > 1 AND length(p) >"
        " strpos(p, '=')),"
        " lambda p: {'k': left(p, strpos(p, '=') - 1), 'v': substring(p, strpos(p, '=') + 1)})",
    ),
    "k_values_of": macro("pairs wanted", "list_transform(list_filter(pairs, lambda x: x.k = wanted), lambda x: x.v)"),
    "k_url_query": macro(
        "q",
        "'{' || array_to_string(list_transform(list_sort(list_distinct(list_transform(k_pairs_of(q), lambda y:"
        " y.k))),"
        " lambda z: to_json(z)::VARCHAR || ':' || CASE WHEN len(k_values_of(k_pairs_of(q), z)) = 1"
        " THEN to_json(k_values_of(k_pairs_of(q), z)[1])::VARCHAR ELSE to_json(k_values_of(k_pairs_of(q),"
        " z))::VARCHAR END),"
        " ',') || '}'",
    ),
    "k_url": macro(
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
    "k_ip_bits": macro("s", "coalesce(TRY_CAST(regexp_extract(s, '/([0-9]+)', 1) AS BIGINT), 32)"),
    "k_ip_address": macro(
        "s",
        rf"CASE WHEN regexp_matches(s, '{_IPV4_MASKED}') THEN "
        + " + ".join(
            rf"TRY_CAST(split_part(regexp_extract(s, '[0-9.]+'), '.', {part}) AS BIGINT) * {256 ** (4 - part)}"
            for part in range(1, 5)
        )
        + " END",
    ),
    "k_ip_mask": macro("n", "4294967296 - (1::BIGINT << (32 - greatest(least(n, 32), 0)))"),
    "k_ip_network": macro("s", "k_ip_address(s) & k_ip_mask(k_ip_bits(s))"),
    "k_ip_private": macro(
        "s",
        "CASE WHEN k_ip_address(s) IS NOT NULL THEN"
        + " OR ".join(
            f" (k_ip_bits(s) >= {bits} AND k_ip_address(s) & k_ip_mask({bits}) = {net})"
            for net, bits in ((167772160, 8), (2886729728, 12), (3232235520, 16))
        )
        + " END",
    ),
    "k_ip_compare": macro(
        "a b n",
        "sign((k_ip_address(a) & k_ip_mask(least(k_ip_bits(a), k_ip_bits(b), n)))"
        " - (k_ip_address(b) & k_ip_mask(least(k_ip_bits(a), k_ip_bits(b), n))))::BIGINT",
    ),
    "k_ip_text": macro(
        "n",
        "(n >> 24)::VARCHAR || '.' || (n >> 16 & 255)::VARCHAR"
        " || '.' || (n >> 8 & 255)::VARCHAR || '.' || (n & 255)::VARCHAR",
    ),
}
"""Name → macro."""
