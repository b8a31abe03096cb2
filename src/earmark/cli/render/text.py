"""Texts made safe for a terminal, and times made short."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from earmark.model.instant import minute_text

SPOKEN_OF = 30.0
"""Seconds from which on a duration is worth a word."""


def printable(text: str, *, lines: bool = False) -> str:
    """The text with control, format and other invisible characters shown as escapes; `lines` lets line ends pass."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c
        if c == " " or (lines and c == "\n") or unicodedata.category(c)[0] not in "CZ"
        else c.encode("unicode_escape").decode()
        for c in text
    )


def count_of(number: int, word: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def about(seconds: float) -> str:
    """How long something takes, to the minute, where that is long enough to speak of; else nothing."""
    return "" if seconds < SPOKEN_OF else f"about {count_of(max(1, round(seconds / 60)), 'minute')}"


def moment(at: datetime | None) -> str:
    """An instant to the minute, in UTC; nothing for None."""
    return minute_text(at) if at else ""


def cell(value: object) -> str:
    """Any cell of a result as text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        import json

        return printable(json.dumps(value, ensure_ascii=False))
    return printable(str(value))
