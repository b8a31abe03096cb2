"""The words of an OData `$filter`: literals, names, brackets.

In comes the text as it stands after URL decoding, out come tokens; what is no token of the notation is an
`ODataFault`, never another exception (https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

LONGEST_FILTER = 20_000
"""Characters of one filter: more than any service reads in an address."""
_LONGEST_NUMBER = 40


class ODataFault(Exception):
    """A query option that cannot be used, as a sentence."""


class Kind(StrEnum):
    """What a value is, of a property or of a literal."""

    TEXT = "text"
    CHOICE = "choice"
    """One of a few words, compared without case, as Defender's enumerations are."""
    NUMBER = "number"
    LOOSE_NUMBER = "loose number"
    """A number that may be written as text too."""
    INSTANT = "instant"
    BOOLEAN = "boolean"
    GUID = "guid"
    NULL = "null"
    TEXTS = "texts"
    """A list of texts."""
    OBJECTS = "objects"
    """A list of objects."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a filter."""

    kind: str
    """literal, name, punctuation or end."""
    text: str
    at: int
    """Where it begins; the first character is 1."""
    value: Any = None
    """Of literals."""
    of: Kind | None = None
    """The kind of a literal."""


_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)
    |(?P<string>'(?:[^']|'')*')
    |(?P<guid>[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}(?![0-9A-Za-z_-]))
    |(?P<instant>[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,12})?)?)?
        (?:[Zz]|[+-][0-9]{2}:[0-9]{2})?(?![0-9A-Za-z_:.-]))
    |(?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z_.-]))
    |(?P<name>[A-Za-z_][A-Za-z0-9_.]*)
    |(?P<punctuation>[(),/:])""",
    re.VERBOSE,
)
_WORDS = {"true": (True, Kind.BOOLEAN), "false": (False, Kind.BOOLEAN), "null": (None, Kind.NULL)}


def tokens_of(text: str) -> list[Token]:
    """The tokens of a filter, the end last."""
    if len(text) > LONGEST_FILTER:
        raise ODataFault(f"The filter has {len(text):,} characters; at most {LONGEST_FILTER:,} are read.")
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ODataFault(_unreadable(text, at))
        if match.lastgroup != "space":
            found.append(_token(str(match.lastgroup), match.group(), at + 1))
        at = match.end()
    return [*found, Token("end", "", len(text) + 1)]


def _unreadable(text: str, at: int) -> str:
    if text[at] == "'":
        return f"Syntax error: the string that begins at position {at + 1} in the filter has no closing quote."
    return f"Syntax error: {text[at : at + 20]!r} at position {at + 1} in the filter is neither a value nor a name."


def _token(group: str, text: str, at: int) -> Token:
    match group:
        case "string":
            return Token("literal", text, at, text[1:-1].replace("''", "'"), Kind.TEXT)
        case "guid":
            return Token("literal", text, at, text.lower(), Kind.GUID)
        case "instant":
            return Token("literal", text, at, instant_key(text), Kind.INSTANT)
        case "number":
            return Token("literal", text, at, number_of(text), Kind.NUMBER)
        case "name" if text in _WORDS:
            return Token("literal", text, at, *_WORDS[text])
    return Token(group, text, at)


def number_of(text: str) -> int | float:
    """The number that a literal stands for."""
    if len(text) > _LONGEST_NUMBER:
        raise ODataFault(f"The number '{text[:20]}…' in the filter has too many digits.")
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def instant_key(text: str) -> str:
    """An instant as text whose order is the order of time: UTC, seven fractional digits, no zone."""
    if len(text) >= 20 and text[-1] == "Z" and text[10] == "T" and text[19] in ".Z":
        # The ordinary form, as Defender itself writes it.
        head, fraction = text[:19], text[20:-1]
        _check_date(text, head)
        return f"{head}.{fraction:0<7.7}"
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(Z|[+-]\d\d:\d\d)?", text.upper())
    if match is None:
        raise ODataFault(f"'{text}' is not a date and time; write one like 2026-01-05T08:00:00Z.")
    day, clock, seconds, fraction, zone = match.groups(default="")
    head = f"{day}T{clock or '00:00'}:{seconds or '00'}"
    moment = _check_date(text, head)
    if zone not in ("", "Z"):
        sign = 1 if zone[0] == "+" else -1
        hours, minutes = int(zone[1:3]), int(zone[4:])
        try:
            moment -= sign * timedelta(hours=hours, minutes=minutes)
        except OverflowError:
            raise ODataFault(f"'{text}' is out of the range of dates.") from None
        head = moment.isoformat()[:19]
    return f"{head}.{fraction:0<7.7}"


def _check_date(text: str, head: str) -> datetime:
    try:
        return datetime.fromisoformat(head).replace(tzinfo=UTC)
    except ValueError:
        raise ODataFault(f"'{text}' is not a date and time that exists.") from None
