"""What a state store is: everything Earmark must remember between two commands. Implementation: `database`.

Every method is one transaction: it has happened whole when it returns, or not at all. Every instant is aware and UTC.
Whatever keeps the store from working raises `earmark.errors.StateError` with what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from earmark.errors import StateError
from earmark.model.ledger import Entry, Pair, PairState
from earmark.model.plan import ApprovalState
from earmark.model.quota import QuotaLimit, QuotaUse, Turn
from earmark.model.run import FlowRun, Run


class LeaseHeldError(StateError):
    """Another process holds the lease; nothing is damaged, and trying later is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An entry as it stands in the ledger."""

    sequence: int
    """Its place, from 1, without gaps."""
    entry: Entry
    digest: str
    """SHA-256 over the digest before it and this entry's content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """A pair that Earmark owns."""

    flow: str
    pair: Pair
    state: PairState
    """`owned_since` is never None here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What hunts said of a pair: the reason for a tag, kept for as long as evidence is kept."""

    flow: str
    pair: Pair
    query_digest: str
    """Of the query that matched last."""
    first_match_at: datetime
    last_match_at: datetime
    evidence: Mapping[str, Any]
    """Of the last match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan kept until it is applied."""

    id: str
    estate: str
    made_at: datetime
    expires_at: datetime
    document: Mapping[str, Any]
    """The plan document, whole."""
    applied_at: datetime | None = None
    run: str = ""
    """The run that applied it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person said of the changes of one flow."""

    estate: str
    flow: str
    change_digest: str
    """The changes meant; the same changes planned anew are meant too."""
    state: ApprovalState
    """APPROVED or REJECTED."""
    who: str
    at: datetime
    """Wall clock."""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """One time at which a flow was due, taken by a run."""

    estate: str
    flow: str
    fire_at: datetime
    run: str
    """The run that took it."""


class LedgerStore(Protocol):
    """The ledger and what follows from it."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries to the ledger and carry their pairs forward, in one transaction that is on disk on return."""

    def read_pairs(self, estate: str, flow: str) -> dict[Pair, PairState]:
        """Every pair of a flow that the ledger has something to say of."""

    def read_owned(self, estate: str) -> list[Owned]:
        """Every owned pair of every flow, sorted by device, tag and flow."""

    def read_entries(
        self,
        estate: str,
        *,
        device: str | None = None,
        tag: str | None = None,
        run: str | None = None,
        flow: str | None = None,
    ) -> list[Recorded]:
        """The entries that fit, oldest first."""

    def unsettled(self, estate: str) -> list[Recorded]:
        """Intents whose outcome is not recorded, oldest first: what a killed process leaves behind."""

    def recent_writes(self, estate: str, since: datetime) -> dict[Pair, tuple[bool, datetime]]:
        """The pairs added (True) or removed (False) at or after a moment of the wall clock, by their last outcome, and
        when that was.
        """

    def last_effective_at(self, estate: str) -> datetime | None:
        """The latest effective moment in the ledger; None where the ledger says nothing of the estate."""

    def known_estates(self) -> list[str]:
        """The estates that the ledger speaks of, sorted."""

    def check_ledger(self) -> list[str]:
        """What is wrong, empty when all is sound: the chain of digests is broken, or pairs do not follow from it."""

    def rebuild(self) -> None:
        """Write the pairs anew from the ledger."""


class EvidenceStore(Protocol):
    """What hunts said; not part of the ledger, and forgotten in time."""

    def record_matches(
        self, estate: str, flow: str, query_digest: str, at: datetime, named: Iterable[tuple[Pair, Mapping[str, Any]]]
    ) -> None:
        """Note the pairs that a complete hunt named at `at`, with their evidence."""

    def read_matches(self, estate: str, *, device: str | None = None, tag: str | None = None) -> list[Match]:
        """The matches that fit, sorted by device, tag and flow."""

    def forget_matches(self, estate: str, before: datetime) -> int:
        """Drop what matched last before a moment; how many that were."""


class RunStore(Protocol):
    """Runs, and the times at which flows were due."""

    def start_run(self, run: Run) -> None:
        """Note that a run begins; `ended_at` and `flows` are still empty."""

    def end_run(self, run: str, *, ended_at: datetime, flows: Sequence[FlowRun]) -> None:
        """Note how it ended."""

    def read_runs(self, estate: str, *, limit: int = 50) -> list[Run]:
        """The latest runs, newest first."""

    def read_run(self, run: str) -> Run | None:
        """One run; None when there is none of this id."""

    def last_matched(self, estate: str, flow: str) -> int | None:
        """How many devices the flow's last complete hunt named, in a run that was applied; None when there is none.

        A held run is no measure: the shrinkage it was held for would pass unseen the next time.
        """

    def claim_fire(self, fire: Fire) -> bool:
        """Take a fire time for a run: True for exactly one caller, however many processes ask."""

    def finish_fire(self, fire: Fire) -> None:
        """Note that its run is over: it will not be taken over."""

    def unfinished_fires(self, estate: str) -> list[Fire]:
        """Fires taken whose run is not over, oldest first: running now, or killed. The flow's lease tells which."""

    def take_over_fire(self, fire: Fire, run: str) -> bool:
        """Give an unfinished fire to another run; False when somebody else was quicker or it has finished."""

    def last_fire(self, estate: str, flow: str) -> datetime | None:
        """The latest fire time taken."""


class PlanStore(Protocol):
    """Plans and what people said of them."""

    def save_plan(self, plan: SavedPlan) -> None:
        """Keep a plan; saving the same id again replaces it."""

    def read_plan(self, plan: str) -> SavedPlan | None:
        """One plan; None when there is none of this id."""

    def mark_applied(self, plan: str, *, run: str, at: datetime) -> bool:
        """Note that a run applied a plan: True once, False when the plan is unknown or was applied before."""

    def decide(self, decision: Decision) -> None:
        """Note an approval or a rejection; the latest one counts."""

    def read_decision(self, estate: str, flow: str, change_digest: str) -> Decision | None:
        """What was said last of these changes; None when nothing was."""


class QuotaStore(Protocol):
    """Quotas of an estate, shared by all processes that use this state."""

    def take_quota(self, bucket: str, limits: Sequence[QuotaLimit], at: datetime, *, patience: timedelta) -> Turn:
        """Note a call that begins at `at`, if no limit and no block stands in the way; else say how long to wait.

        `patience` is how long the call may take at most: until its end is noted it counts as that late.
        """

    def end_quota(self, ticket: int, at: datetime) -> None:
        """Note that a call has ended, however it went: from then on it counts from `at`."""

    def block_quota(self, bucket: str, until: datetime) -> None:
        """Let no call of a bucket be made before a moment; an earlier moment than the one known changes nothing."""

    def quota_use(self, bucket: str, limits: Sequence[QuotaLimit], at: datetime) -> tuple[QuotaUse, ...]:
        """What each limit's window holds at a moment."""

    def quota_blocked_until(self, bucket: str) -> datetime | None:
        """Until when a bucket was last blocked, which may be past; None when it never was."""


class Store(LedgerStore, EvidenceStore, RunStore, PlanStore, QuotaStore, Protocol):
    """Everything together."""

    def lease(self, name: str, *, timeout: float = 0.0) -> AbstractContextManager[None]:
        """Hold a name for the length of a `with`; it dies with its process.

        Held elsewhere for longer than `timeout` seconds: `LeaseHeldError`, which says by whom where that is known.
        """

    def is_leased(self, name: str) -> bool:
        """Whether some process holds a name at this moment, or may hold it where this account cannot tell."""

    def close(self) -> None:
        """Let go of the database."""
