"""The words of a KQL text: enough to see names, literals and brackets, and never a comment.

In comes any text, also one that does not parse, out come its tokens with their places. Microsoft's service judges the
text; this only lets repairs and lints point into it without taking a string or a comment for code, and without loading
the service. Tests hold it against the service's own tokens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a token is."""

    NAME = "name"
    """An identifier, a keyword, a function or an operator made of letters."""
    STRING = "string"
    """A string literal of any form, quotes included."""
    NUMBER = "number"
    """A number or a timespan such as 7d."""
    MARK = "mark"
    """A bracket or an operator made of signs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One word; offsets count code points."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def value(self) -> str:
        """What a string literal holds, near enough to compare words: quotes and prefix off, escapes left."""
        return self.text.lstrip("hH@").strip("\"'`~") if self.kind is Kind.STRING else self.text


_HYPHENATED = (
    r"(?:mv-(?:expand|apply)|project-(?:away|keep|rename|reorder)|parse-(?:where|kv)|make-series|top-(?:nested|hitters)"
    r"|sample-distinct|graph-\w+|macro-expand|partition-by)\b"
)
_PATTERN = re.compile(
    rf"""
    (?P<space>\s+|//[^\n]*)
  | (?P<string>[hH]?```(?s:.*?)(?:```|\Z) | [hH]?~~~(?s:.*?)(?:~~~|\Z)
      | [hH]?@"(?:[^"]|"")*(?:"|\Z) | [hH]?@'(?:[^']|'')*(?:'|\Z)
      | [hH]?"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\\?\Z) | [hH]?'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\\?\Z))
  | (?P<name>{_HYPHENATED} | !(?:in~?(?!\w)|(?:has|contains|startswith|endswith|between|hassuffix|hasprefix)\w*)
      | in~ | \$?[^\W\d]\w*)
  | (?P<number>0[xX][0-9a-fA-F]+ | \d+(?:\.\d+)?(?:[eE][+-]?\d+)?\w*)
  | (?P<mark>==|=~|!=|!~|<=|>=|<>|=>|\.\.|.)
    """,
    re.VERBOSE,
)


def tokens(text: str) -> tuple[Token, ...]:
    """Every token of a text, in order; white space and comments are left out."""
    return tuple(
        Token(kind=Kind(match.lastgroup), text=match[0], start=match.start(), end=match.end())
        for match in _PATTERN.finditer(text)
        if match.lastgroup and match.lastgroup != "space"
    )


_OPENING = {"(": ")", "[": "]", "{": "}"}


def closing(words: tuple[Token, ...], opening: int) -> int:
    """The index of the bracket that closes the one at index `opening`; the end of the words where it stays open."""
    depth = 0
    for index in range(opening, len(words)):
        word = words[index]
        if word.kind is not Kind.MARK:
            continue
        if word.text in _OPENING:
            depth += 1
        elif word.text in _OPENING.values():
            depth -= 1
            if depth == 0:
                return index
    return len(words)


def arguments(words: tuple[Token, ...], opening: int) -> tuple[tuple[Token, ...], ...]:
    """The words between a bracket and its counterpart, parted at the commas of that level."""
    end = closing(words, opening)
    parts: list[list[Token]] = [[]]
    index = opening + 1
    while index < end:
        word = words[index]
        if word.text == "," and word.kind is Kind.MARK:
            parts.append([])
        elif word.kind is Kind.MARK and word.text in _OPENING:
            stop = min(closing(words, index), end - 1)
            parts[-1].extend(words[index : stop + 1])
            index = stop
        else:
            parts[-1].append(word)
        index += 1
    return tuple(tuple(part) for part in parts) if any(parts) else ()
