"""A flow: trigger, hunt, tag and guard; the unit that is planned, run, paused and tested."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from earmark.model.guard import GuardLimits
from earmark.model.trigger import Trigger


class Action(StrEnum):
    """What a flow does with the devices it finds."""

    SYNC = "sync"
    ADD = "add"
    REMOVE = "remove"


class Adopt(StrEnum):
    """Whether tags that stood before the flow come to be owned."""

    NEVER = "never"
    MATCHING = "matching"
    ALL = "all"


class OnDrift(StrEnum):
    """What happens when somebody took an owned tag away."""

    REPORT = "report"
    REASSERT = "reassert"
    ACCEPT = "accept"


class Silent(StrEnum):
    """What becomes of the tag of a device that sent nothing within the window."""

    KEEP = "keep"
    REMOVE = "remove"


class Approval(StrEnum):
    """Which changes wait for a person."""

    NONE = "none"
    REMOVALS = "removals"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """Where a flow's devices come from."""

    query: str
    """KQL; for a flow on a list of devices, the list's name, which is a query too."""
    device: str = "DeviceId"
    """The result's column that names the device: an id, or a name when the column is DeviceName."""
    evidence: tuple[str, ...] | None = None
    """Columns kept as the reason; None keeps them all."""
    window: timedelta | None = None
    """How far back the hunt looks; None when neither the file nor the query says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRule:
    """Which tag, and what is done with it."""

    value: str
    """The tag, or a template such as `Department: {Department}` over columns of the hunt."""
    values: tuple[str, ...] = ()
    """What the template's column may hold; empty when `value` is no template."""
    action: Action = Action.SYNC
    adopt: Adopt = Adopt.NEVER
    on_drift: OnDrift = OnDrift.REPORT
    keep_for: timedelta = timedelta(0)
    """Grace, from the first complete "no match"."""
    expires_at: datetime | None = None
    """The instant from which the tag stands on no device."""
    expires_after: timedelta | None = None
    """How long a device keeps the tag at most, from when the pair came to be owned."""
    foreign: bool = False
    """With action remove: also tags that Earmark does not own; always held for approval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A whole flow as its file states it."""

    name: str
    file: str
    """The flow's file, relative to the project."""
    trigger: Trigger
    hunt: Hunt
    tag: TagRule
    description: str = ""
    owner: str = ""
    silent: Silent = Silent.KEEP
    guard: GuardLimits = GuardLimits()
    approval: Approval = Approval.NONE
    query_digest: str = ""
    """SHA-256 of the query's text and of the lists it reads."""
    flow_digest: str = ""
    """SHA-256 of everything in the flow's file that decides what it does, with the lists it reads."""
