"""A run: one execution of flows, from due to settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

BY_FILE = "apply"
"""The trigger of a run that applies a saved plan."""


class FlowState(StrEnum):
    """How one flow of a run ended."""

    DONE = "done"
    HELD = "held"
    """Held by the guard, or waiting for approval."""
    UNKNOWN = "unknown"
    """The hunt was not complete: nothing was concluded."""
    PARTLY = "partly"
    """Some changes were rejected, or their outcome is still unknown."""
    STALE = "stale"
    """The saved section no longer fits its flow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRun:
    """What a run did for one flow."""

    flow: str
    state: FlowState
    added: int = 0
    removed: int = 0
    skipped: int = 0
    failed: int = 0
    matched: int | None = None
    """Devices that the hunt named; None unless the hunt was complete."""
    why: str = ""
    """What kept the flow, or devices of it, from their end, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run with its flows."""

    id: str
    estate: str
    trigger: str
    """`on demand`, `apply`, `recurrence` or `cron`."""
    due_at: datetime | None
    """The fire time it was due at; None for runs on demand."""
    started_at: datetime
    """Effective time."""
    ended_at: datetime | None
    """Wall-clock length is not what this says: effective time; None while it runs, or when it was interrupted."""
    flows: tuple[FlowRun, ...] = ()
    interrupted: bool = False
    """Whether it has no end and runs no more, for whoever looked: its process was killed, or stopped by an error."""
