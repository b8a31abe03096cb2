"""A plan: what a flow's answers would change, device by device, each with its reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from earmark.model.flow import Approval, Flow
from earmark.model.guard import GuardResult

FORMAT = "earmark-plan/1"


class ChangeAction(StrEnum):
    """What a plan does with one tag on one device."""

    ADD = "add"
    REMOVE = "remove"
    KEEP = "keep"
    SKIP = "skip"


class ApprovalState(StrEnum):
    """Where a section stands with the people who approve it."""

    NONE = "none"
    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why a plan does what it does with a pair; the code of `reason` in plan documents."""

    MATCHED = "matched"
    """add: the hunt names the device."""
    REASSERTED = "reasserted"
    """add: somebody removed the tag, and the flow puts it back."""
    STILL_MATCHES = "still-matches"
    """keep: owned, and the hunt still names the device."""
    NOT_VISIBLE_YET = "not-visible-yet"
    """keep: added, and the hunt still names the device, but the estate may take a while to show it and has not yet."""
    FOUND = "found"
    """keep: the tag stood before; not owned, never removed."""
    ADOPTED = "adopted"
    """keep: the tag stood before and is owned from now on."""
    GRACE = "grace"
    """keep: no match, but `keep_for` is not over; `until` says when it is."""
    NOT_OURS = "not-ours"
    """keep: no match, but somebody else put the tag there."""
    ADOPTED_STALE = "adopted-stale"
    """keep, or remove without grace: no match, but the tag stood before and is owned from now on."""
    NO_MATCH = "no-match"
    """remove (sync): owned, the grace is over. keep (add, remove): only a match makes the flow act."""
    NAMED = "named"
    """remove (action remove): the hunt names the device."""
    FOREIGN = "foreign"
    """remove (action remove, foreign): named, though somebody else put the tag there."""
    ABSENT = "absent"
    """skip (action remove): named, and the device does not carry the tag."""
    EXPIRED = "expired"
    """remove, or skip of an add: the flow's date is past."""
    OUTLIVED = "outlived"
    """remove, or skip when the tag is gone: the device has had the tag for as long as the flow allows."""
    DRIFTED = "drifted"
    """skip: owned, but somebody removed the tag."""
    DRIFT_ACCEPTED = "drift-accepted"
    """skip: somebody removed the tag, and the flow gives it up until the device has once stopped matching."""
    GIVEN_UP = "given-up"
    """skip: still given up."""
    GONE = "gone"
    """skip: no match, and somebody removed the tag: ownership ends."""
    STOPPED_MATCHING = "stopped-matching"
    """skip: was given up, and has stopped matching: a later match adds it again."""
    HUNT_INCOMPLETE = "hunt-incomplete"
    """skip: the hunt was not complete."""
    SILENT = "silent"
    """skip: the device sent nothing within the window; silence is not no."""
    AMBIGUOUS_NAME = "ambiguous-name"
    """skip: the name fits two devices."""
    NOT_IN_ESTATE = "not-in-estate"
    """skip: the hunt names a device that the estate does not know."""
    VALUE_NOT_LISTED = "value-not-listed"
    """skip: the hunt's value for the tag is none of the flow's `values`."""
    NOT_DECLARED = "not-declared"
    """skip: Earmark owns the tag for this flow, but the flow's file no longer declares it."""
    INVENTORY_PARTIAL = "inventory-partial"
    """skip: not every device of the estate could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One tag on one device: what happens and why."""

    action: ChangeAction
    device: str
    """The device's id; the name as the hunt gave it where the estate knows no such device."""
    name: str
    tag: str
    reason: Reason
    text: str
    """The reason in words."""
    evidence: Mapping[str, Any] | None = None
    """The hunt's columns kept as the reason; None when there are none."""
    until: datetime | None = None
    """When the tag's grace or its time ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The part of a plan that belongs to one flow."""

    flow: str
    query_digest: str
    flow_digest: str
    """Digest of all that decides what the flow does; a saved plan is stale when it moved."""
    change_digest: str
    """Digest over estate, flow, lists and changes, not the moment."""
    complete: bool
    why_not: str | None
    rows: int
    """Rows the hunt gave."""
    matched: int
    """Devices of the estate that the hunt named."""
    guard: GuardResult
    approval: ApprovalState
    changes: tuple[Change, ...]

    def count(self, action: ChangeAction) -> int:
        """How many changes of one kind the section holds."""
        return sum(1 for c in self.changes if c.action is action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One section a flow, made at one moment for one estate."""

    id: str
    estate: str
    made_at: datetime
    """Wall clock."""
    effective_at: datetime
    """The moment the plan is about: `--now`, else the wall clock."""
    expires_at: datetime
    """On the effective clock."""
    sections: tuple[Section, ...]
    calls: int
    """Calls that applying would take."""
    seconds: float
    """Seconds that applying would take under the estate's limits."""


TAKES_OVER = frozenset({Reason.ADOPTED, Reason.ADOPTED_STALE})
"""The reasons by which a pair comes to be owned without a write."""


def change_digest(estate: str, flow: Flow, changes: Iterable[Change]) -> str:
    """What an approval binds to: the estate, the flow's and its lists' texts, and what is added, removed or taken over.

    Left out is whatever may move without changing that: the moment, evidence, texts, names, and pairs kept or skipped.
    """
    binding = sorted((c.action.value, c.device, c.tag, c.reason.value) for c in changes if _binds(c))
    text = json.dumps([estate, flow.name, flow.flow_digest, flow.query_digest, binding], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def needs_approval(flow: Flow, changes: Iterable[Change]) -> bool:
    """Whether a person must approve the section: by the flow's `approval`, and always to remove what is not owned."""
    counted = [c for c in changes if _binds(c)]
    removes = any(c.action is ChangeAction.REMOVE for c in counted)
    match flow.approval:
        case Approval.NONE:
            return flow.tag.foreign and removes
        case Approval.REMOVALS:
            return removes
        case Approval.ALWAYS:
            return bool(counted)


def _binds(change: Change) -> bool:
    """Whether a change adds, removes or takes over."""
    return change.action in (ChangeAction.ADD, ChangeAction.REMOVE) or change.reason in TAKES_OVER
