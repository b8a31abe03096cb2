"""Macros of text."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.macros.base import Macro, macro

TERM: Final = r"A-Za-z0-9\x{80}-\x{10ffff}"
"""Inside a character class: the characters that make up terms."""


TEXTS: Final[dict[str, Macro]] = {
    # text
    "k_has": macro(
        "s t before after flags",
        rf"regexp_matches(s, flags || CASE WHEN before AND regexp_matches(t, '^[{TERM}]') THEN"
        rf" '(?:^|[^{TERM}])' ELSE '' END"
        rf" || regexp_escape(t) || CASE WHEN after AND regexp_matches(t, '[{TERM}]$') THEN '(?:$|[^{TERM}])'"
        rf" ELSE '' END)",
    ),
    "k_substring": macro(
        "s a n",
        "CASE WHEN (CASE WHEN a < 0 THEN length(s) + a ELSE a END) < 0 OR n <= 0 THEN ''"
        " ELSE substring(s, CASE WHEN a < 0 THEN length(s) + a ELSE a END + 1, n) END",
    ),
    "k_count_of": macro(
        "s t",
        "CASE WHEN t = '' THEN 0 ELSE len(list_filter(range(1, length(s) - length(t) + 2),"
        " lambda i: substring(s, i, length(t)) = t)) END::BIGINT",
    ),
    "k_index_in": macro(
        "s t a n o",
        "coalesce(list_filter(range(length(s) - length(t) + 1), lambda i: substring(s, i + 1, length(t)) = t"
        " AND i >= CASE WHEN a < 0 THEN greatest(length(s) + a, 0) ELSE a END"
        " AND (n < 0 OR i < CASE WHEN a < 0 THEN greatest(length(s) + a, 0) ELSE a END + n))[o], -1)::BIGINT",
    ),
}
"""Name → macro."""
