"""The name that somebody most likely meant by one that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str]) -> str:
    """The valid name that a wrong one most likely means, letter case aside; empty when none is near."""
    folded = {other.casefold(): other for other in names}
    if name.casefold() in folded:
        return folded[name.casefold()]
    close = get_close_matches(name.casefold(), folded, n=1)
    return folded[close[0]] if close else ""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """` Did you mean …?`, or nothing."""
    near = nearest(name, names)
    return f" Did you mean `{near}`?" if near else ""
