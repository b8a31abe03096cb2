"""What an estate is: devices, their tags, and a way to change manual tags. Implementations: `embedded`, `defender`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from earmark.model.device import Device


class TagAction(StrEnum):
    """A change of a manual tag."""

    ADD = "add"
    REMOVE = "remove"


class OutcomeState(StrEnum):
    """How a change ended; a time-out is unknown, never assumed."""

    APPLIED = "applied"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one device in a batch."""

    device: str
    state: OutcomeState
    message: str = ""
    """Why it was rejected or is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The devices of an estate with their tags, as read at one moment."""

    devices: tuple[Device, ...]
    complete: bool = True
    """False when some pages could not be read: a device that is missing is then unknown, not absent."""
    why_not: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What some changes take."""

    calls: int
    """Requests to the estate."""
    seconds: float
    """Under the estate's limits, as far as they can be foreseen."""


class Estate(Protocol):
    """Where devices and their tags live."""

    id: str
    """Stable identifier that every ledger row carries."""
    batch_size: int
    """Most devices one write may name."""
    visible_within: timedelta
    """How long a change that was applied may take until reading shows it; nothing where it shows at once."""

    def fetch_inventory(self, *, now: datetime) -> Inventory:
        """Read every device with its tags as of `now`; devices first seen later are left out unless they carry tags."""

    def fetch_tags(self, devices: Sequence[str]) -> dict[str, frozenset[str]]:
        """The manual tags of some devices at this moment, by id; an id that the estate does not know is left out."""

    def count_holders(self, tags: Collection[str]) -> dict[str, int]:
        """On how many devices each tag stands with origin manual; a tag that stands on none is left out.

        EstateError where a device could not be read: it may carry the tags.
        """

    def write_tag(
        self, action: TagAction, tag: str, devices: Sequence[str], *, now: datetime
    ) -> Iterator[tuple[Outcome, ...]]:
        """Add or remove one manual tag on up to `batch_size` devices; an outcome for each, as soon as it is known.

        Adding what stands, or removing what does not, is applied.
        """

    def cost(self, changes: Mapping[tuple[TagAction, str], int]) -> Cost:
        """What some changes would take, counted by action and tag."""
