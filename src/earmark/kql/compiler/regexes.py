"""Regular expressions: KQL's and DuckDB's are both RE2; what RE2 lacks is refused here, what differs in spelling is
rewritten.
"""

from __future__ import annotations

import re
from typing import Final

_SPECIAL: Final = re.compile(r"([][(){}.*+?^$|\\/#&~`'\"\-])")
_LOOKAROUND: Final = {
    "=": "(?=…)",
    "!": "(?!…)",
    "<=": "(?<=…)",
    "<!": "(?<!…)",
    ">": "(?>…)",
    "(": "(?(…)…)",
    "#": "(?#…)",
}


class RegexError(ValueError):
    """A pattern that RE2 does not have."""


def literal(text: str) -> str:
    """A pattern that matches this text."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def group_names(pattern: str) -> dict[str, int]:
    """The numbers of a pattern's named groups."""
    names: dict[str, int] = {}
    at = number = 0
    while at < len(pattern):
        step = _escape(pattern, at) or _set(pattern, at) or _group(pattern, at) or pattern[at]
        if step == "(" or step.startswith(("(?P<", "(?<")):
            number += 1
            if step != "(":
                names[pattern[at + len(step) : pattern.find(">", at)]] = number
        at += len(step)
    return names


def checked(pattern: str) -> tuple[str, int]:
    """The pattern as DuckDB wants it, and how many groups it captures; raises `RegexError` for what RE2 lacks."""
    written: list[str] = []
    at = groups = depth = 0
    while at < len(pattern):
        step = _escape(pattern, at) or _set(pattern, at) or _group(pattern, at)
        if step is None:
            step = pattern[at]
            if step in "*+?}" and pattern[at + 1 : at + 2] == "+":
                raise RegexError(f"possessive quantifiers such as '{step}+' are not known to RE2")
        written.append(step if not step.startswith("(?<") else "(?P<" + step[3:])
        groups += step == "(" or step.startswith(("(?P<", "(?<"))
        depth += step.startswith("(") - (step == ")")
        at += len(step)
    if depth:
        raise RegexError("the parentheses do not match")
    return "".join(written), groups


def _escape(pattern: str, at: int) -> str | None:
    if pattern[at] != "\\":
        return None
    follower = pattern[at + 1 : at + 2]
    if not follower:
        raise RegexError("the pattern ends in a lone backslash")
    if follower in "123456789":
        raise RegexError(f"references to groups such as '\\{follower}' are not known to RE2")
    if follower in "ZGKkXRhHeg<'":
        raise RegexError(f"'\\{follower}' is not known to RE2")
    return pattern[at : at + 2]


def _set(pattern: str, at: int) -> str | None:
    if pattern[at] != "[":
        return None
    end = at + 1 + (pattern[at + 1 : at + 2] == "^")
    end += pattern[end : end + 1] == "]"
    while end < len(pattern) and pattern[end] != "]":
        if pattern[end] == "\\":
            end += 2
        elif pattern.startswith("[:", end) and (close := pattern.find(":]", end)) > 0:
            end = close + 2
        else:
            end += 1
    if end >= len(pattern):
        raise RegexError("a set of characters is not closed")
    return pattern[at : end + 1]


def _group(pattern: str, at: int) -> str | None:
    if not pattern.startswith("(?", at):
        return None
    rest = pattern[at + 2 :]
    for opener in sorted(_LOOKAROUND, key=len, reverse=True):
        if rest.startswith(opener):
            raise RegexError(f"'{_LOOKAROUND[opener]}' is not known to RE2")
    if rest.startswith(("P<", "<")):
        return pattern[at : pattern.find("<", at) + 1]
    if rest.startswith(("P=", "P>", "'", "R", "&")):
        raise RegexError(f"'(?{rest[0]}…)' is not known to RE2")
    return "(?"
