"""What a flow does to its devices: the product's table, written down once.

In: a flow, what its hunt named (`Hits`), the estate's devices, what the ledger says of the flow's pairs, and the
moment. Out: a `Change` for every pair that the hunt names, that carries one of the flow's tags, or that the ledger
knows. `effects` then says which entries the ledger gets for a change beside its write, from the change's reason alone,
so that a saved plan can be applied without hunting again.

A pair's answer is *match*, *no match* or *unknown*. Unknown concludes nothing; only a tag whose time is over goes
without an answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from earmark.model.device import Device
from earmark.model.flow import Action, Adopt, Flow, OnDrift, Silent
from earmark.model.hits import DeviceIndex, Hits, declared_tags
from earmark.model.instant import minute_text
from earmark.model.ledger import UNOWNED, Pair, PairState, What
from earmark.model.plan import TAKES_OVER, Change, ChangeAction, Reason

ADD, REMOVE, KEEP, SKIP = ChangeAction.ADD, ChangeAction.REMOVE, ChangeAction.KEEP, ChangeAction.SKIP


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Why nothing can be concluded."""

    reason: Reason
    """HUNT_INCOMPLETE, INVENTORY_PARTIAL, SILENT or AMBIGUOUS_NAME."""
    text: str
    """The same in words."""


def unknown_whole(
    *, complete: bool, why_not: str | None, inventory_complete: bool = True, inventory_why_not: str | None = None
) -> Unknown | None:
    """Why a whole section is unknown; None when hunt and inventory are both complete."""
    if not inventory_complete:
        why = inventory_why_not or "no reason given"
        return Unknown(reason=Reason.INVENTORY_PARTIAL, text=f"not every device could be read: {why}")
    if not complete:
        return Unknown(reason=Reason.HUNT_INCOMPLETE, text=f"the hunt was not complete: {why_not or 'no reason given'}")
    return None


def reconcile(
    flow: Flow,
    *,
    hits: Hits,
    unknown: Unknown | None,
    devices: DeviceIndex,
    pairs: Mapping[Pair, PairState],
    at: datetime,
    unseen: Collection[Pair] = frozenset(),
) -> tuple[Change, ...]:
    """What the flow does at the moment `at`, sorted by tag and name.

    `unknown` is why nothing can be concluded. `devices` are as the estate will show them once it has caught up with
    what was written; `unseen` are the pairs that it does not show yet.
    """
    tags = declared_tags(flow.tag)
    considered = set(hits.evidence)
    considered.update(Pair(device, tag) for tag in tags for device in devices.holders(tag))
    considered.update(pairs)
    table = _Table(flow, hits=hits, unknown=unknown, at=at, unseen=unseen)
    partial = unknown if unknown is not None and unknown.reason is Reason.INVENTORY_PARTIAL else None
    changes = [_unread(c, partial) if partial and c.reason is Reason.NOT_IN_ESTATE else c for c in hits.skips]
    for pair in considered:
        device = devices.by_id.get(pair.device)
        state = pairs.get(pair, UNOWNED)
        if device is None or pair.tag not in tags:
            change = _beyond_reach(pair, device, state)
            if change is not None and device is None and partial:
                change = _unread(change, partial)
        else:
            change = table.judge(pair, device, state, has=pair.device in devices.holders(pair.tag))
        if change is not None:
            changes.append(change)
    changes.sort(key=lambda c: (c.tag, c.name, c.device, c.reason))
    return tuple(changes)


def count_standing(devices: DeviceIndex, pairs: Mapping[Pair, PairState]) -> int:
    """How many owned pairs stand on their devices: what the guard's share of removals is measured against."""
    return sum(
        1 for pair, state in pairs.items() if state.owned_since is not None and pair.device in devices.holders(pair.tag)
    )


_MATCH = frozenset(
    {
        *(
            Reason.MATCHED,
            Reason.REASSERTED,
            Reason.STILL_MATCHES,
            Reason.NOT_VISIBLE_YET,
            Reason.FOUND,
            Reason.ADOPTED,
            Reason.NAMED,
        ),
        *(Reason.FOREIGN, Reason.ABSENT, Reason.DRIFTED, Reason.DRIFT_ACCEPTED, Reason.GIVEN_UP),
    }
)
_NO_MATCH = frozenset(
    {
        *(Reason.GRACE, Reason.NOT_OURS, Reason.ADOPTED_STALE, Reason.NO_MATCH, Reason.GONE),
        Reason.STOPPED_MATCHING,
    }
)


def effects(change: Change, state: PairState, *, held: bool = False) -> tuple[What, ...]:
    """The notes that the ledger gets for a change, in order and before the change's own intent.

    `state` is the pair's state when the change is applied: what it says already is not noted again. A held section
    records them too, for grace counts from the hunt and not from an approval, but it takes nothing over.
    """
    if held and change.reason in TAKES_OVER:
        return ()
    owned = state.owned_since is not None
    notes: list[What] = []
    if change.reason in _MATCH and state.unmatched_since is not None:
        notes.append(What.MATCHED_AGAIN)
    if change.reason in _NO_MATCH and state.given_up:
        notes.append(What.GIVE_UP_ENDED)
    if change.reason in TAKES_OVER and not owned:
        notes.append(What.ADOPTED)
    if _begins_grace(change, owned) and state.unmatched_since is None:
        notes.append(What.UNMATCHED)
    if change.action is SKIP and owned and change.reason in _ENDS_OWNERSHIP:
        notes.append(What.RELEASED)
    if change.reason in (Reason.DRIFT_ACCEPTED, Reason.OUTLIVED) and owned and not state.given_up:
        notes.append(What.GIVEN_UP)
    return tuple(notes)


_ENDS_OWNERSHIP = frozenset({Reason.GONE, Reason.DRIFT_ACCEPTED, Reason.EXPIRED, Reason.OUTLIVED})


def _begins_grace(change: Change, owned: bool) -> bool:
    if change.reason is Reason.ADOPTED_STALE:
        return True
    return owned and (change.reason is Reason.GRACE or (change.reason is Reason.NO_MATCH and change.action is REMOVE))


def _unread(change: Change, partial: Unknown) -> Change:
    """A device that was not read may be there all the same."""
    return replace(change, reason=partial.reason, text=partial.text)


def _beyond_reach(pair: Pair, device: Device | None, state: PairState) -> Change | None:
    """A pair that the ledger knows, but that the flow can no longer act on."""
    if state.owned_since is None:
        return None
    since = f"owned since {_moment(state.owned_since)}"
    if device is None:
        text, reason = f"{since}, but the estate no longer knows the device", Reason.NOT_IN_ESTATE
    else:
        text, reason = (
            f"{since}, but the flow no longer declares this tag: declare it again, or take it off by hand",
            Reason.NOT_DECLARED,
        )
    name = device.name if device else pair.device
    return Change(action=SKIP, device=pair.device, name=name, tag=pair.tag, reason=reason, text=text)


@dataclass(frozen=True, slots=True)
class _Case:
    """One pair before judgement."""

    pair: Pair
    device: Device
    state: PairState
    has: bool
    evidence: Mapping[str, Any] | None
    until: datetime | None
    """When the tag's time on this device ends; None when it never does."""

    @property
    def owned(self) -> bool:
        return self.state.owned_since is not None

    def change(self, action: ChangeAction, reason: Reason, text: str, until: datetime | None = None) -> Change:
        return Change(
            action=action,
            device=self.pair.device,
            name=self.device.name,
            tag=self.pair.tag,
            reason=reason,
            text=text,
            evidence=self.evidence,
            until=until,
        )


class _Table:
    """The table for one flow at one moment."""

    def __init__(
        self, flow: Flow, *, hits: Hits, unknown: Unknown | None, at: datetime, unseen: Collection[Pair]
    ) -> None:
        self.rule = flow.tag
        self.hits = hits
        self.unknown = unknown
        self.at = at
        self.unseen = unseen
        self.window = flow.hunt.window
        self.silence_counts = flow.silent is Silent.REMOVE
        self.past_date = flow.tag.expires_at is not None and at >= flow.tag.expires_at
        # A tag that must stand on no device any more is not taken over either.
        self.adopt = Adopt.NEVER if self.past_date else flow.tag.adopt

    def judge(self, pair: Pair, device: Device, state: PairState, *, has: bool) -> Change | None:
        """The change of one pair; None when there is nothing to say of it."""
        evidence = self.hits.evidence.get(pair)
        case = _Case(pair, device, state, has, evidence, self._until(state))
        doubt = self.unknown or (self._doubt(case) if evidence is None else None)
        matched = None if doubt else evidence is not None
        if case.owned and case.until is not None and self.at >= case.until:
            return self._time_over(case, matched)
        if doubt:
            return case.change(SKIP, doubt.reason, doubt.text)
        return self._match(case) if matched else self._no_match(case)

    def _until(self, state: PairState) -> datetime | None:
        ends = [self.rule.expires_at] if self.rule.expires_at else []
        if self.rule.expires_after is not None:
            ends.append((state.owned_since or self.at) + self.rule.expires_after)
        return min(ends, default=None)

    def _doubt(self, case: _Case) -> Unknown | None:
        """Why a pair that the hunt does not name is unknown all the same."""
        if case.pair in self.hits.doubts:
            return Unknown(reason=Reason.AMBIGUOUS_NAME, text=self.hits.doubts[case.pair])
        seen = case.device.last_seen_at
        if self.silence_counts or (seen is not None and (self.window is None or seen > self.at - self.window)):
            return None
        within = "" if self.window is None else f" within {_span(self.window)}"
        last = "never seen" if seen is None else f"last seen {_moment(seen)}"
        return Unknown(reason=Reason.SILENT, text=f"sent nothing{within} ({last}): silence is not no")

    def _time_over(self, case: _Case, matched: bool | None) -> Change:
        """An owned tag whose date or duration is over goes, whatever the hunt says; `matched` is None for unknown."""
        gone = "" if case.has else "; somebody has removed the tag already"
        action = REMOVE if case.has else SKIP
        if self.past_date:
            return case.change(
                action, Reason.EXPIRED, f"the flow's tag expired {_moment(self.rule.expires_at)}{gone}", case.until
            )
        text = f"on the device for its {_span(self.rule.expires_after)}, since {_moment(case.state.owned_since)}{gone}"
        if matched is False:
            # It has stopped matching at the same time, so a later match may add it again: no giving up.
            return case.change(
                action, Reason.NO_MATCH if case.has else Reason.GONE, f"no match, and {text}", case.until
            )
        return case.change(action, Reason.OUTLIVED, text, case.until)

    def _match(self, case: _Case) -> Change:
        if self.rule.action is Action.REMOVE:
            return self._named(case)
        if case.has:
            return self._standing(case)
        if case.owned:
            return self._drift(case)
        if self.past_date:
            return case.change(
                SKIP, Reason.EXPIRED, f"matches, but the flow's tag expired {_moment(case.until)}", case.until
            )
        if case.state.given_up:
            return case.change(
                SKIP, Reason.GIVEN_UP, "matches, but was given up; added again once it has stopped matching"
            )
        return case.change(ADD, Reason.MATCHED, "the hunt names the device", case.until)

    def _standing(self, case: _Case) -> Change:
        if case.owned and case.pair in self.unseen:
            text = f"added {_moment(case.state.owned_since)}; the estate has not shown it yet"
            return case.change(KEEP, Reason.NOT_VISIBLE_YET, text, case.until)
        if case.owned:
            return case.change(
                KEEP, Reason.STILL_MATCHES, f"still matches; owned since {_moment(case.state.owned_since)}", case.until
            )
        if self.adopt is Adopt.NEVER:
            return case.change(KEEP, Reason.FOUND, "matches; the tag stood before, so Earmark does not own it")
        return case.change(KEEP, Reason.ADOPTED, "matches; the tag stood before and is owned from now on", case.until)

    def _drift(self, case: _Case) -> Change:
        text = "matches, but somebody removed the tag"
        match self.rule.on_drift:
            case OnDrift.REPORT:
                return case.change(SKIP, Reason.DRIFTED, text)
            case OnDrift.REASSERT:
                return case.change(ADD, Reason.REASSERTED, f"{text}; the flow puts it back", case.until)
            case OnDrift.ACCEPT:
                return case.change(
                    SKIP, Reason.DRIFT_ACCEPTED, f"{text}; accepted until the device has stopped matching"
                )

    def _named(self, case: _Case) -> Change:
        """Action remove, and the hunt names the device."""
        if not case.has:
            reason = Reason.DRIFTED if case.owned else Reason.ABSENT
            return case.change(SKIP, reason, "the hunt names the device, which does not carry the tag")
        if case.owned:
            return case.change(REMOVE, Reason.NAMED, "the hunt names the device")
        if self.rule.foreign:
            return case.change(REMOVE, Reason.FOREIGN, "the hunt names the device; somebody else put the tag there")
        return case.change(KEEP, Reason.FOUND, "the hunt names the device, but somebody else put the tag there")

    def _no_match(self, case: _Case) -> Change | None:
        if not case.has:
            if case.owned:
                return case.change(SKIP, Reason.GONE, "no match, and somebody removed the tag: no longer owned")
            if case.state.given_up:
                return case.change(SKIP, Reason.STOPPED_MATCHING, "no match any more; a later match adds the tag again")
            return None
        sync = self.rule.action is Action.SYNC
        if not case.owned:
            if sync and self.adopt is Adopt.ALL:
                return self._grace(case, Reason.ADOPTED_STALE, "the tag stood before and is owned from now on; ")
            return case.change(KEEP, Reason.NOT_OURS, "no match, but somebody else put the tag there")
        if not sync:
            return case.change(KEEP, Reason.NO_MATCH, f"no match; action {self.rule.action} keeps the tag", case.until)
        return self._grace(case, Reason.GRACE, "")

    def _grace(self, case: _Case, reason: Reason, adopted: str) -> Change:
        """Keep until the grace is over, then remove; `keep_for` counts from the first complete "no match"."""
        since = case.state.unmatched_since or self.at
        ends = since + self.rule.keep_for
        if self.at < ends:
            text = f"{adopted}no match since {_moment(since)}; kept until {_moment(ends)}"
            return case.change(KEEP, reason, text, min(ends, case.until or ends))
        over = f", {_span(self.rule.keep_for)} of grace are over" if self.rule.keep_for else ""
        removal = Reason.NO_MATCH if reason is Reason.GRACE else reason
        return case.change(REMOVE, removal, f"{adopted}no match since {_moment(since)}{over}")


@lru_cache(maxsize=1024)
def _moment(at: datetime | None) -> str:
    return minute_text(at) if at else "an unknown moment"


def _span(span: timedelta | None) -> str:
    if span is None:
        return "time"
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if span >= size and not span % size:
            count = span // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return str(span)
