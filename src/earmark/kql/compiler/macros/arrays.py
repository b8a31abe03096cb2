"""Macros of arrays and bags."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.macros.base import Macro, macro

_IS_NUMBER = "json_type(e) IN ('BIGINT', 'UBIGINT', 'DOUBLE')"
_SPAN = r"^-?(?:[0-9]+\.)?[0-9]{1,2}:[0-9]{2}"

ARRAYS: Final[dict[str, Macro]] = {
    # dynamic arrays
    "k_texts": macro("j", "json_extract_string(TRY_CAST(j AS JSON), '$[*]')"),
    "k_items": macro("j", "json_extract(TRY_CAST(j AS JSON), '$[*]')"),
    "k_is_array": macro("j", "json_type(TRY_CAST(j AS JSON)) = 'ARRAY'"),
    "k_array_length": macro("j", "CASE WHEN k_is_array(j) THEN json_array_length(TRY_CAST(j AS JSON))::BIGINT END"),
    "k_strcat_array": macro(
        "j d",
        "CASE WHEN k_is_array(j) THEN array_to_string(list_transform(k_texts(j), lambda e: coalesce(e, '')), d)"
        " ELSE coalesce(json_extract_string(TRY_CAST(j AS JSON), '$'), '') END",
    ),
    "k_bag_keys": macro(
        "j",
        "CASE WHEN json_type(TRY_CAST(j AS JSON)) = 'OBJECT' THEN to_json(json_keys(TRY_CAST(j AS JSON)))::VARCHAR END",
    ),
    "k_make_bag": macro(
        "bags",
        "coalesce('{' || array_to_string(list_transform(list_filter(k_pairs(bags), lambda p, place:"
        " list_position(list_transform(k_pairs(bags), lambda q: q.k), p.k) = place),"
        " lambda p: to_json(p.k)::VARCHAR || ':' || p.v), ',') || '}', '{}')",
    ),
    "k_pairs": macro(
        "bags",
        "flatten(list_transform(list_filter(bags, lambda b: json_type(TRY_CAST(b AS JSON)) = 'OBJECT'), lambda b:"
        " list_transform(json_keys(TRY_CAST(b AS JSON)), lambda key: {'k': key, 'v': json_extract(TRY_CAST(b AS"
        " JSON),"
        " '/' || replace(replace(key, '~', '~0'), '/', '~1'))::VARCHAR})))",
    ),
    "k_sorted_set": macro(
        "items",
        "list_transform(list_sort(list_transform(list_distinct(items), lambda e: {'n': TRY_CAST(e AS DOUBLE),"
        " 't': e})),"
        " lambda s: s.t)",
    ),
    "k_present": macro("items", "list_filter(items, lambda e: json_type(e) <> 'NULL')"),
    "k_absent": macro("items", "list_filter(items, lambda e: json_type(e) = 'NULL')"),
    "k_orderly": macro(
        "items",
        f"len(list_filter(items, lambda e: {_IS_NUMBER})) = len(items) OR len(list_filter(items, lambda e:"
        f" json_type(e) = 'VARCHAR' AND NOT regexp_matches(json_extract_string(e, '$'), '{_SPAN}'))) = len(items)",
    ),
    "k_array_sorted": macro(
        "j direction",
        "CASE WHEN NOT k_is_array(j) THEN NULL WHEN NOT k_orderly(k_present(k_items(j))) THEN"
        " error('an array is sorted here only if all its elements are numbers, or all are texts other than timespans')"
        "::JSON[] ELSE list_transform(list_sort(list_transform(k_present(k_items(j)), lambda e:"
        f" {{'n': CASE WHEN {_IS_NUMBER} THEN TRY_CAST(e AS DOUBLE) END,"
        f" 'i': CASE WHEN {_IS_NUMBER} THEN TRY_CAST(e AS HUGEINT) END,"
        " 't': json_extract_string(e, '$'), 'e': e}), direction), lambda s: s.e) END",
    ),
    "k_jaccard": macro(
        "a b",
        "CASE WHEN len(list_concat(a, b)) = 0 THEN error('jaccard_index of two empty sets is not known here')::DOUBLE"
        " ELSE len(list_distinct(list_filter(a, lambda e: list_contains(b, e))))::DOUBLE"
        " / len(list_distinct(list_concat(a, b))) END",
    ),
    "k_bag_of": macro(
        "keys members",
        "CASE WHEN len(list_distinct(keys)) < len(keys) OR list_contains(keys, '') THEN"
        " error('bag_pack: a key is empty, or given twice')::VARCHAR ELSE '{' || array_to_string(list_transform(keys,"
        " lambda key, place: to_json(key)::VARCHAR || ':' || coalesce(members[place]::VARCHAR, 'null')), ',')"
        " || '}' END",
    ),
    "k_slice": macro(
        "j a z",
        "CASE WHEN k_is_array(j) THEN to_json(list_slice(k_items(j),"
        " greatest(CASE WHEN a < 0 THEN len(k_items(j)) + a ELSE a END, 0) + 1,"
        " CASE WHEN z < 0 THEN len(k_items(j)) + z ELSE z END + 1))::VARCHAR END",
    ),
    "k_index_of": macro(
        "j v a n o",
        "CASE WHEN k_is_array(j) THEN coalesce(list_filter(range(len(k_items(j))), lambda i: k_items(j)[i + 1] = v"
        " AND i >= greatest(CASE WHEN a < 0 THEN len(k_items(j)) + a ELSE a END, 0)"
        " AND (n < 0 OR i < CASE WHEN a < 0 THEN len(k_items(j)) + a ELSE a END + n))[o], -1) END",
    ),
}
"""Name → macro."""
