"""Flows, devices and a small world that a plan can be applied to, for tests of the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from earmark.model.device import Device, Tag
from earmark.model.flow import Adopt, Flow, Hunt, OnDrift, Silent, TagRule
from earmark.model.hits import DeviceIndex, Hits
from earmark.model.ledger import UNOWNED, Entry, Pair, PairState, What, advance
from earmark.model.plan import Change, ChangeAction
from earmark.model.reconcile import Unknown, effects, reconcile
from earmark.model.trigger import OnDemand

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WINDOW = 7 * DAY
TAG = "Executive"


def flow(*, silent: Silent = Silent.KEEP, window: timedelta | None = WINDOW, **rule: Any) -> Flow:
    """A flow; keyword arguments beside `silent` and `window` go to its tag rule."""
    return Flow(
        name="executive",
        file="flows/executive.yaml",
        trigger=OnDemand(),
        hunt=Hunt(query="DeviceLogonEvents", window=window),
        tag=replace(TagRule(value=TAG), **rule),
        silent=silent,
        query_digest="q",
        flow_digest="f",
    )


def device(id_: str = "d1", *tags: str | Tag, name: str = "", seen: datetime | None = NOON) -> Device:
    """A device; plain text stands for a manual tag."""
    worn = tuple(tag if isinstance(tag, Tag) else Tag(value=tag) for tag in tags)
    return Device(id=id_, name=name or f"{id_}.corp.example", last_seen_at=seen, tags=worn)


def named(*ids: str, tag: str = TAG) -> Hits:
    """What a hunt says that names these devices."""
    return Hits(evidence={Pair(id_, tag): {"Logons": 3} for id_ in ids})


def owned(since: datetime = NOON - DAY, unmatched: datetime | None = None, *, given_up: bool = False) -> PairState:
    """The state of an owned pair."""
    return PairState(owned_since=since, unmatched_since=unmatched, given_up=given_up)


@dataclass
class World:
    """An estate and a ledger, as far as one flow is concerned."""

    flow: Flow
    tags: dict[str, set[str]] = field(default_factory=dict)
    seen: dict[str, datetime | None] = field(default_factory=dict)
    pairs: dict[Pair, PairState] = field(default_factory=dict)
    writes: list[Change] = field(default_factory=list)

    def devices(self) -> list[Device]:
        """The devices as the estate reports them."""
        return [device(id_, *sorted(tags), seen=self.seen.get(id_)) for id_, tags in self.tags.items()]

    def plan(self, hits: Hits, at: datetime, unknown: Unknown | None = None) -> tuple[Change, ...]:
        """What the flow would do."""
        return reconcile(
            self.flow, hits=hits, unknown=unknown, devices=DeviceIndex(self.devices()), pairs=self.pairs, at=at
        )

    def apply(self, changes: Iterable[Change], at: datetime, *, rejected: frozenset[Pair] = frozenset()) -> None:
        """Do it, as the ledger and the estate would have it."""
        for change in changes:
            pair = Pair(change.device, change.tag)
            state = self.pairs.get(pair, UNOWNED)
            for what in effects(change, state):
                state = advance(state, entry(what, pair, at))
            if change.action in (ChangeAction.ADD, ChangeAction.REMOVE) and pair not in rejected:
                state = self._write(change, pair, state, at)
            self.pairs[pair] = state
            if state == UNOWNED:
                del self.pairs[pair]

    def _write(self, change: Change, pair: Pair, state: PairState, at: datetime) -> PairState:
        self.writes.append(change)
        if change.action is ChangeAction.ADD:
            self.tags[pair.device].add(pair.tag)
            return advance(state, entry(What.ADDED, pair, at))
        self.tags[pair.device].discard(pair.tag)
        return advance(state, entry(What.REMOVED, pair, at))


def entry(what: What, pair: Pair, at: datetime) -> Entry:
    """An entry of the ledger."""
    return Entry(
        what=what,
        estate="e1",
        at=at,
        effective_at=at,
        run="r1",
        who="tester",
        flow="executive",
        device=pair.device,
        tag=pair.tag,
    )


@dataclass
class Reference:
    """The product's table told once more, in another way: four sets, one device after the other."""

    action: str
    adopt: Adopt
    on_drift: OnDrift
    keep_for: timedelta
    has: set[str] = field(default_factory=set)
    owned: set[str] = field(default_factory=set)
    barred: set[str] = field(default_factory=set)
    since: dict[str, datetime] = field(default_factory=dict)

    def run(self, answers: Mapping[str, bool | None], at: datetime) -> None:
        """One run over complete answers: True match, False no match, None unknown."""
        for id_, answer in answers.items():
            if answer:
                self.since.pop(id_, None)
                self._match(id_)
            elif answer is False:
                self.barred.discard(id_)
                self._no_match(id_, at)

    def _match(self, id_: str) -> None:
        if self.action == "remove":
            if id_ in self.has & self.owned:
                self._drop(id_)
        elif id_ in self.has:
            if self.adopt is not Adopt.NEVER:
                self.owned.add(id_)
        elif id_ not in self.owned:
            if id_ not in self.barred:
                self.has.add(id_)
                self.owned.add(id_)
        elif self.on_drift is OnDrift.REASSERT:
            self.has.add(id_)
        elif self.on_drift is OnDrift.ACCEPT:
            self.owned.discard(id_)
            self.barred.add(id_)

    def _no_match(self, id_: str, at: datetime) -> None:
        if id_ not in self.has:
            self.owned.discard(id_)
            self.since.pop(id_, None)
        elif self.action == "sync":
            if self.adopt is Adopt.ALL:
                self.owned.add(id_)
            if id_ in self.owned and at - self.since.setdefault(id_, at) >= self.keep_for:
                self._drop(id_)

    def _drop(self, id_: str) -> None:
        self.has.discard(id_)
        self.owned.discard(id_)
        self.since.pop(id_, None)
