"""The catalogue: what each tag means, as the project's tags.yaml says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class TagKind(StrEnum):
    """What sort of thing a tag says of a device."""

    PERSON = "person"
    """Whose device it is: Executive, Administrator."""
    ROLE = "role"
    """What it serves as: Domain controller, Server."""
    USE = "use"
    """How it is used: Shared, Kiosk."""
    ACTIVITY = "activity"
    """What goes on there on purpose: Red team, Scanner."""
    OTHER = "other"
    """Anything else."""


class TriageEffect(StrEnum):
    """What the tag means for an alert on the device."""

    RAISE = "raise"
    """Look at it sooner."""
    LOWER = "lower"
    """Look at it later."""
    NONE = "none"
    """It changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """What one tag means."""

    tag: str
    """The tag, or the template of a flow: `Department: {Department}`."""
    kind: TagKind = TagKind.OTHER
    """What sort of thing it says."""
    owner: str = ""
    """Who answers for its meaning."""
    colour: str = ""
    """`#rrggbb`, or empty."""
    description: str = ""
    """What it says of a device, for people."""
    triage: TriageEffect = TriageEffect.NONE
    """What it means for alerts on the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Every tag that the project explains."""

    entries: Mapping[str, CatalogueEntry] = field(default_factory=dict)
    """By tag, in the file's order."""

    def entry(self, tag: str) -> CatalogueEntry | None:
        """What a tag means; None when the catalogue does not say."""
        return self.entries.get(tag)
