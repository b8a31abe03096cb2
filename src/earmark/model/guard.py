"""The guard: limits on what one section of a plan may change.

In: the limits and a section's numbers. Out: the verdict with every limit passed, never only the first; no estate is too
small to count.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Whether a section may be applied as far as its numbers go."""

    PASS = "pass"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """The limits in force for a flow: its own, else the project's, else these."""

    max_additions: int = 500
    """Most tags one section may add."""
    max_removals: int = 50
    """Most tags one section may remove."""
    max_removal_share: float = 0.20
    """Most of the flow's owned, standing tags that one section may remove, 0 to 1."""
    max_shrink: float = 0.50
    """How far the number of devices found may fall below that of the last complete run, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A limit that a section passed, with the numbers."""

    limit: str
    """The limit's name as written in a flow file."""
    allowed: float
    """What it allows."""
    found: float
    """What the section would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardResult:
    """The guard's verdict on a section: every limit passed, not only the first."""

    verdict: Verdict
    breaches: tuple[Breach, ...] = ()


def judge(
    limits: GuardLimits,
    *,
    additions: int,
    removals: int,
    standing: int,
    matched: int,
    matched_before: int | None,
) -> GuardResult:
    """Judge a section by its numbers alone.

    `standing` counts the flow's owned pairs that stand before the section is applied; `matched` the devices found, and
    `matched_before` those of the last complete run, None when there is none or this hunt is itself not complete.
    """
    # Removing what is not owned (yet) is measured as if all of it stood: never a share above 1, and never exempt.
    share = removals / max(standing, removals) if removals else 0.0
    shrink = (matched_before - matched) / matched_before if matched_before else 0.0
    measured: tuple[tuple[str, float, float], ...] = (
        ("max_additions", limits.max_additions, additions),
        ("max_removals", limits.max_removals, removals),
        ("max_removal_share", limits.max_removal_share, share),
        ("max_shrink", limits.max_shrink, shrink),
    )
    breaches = tuple(
        Breach(limit=limit, allowed=allowed, found=found) for limit, allowed, found in measured if found > allowed
    )
    return GuardResult(verdict=Verdict.HELD if breaches else Verdict.PASS, breaches=breaches)
