"""The guard: limits on what one section of a plan may change."""

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
