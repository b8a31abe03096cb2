"""Texts made safe for a terminal, and times made short."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from earmark.model.instant import minute_text


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
