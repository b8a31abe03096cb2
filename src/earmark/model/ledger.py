"""The ledger's entries, and the state of a pair that follows from them.

A *pair* is one tag of one flow on one device. What Earmark owns is nothing but the ledger read from its start: `replay`
is the one definition of it, and the store's table of pairs is a projection that must equal it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class What(StrEnum):
    """What an entry says."""

    ADD_INTENDED = "add-intended"
    """A tag is about to be added; its outcome follows, or is settled by reading back."""
    REMOVE_INTENDED = "remove-intended"
    ADDED = "added"
    """Outcome: the tag stands, and the pair is owned."""
    REMOVED = "removed"
    """Outcome: the tag is gone, and so is the ownership."""
    ADD_REJECTED = "add-rejected"
    REMOVE_REJECTED = "remove-rejected"
    UNANSWERED = "unanswered"
    """An intent got no answer and shows no effect yet; from here on its effect must show within the estate's time."""
    ADOPTED = "adopted"
    """A tag that stood before is owned from now on."""
    RELEASED = "released"
    """Ownership ended without a removal of ours."""
    UNMATCHED = "unmatched"
    """The first complete "no match" of an owned pair: grace begins."""
    MATCHED_AGAIN = "matched-again"
    """The pair matched again: grace is over, the clock starts anew next time."""
    GIVEN_UP = "given-up"
    """Not added again until the device has once stopped matching; ownership ends by an entry of its own."""
    GIVE_UP_ENDED = "give-up-ended"
    """The device stopped matching: it may be added again."""
    EMPTY_STATE_ACCEPTED = "empty-state-accepted"
    """A person said that the state is rightly empty, although tags of the flows stand in the estate."""
    RUN_STARTED = "run-started"
    RUN_ENDED = "run-ended"


INTENTS = frozenset({What.ADD_INTENDED, What.REMOVE_INTENDED})
OUTCOMES = frozenset({What.ADDED, What.REMOVED, What.ADD_REJECTED, What.REMOVE_REJECTED})


class Pair(NamedTuple):
    """One tag on one device, for one flow whose name the context gives."""

    device: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the ledger; never changed, never taken away."""

    what: What
    estate: str
    at: datetime
    """Wall clock."""
    effective_at: datetime
    """`--now`, else the wall clock."""
    run: str
    who: str
    """Who or what caused it: an account, or `schedule`."""
    flow: str
    device: str = ""
    """Empty for entries about a whole run."""
    tag: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Reason code, query digest and the like; never evidence, which has its own retention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairState:
    """What the ledger says of one pair."""

    owned_since: datetime | None = None
    """Since when (effective) Earmark owns the tag; None when it does not."""
    unmatched_since: datetime | None = None
    """First complete "no match" since the pair last matched or came to be owned."""
    given_up: bool = False
    """Not to be added until the device has once stopped matching."""


UNOWNED = PairState()


def advance(state: PairState, entry: Entry) -> PairState:
    """The state of a pair after one more entry about it."""
    match entry.what:
        case What.ADDED | What.ADOPTED:
            return replace(state, owned_since=state.owned_since or entry.effective_at, unmatched_since=None)
        case What.REMOVED | What.RELEASED:
            return replace(state, owned_since=None, unmatched_since=None)
        case What.GIVEN_UP:
            return replace(state, given_up=True)
        case What.GIVE_UP_ENDED:
            return replace(state, given_up=False)
        case What.UNMATCHED:
            return replace(state, unmatched_since=state.unmatched_since or entry.effective_at)
        case What.MATCHED_AGAIN:
            return replace(state, unmatched_since=None)
        case _:
            return state


def replay(entries: Iterable[Entry]) -> dict[tuple[str, str, Pair], PairState]:
    """Every pair that the entries leave in a state worth keeping, by (estate, flow, pair)."""
    states: dict[tuple[str, str, Pair], PairState] = {}
    for entry in entries:
        if not entry.device:
            continue
        key = (entry.estate, entry.flow, Pair(entry.device, entry.tag))
        state = advance(states.get(key, UNOWNED), entry)
        if state == UNOWNED:
            states.pop(key, None)
        else:
            states[key] = state
    return states
