"""A store in memory, for tests of what uses a store; held to the same contract as the real one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from earmark.model.ledger import INTENTS, OUTCOMES, UNOWNED, Entry, Pair, PairState, What, advance, replay
from earmark.model.quota import QuotaLimit, QuotaUse, Turn
from earmark.model.run import FlowRun, FlowState, Run
from earmark.store.base import Decision, Fire, LeaseHeldError, Match, Owned, Recorded, SavedPlan

_Key = tuple[str, str, Pair]
_Place = tuple[str, str, datetime]


class MemoryStore:
    """Everything in dictionaries."""

    def __init__(self) -> None:
        self._ledger: list[Recorded] = []
        self._pairs: dict[_Key, PairState] = {}
        self._intents: dict[_Key, Recorded] = {}
        self._matches: dict[_Key, Match] = {}
        self._runs: dict[str, Run] = {}
        self._fires: dict[_Place, tuple[Fire, bool]] = {}
        self._plans: dict[str, SavedPlan] = {}
        self._decisions: list[Decision] = []
        self._leases: set[str] = set()
        self._calls: dict[int, tuple[str, datetime, bool]] = {}
        self._blocks: dict[str, datetime] = {}
        self._tickets = 0

    def append(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            recorded = Recorded(sequence=len(self._ledger) + 1, entry=entry, digest="")
            self._ledger.append(recorded)
            if entry.device:
                self._carry_forward(recorded)

    def _carry_forward(self, recorded: Recorded) -> None:
        entry = recorded.entry
        key = (entry.estate, entry.flow, Pair(entry.device, entry.tag))
        self._pairs[key] = advance(self._pairs.get(key, UNOWNED), entry)
        if self._pairs[key] == UNOWNED:
            del self._pairs[key]
        if entry.what in INTENTS:
            self._intents[key] = recorded
        elif entry.what in OUTCOMES:
            self._intents.pop(key, None)

    def read_pairs(self, estate: str, flow: str) -> dict[Pair, PairState]:
        return {pair: state for (e, f, pair), state in self._pairs.items() if (e, f) == (estate, flow)}

    def read_owned(self, estate: str) -> list[Owned]:
        owned = [
            Owned(flow=flow, pair=pair, state=state)
            for (e, flow, pair), state in self._pairs.items()
            if e == estate and state.owned_since is not None
        ]
        return sorted(owned, key=lambda o: (o.pair, o.flow))

    def read_entries(
        self,
        estate: str,
        *,
        device: str | None = None,
        tag: str | None = None,
        run: str | None = None,
        flow: str | None = None,
    ) -> list[Recorded]:
        wanted = {"device": device, "tag": tag, "run": run, "flow": flow}
        return [
            recorded
            for recorded in self._ledger
            if recorded.entry.estate == estate
            and all(value is None or getattr(recorded.entry, name) == value for name, value in wanted.items())
        ]

    def unsettled(self, estate: str) -> list[Recorded]:
        found = [recorded for (e, _, _), recorded in self._intents.items() if e == estate]
        return sorted(found, key=lambda recorded: recorded.sequence)

    def last_effective_at(self, estate: str) -> datetime | None:
        return max((r.entry.effective_at for r in self._ledger if r.entry.estate == estate), default=None)

    def recent_writes(self, estate: str, since: datetime) -> dict[Pair, tuple[bool, datetime]]:
        return {
            Pair(r.entry.device, r.entry.tag): (r.entry.what is What.ADDED, r.entry.at)
            for r in self._ledger
            if r.entry.estate == estate and r.entry.at >= since and r.entry.what in (What.ADDED, What.REMOVED)
        }

    def known_estates(self) -> list[str]:
        return sorted({r.entry.estate for r in self._ledger})

    def check_ledger(self) -> list[str]:
        return (
            [] if replay(r.entry for r in self._ledger) == self._pairs else ["the pairs do not follow from the ledger"]
        )

    def rebuild(self) -> None:
        self._pairs = replay(r.entry for r in self._ledger)

    def record_matches(
        self, estate: str, flow: str, query_digest: str, at: datetime, named: Iterable[tuple[Pair, Mapping[str, Any]]]
    ) -> None:
        for pair, evidence in named:
            before = self._matches.get((estate, flow, pair))
            self._matches[estate, flow, pair] = Match(
                flow=flow,
                pair=pair,
                query_digest=query_digest,
                first_match_at=before.first_match_at if before else at,
                last_match_at=at,
                evidence=dict(evidence),
            )

    def read_matches(self, estate: str, *, device: str | None = None, tag: str | None = None) -> list[Match]:
        found = [
            match
            for (e, _, pair), match in self._matches.items()
            if e == estate and device in (None, pair.device) and tag in (None, pair.tag)
        ]
        return sorted(found, key=lambda match: (match.pair, match.flow))

    def forget_matches(self, estate: str, before: datetime) -> int:
        old = [key for key, match in self._matches.items() if key[0] == estate and match.last_match_at < before]
        for key in old:
            del self._matches[key]
        return len(old)

    def start_run(self, run: Run) -> None:
        self._runs[run.id] = run

    def end_run(self, run: str, *, ended_at: datetime, flows: Sequence[FlowRun]) -> None:
        self._runs[run] = replace(self._runs[run], ended_at=ended_at, flows=tuple(flows))

    def read_runs(self, estate: str, *, limit: int = 50) -> list[Run]:
        return [run for run in reversed(self._runs.values()) if run.estate == estate][:limit]

    def read_run(self, run: str) -> Run | None:
        return self._runs.get(run)

    def last_matched(self, estate: str, flow: str) -> int | None:
        applied = (FlowState.DONE, FlowState.PARTLY)
        return next(
            (
                done.matched
                for run in self.read_runs(estate, limit=len(self._runs))
                for done in run.flows
                if done.flow == flow and done.matched is not None and done.state in applied
            ),
            None,
        )

    def claim_fire(self, fire: Fire) -> bool:
        place = (fire.estate, fire.flow, fire.fire_at)
        if place in self._fires:
            return False
        self._fires[place] = (fire, False)
        return True

    def finish_fire(self, fire: Fire) -> None:
        place = (fire.estate, fire.flow, fire.fire_at)
        if self._fires.get(place, (None, False))[0] == fire:
            self._fires[place] = (fire, True)

    def unfinished_fires(self, estate: str) -> list[Fire]:
        found = [fire for fire, finished in self._fires.values() if fire.estate == estate and not finished]
        return sorted(found, key=lambda fire: (fire.fire_at, fire.flow))

    def take_over_fire(self, fire: Fire, run: str) -> bool:
        place = (fire.estate, fire.flow, fire.fire_at)
        if self._fires.get(place) != (fire, False):
            return False
        self._fires[place] = (replace(fire, run=run), False)
        return True

    def last_fire(self, estate: str, flow: str) -> datetime | None:
        return max((at for e, f, at in self._fires if (e, f) == (estate, flow)), default=None)

    def save_plan(self, plan: SavedPlan) -> None:
        self._plans[plan.id] = plan

    def read_plan(self, plan: str) -> SavedPlan | None:
        return self._plans.get(plan)

    def mark_applied(self, plan: str, *, run: str, at: datetime) -> bool:
        saved = self._plans.get(plan)
        if saved is None or saved.applied_at is not None:
            return False
        self._plans[plan] = replace(saved, applied_at=at, run=run)
        return True

    def decide(self, decision: Decision) -> None:
        self._decisions.append(decision)

    def read_decision(self, estate: str, flow: str, change_digest: str) -> Decision | None:
        key = (estate, flow, change_digest)
        return next((d for d in reversed(self._decisions) if (d.estate, d.flow, d.change_digest) == key), None)

    def take_quota(self, bucket: str, limits: Sequence[QuotaLimit], at: datetime, *, patience: timedelta) -> Turn:
        blocked = self._blocks.get(bucket, at)
        if blocked > at:
            return Turn(wait=(blocked - at).total_seconds())
        waits = [0.0]
        for limit in limits:
            calls = sorted(
                ((when, ended) for name, when, ended in self._calls.values() if name == bucket), reverse=True
            )
            if len(calls) >= limit.calls:
                when, ended = calls[limit.calls - 1]
                wait = max(0.0, (when + limit.within - at).total_seconds())
                waits.append(min(wait, limit.within.total_seconds() if ended else 1.0))
        if max(waits) > 0:
            return Turn(wait=max(waits))
        self._tickets += 1
        self._calls[self._tickets] = (bucket, at + patience, False)
        return Turn(wait=0.0, ticket=self._tickets)

    def end_quota(self, ticket: int, at: datetime) -> None:
        self._calls[ticket] = (self._calls[ticket][0], at, True)

    def block_quota(self, bucket: str, until: datetime) -> None:
        self._blocks[bucket] = max(until, self._blocks.get(bucket, until))

    def quota_use(self, bucket: str, limits: Sequence[QuotaLimit], at: datetime) -> tuple[QuotaUse, ...]:
        calls = [when for name, when, _ in self._calls.values() if name == bucket]
        within = {limit: [when for when in calls if when > at - limit.within] for limit in limits}
        return tuple(
            QuotaUse(limit=limit, used=len(held), empty_at=max(held) + limit.within if held else None)
            for limit, held in within.items()
        )

    def quota_blocked_until(self, bucket: str) -> datetime | None:
        return self._blocks.get(bucket)

    @contextmanager
    def lease(self, name: str, *, timeout: float = 0.0) -> Iterator[None]:
        if name in self._leases:
            raise LeaseHeldError(f'"{name}" is in use by this process')
        self._leases.add(name)
        try:
            yield
        finally:
            self._leases.remove(name)

    def is_leased(self, name: str) -> bool:
        return name in self._leases

    def close(self) -> None:
        """Nothing to let go of."""
