"""The formats of `format_datetime` and `format_timespan`, read at translation time into pieces of SQL."""

from __future__ import annotations

import re
from typing import Final

from earmark.kql.compiler.literals import TICKS
from earmark.kql.compiler.scalar import quoted

_DATE: Final = {
    "d": "%-d", "dd": "%d", "h": "%-I", "hh": "%I", "H": "%-H", "HH": "%H", "m": "%-M", "mm": "%M",
    "M": "%-m", "MM": "%m", "s": "%-S", "ss": "%S", "yy": "%y", "yyyy": "%Y", "tt": "%p",
}  # fmt: skip
_SPAN: Final = {"h": (TICKS["h"], 24), "H": (TICKS["h"], 24), "m": (TICKS["m"], 60), "s": (TICKS["s"], 60)}
_RUN: Final = re.compile(r"(?P<letter>[A-Za-z])(?P=letter)*|[ /\-:,._\[\]]")


class FormatError(ValueError):
    """A format that is not understood."""


def _elements(text: str) -> list[str]:
    elements, at = [], 0
    while at < len(text):
        found = _RUN.match(text, at)
        if found is None:
            raise FormatError(f"'{text[at]}' is not an element or a delimiter of a format")
        elements.append(found[0])
        at = found.end()
    return elements


def _fraction(element: str, ticks: str) -> str:
    """The first digits of the second's fraction; `F` gives nothing where all are zero."""
    if len(element) > 7:
        raise FormatError("a second has seven fractional digits")
    digits = f"left(lpad((abs({ticks}) % {TICKS['s']})::VARCHAR, 7, '0'), {len(element)})"
    return digits if element[0] == "f" else f"CASE WHEN {digits} = '{'0' * len(element)}' THEN '' ELSE {digits} END"


def date_pieces(text: str, moment: str) -> list[str]:
    """SQL strings that make up a datetime in a format."""
    pieces = []
    for element in _elements(text):
        if element[0] in "fF":
            pieces.append(_fraction(element, moment))
        elif element in _DATE:
            pieces.append(f"strftime(k_ts({moment}), '{_DATE[element]}')")
        elif element.isalpha():
            raise FormatError(f"'{element}' is not an element of a date's format")
        else:
            pieces.append(quoted(element))
    return pieces


def span_pieces(text: str, span: str) -> list[str]:
    """SQL strings that make up a timespan in a format."""
    pieces = []
    for element in _elements(text):
        letter = element[0]
        if letter in "fF":
            pieces.append(_fraction(element, span))
        elif letter == "d" and len(element) <= 8:
            days = f"(abs({span}) // {TICKS['d']})::VARCHAR"
            pieces.append(f"lpad({days}, greatest(length({days}), {len(element)})::INTEGER, '0')")
        elif letter in _SPAN and len(element) <= 2:
            size, limit = _SPAN[letter]
            pieces.append(
                f"lpad((abs({span}) // {size} % {limit})::VARCHAR, {len(element)}, '0')"
                if len(element) == 2
                else f"(abs({span}) // {size} % {limit})::VARCHAR"
            )
        elif element.isalpha():
            raise FormatError(f"'{element}' is not an element of a timespan's format")
        else:
            pieces.append(quoted(element))
    return pieces
