"""What every store does: one suite for the real one and for the fake that other tests use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from earmark.model.ledger import Entry, Pair, PairState, What, replay
from earmark.model.plan import ApprovalState
from earmark.model.quota import QuotaLimit
from earmark.model.run import FlowRun, FlowState, Run
from earmark.store import open_store
from earmark.store.base import Decision, Fire, LeaseHeldError, Match, Owned, SavedPlan, Store
from tests.fakes_store import MemoryStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def _sqlite(folder: Path) -> Store:
    return open_store("sqlite:state.db", folder)


def _memory(_folder: Path) -> Store:
    return MemoryStore()


@pytest.fixture(params=[_sqlite, _memory], ids=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    make: Callable[[Path], Store] = request.param
    opened = make(tmp_path)
    yield opened
    opened.close()


def entry(what: What, device: str = "d1", **changed: object) -> Entry:
    plain = Entry(
        what=what,
        estate="e1",
        at=NOON,
        effective_at=NOON,
        run="r1",
        who="tester",
        flow="executive",
        device=device,
        tag="Executive",
    )
    return replace(plain, **changed)  # type: ignore[arg-type]  # the caller names fields of Entry


PAIR = Pair("d1", "Executive")


class TestLedger:
    def test_a_fresh_store_says_nothing(self, store: Store) -> None:
        assert store.read_pairs("e1", "executive") == {}
        assert store.read_owned("e1") == []
        assert store.read_entries("e1") == []
        assert store.unsettled("e1") == []
        assert store.last_effective_at("e1") is None
        assert store.check_ledger() == []

    def test_entries_come_back_as_they_went_in_numbered_from_one(self, store: Store) -> None:
        entries = [
            entry(What.RUN_STARTED, device="", tag=""),
            entry(What.ADD_INTENDED, detail={"reason": "matched", "n": 1, "text": "Zoë"}),
            entry(What.ADDED, effective_at=NOON + timedelta(microseconds=1)),
        ]
        store.append(entries[:1])
        store.append(entries[1:])
        recorded = store.read_entries("e1")
        assert [r.entry for r in recorded] == entries
        assert [r.sequence for r in recorded] == [1, 2, 3]

    def test_appending_nothing_is_nothing(self, store: Store) -> None:
        store.append([])
        assert store.read_entries("e1") == []

    def test_pairs_follow_the_entries(self, store: Store) -> None:
        store.append([entry(What.ADD_INTENDED), entry(What.ADDED), entry(What.UNMATCHED, effective_at=NOON + DAY)])
        assert store.read_pairs("e1", "executive") == {PAIR: PairState(owned_since=NOON, unmatched_since=NOON + DAY)}
        store.append([entry(What.GIVEN_UP), entry(What.RELEASED)])
        assert store.read_pairs("e1", "executive") == {PAIR: PairState(given_up=True)}
        store.append([entry(What.GIVE_UP_ENDED)])
        assert store.read_pairs("e1", "executive") == {}

    def test_one_append_may_name_a_pair_many_times(self, store: Store) -> None:
        store.append([entry(What.ADDED), entry(What.REMOVED), entry(What.ADOPTED, effective_at=NOON + DAY)])
        assert store.read_pairs("e1", "executive") == {PAIR: PairState(owned_since=NOON + DAY)}
        assert store.check_ledger() == []

    def test_estates_and_flows_do_not_mix(self, store: Store) -> None:
        store.append([entry(What.ADDED), entry(What.ADDED, estate="e2"), entry(What.ADDED, flow="other", device="d0")])
        assert set(store.read_pairs("e1", "executive")) == {PAIR}
        assert store.read_owned("e1") == [
            Owned(flow="other", pair=Pair("d0", "Executive"), state=PairState(owned_since=NOON)),
            Owned(flow="executive", pair=PAIR, state=PairState(owned_since=NOON)),
        ]
        assert len(store.read_entries("e2")) == 1

    def test_what_is_not_owned_is_not_listed_as_owned(self, store: Store) -> None:
        store.append([entry(What.GIVEN_UP)])
        assert store.read_owned("e1") == []

    @pytest.mark.parametrize(
        ("wanted", "count"),
        [({"device": "d2"}, 1), ({"tag": "Executive"}, 3), ({"run": "r2"}, 1), ({"flow": "other"}, 0)],
    )
    def test_entries_are_found_by_what_they_say(self, store: Store, wanted: dict[str, str], count: int) -> None:
        store.append([entry(What.ADDED), entry(What.ADDED, device="d2"), entry(What.ADDED, device="d3", run="r2")])
        assert len(store.read_entries("e1", **wanted)) == count

    @pytest.mark.parametrize(
        ("intent", "outcome"),
        [
            (What.ADD_INTENDED, What.ADDED),
            (What.ADD_INTENDED, What.ADD_REJECTED),
            (What.REMOVE_INTENDED, What.REMOVED),
            (What.REMOVE_INTENDED, What.REMOVE_REJECTED),
        ],
    )
    def test_an_intent_is_unsettled_until_its_outcome(self, store: Store, intent: What, outcome: What) -> None:
        store.append([entry(intent, device="d2"), entry(intent), entry(What.MATCHED_AGAIN)])
        assert [r.entry.device for r in store.unsettled("e1")] == ["d2", "d1"]
        store.append([entry(outcome)])
        assert [r.entry for r in store.unsettled("e1")] == [entry(intent, device="d2")]
        store.append([entry(outcome, device="d2")])
        assert store.unsettled("e1") == []
        assert store.check_ledger() == []

    def test_the_latest_effective_moment_is_not_the_last_entrys(self, store: Store) -> None:
        store.append([entry(What.ADDED, effective_at=NOON + DAY), entry(What.ADDED, device="d2")])
        assert store.last_effective_at("e1") == NOON + DAY
        assert store.last_effective_at("e2") is None
        assert store.known_estates() == ["e1"]

    def test_recent_writes_are_the_last_outcome_of_each_pair(self, store: Store) -> None:
        store.append(
            [entry(What.ADDED, device="old", at=NOON - DAY), entry(What.ADDED), entry(What.ADDED, device="d2")]
        )
        store.append([entry(What.REMOVED, at=NOON + DAY), entry(What.ADD_INTENDED, device="d3")])
        store.append([entry(What.ADDED, device="d4", estate="e2"), entry(What.ADD_REJECTED, device="d5")])
        assert store.recent_writes("e1", NOON) == {
            PAIR: (False, NOON + DAY),
            Pair("d2", "Executive"): (True, NOON),
        }
        assert store.recent_writes("e1", NOON + 2 * DAY) == {}

    def test_a_rebuilt_projection_is_the_same(self, store: Store) -> None:
        store.append([entry(What.ADDED), entry(What.GIVEN_UP, device="d2"), entry(What.REMOVE_INTENDED)])
        before = store.read_pairs("e1", "executive")
        store.rebuild()
        assert store.read_pairs("e1", "executive") == before
        assert len(store.unsettled("e1")) == 1
        assert replay(r.entry for r in store.read_entries("e1")) == {
            ("e1", "executive", p): s for p, s in before.items()
        }


class TestEvidence:
    def test_first_and_last_match_and_the_last_evidence_are_kept(self, store: Store) -> None:
        store.record_matches("e1", "executive", "q1", NOON, [(PAIR, {"Logons": 3}), (Pair("d2", "Executive"), {})])
        store.record_matches("e1", "executive", "q2", NOON + DAY, [(PAIR, {"Logons": 5, "Users": ["a", None]})])
        assert store.read_matches("e1", device="d1") == [
            Match(
                flow="executive",
                pair=PAIR,
                query_digest="q2",
                first_match_at=NOON,
                last_match_at=NOON + DAY,
                evidence={"Logons": 5, "Users": ["a", None]},
            )
        ]
        assert [m.pair.device for m in store.read_matches("e1", tag="Executive")] == ["d1", "d2"]
        assert store.read_matches("e2") == []

    def test_old_evidence_is_forgotten(self, store: Store) -> None:
        store.record_matches("e1", "executive", "q", NOON, [(PAIR, {})])
        store.record_matches("e1", "executive", "q", NOON + DAY, [(Pair("d2", "Executive"), {})])
        assert store.forget_matches("e1", NOON + DAY) == 1
        assert [m.pair.device for m in store.read_matches("e1")] == ["d2"]


def run(id_: str = "r1", *, estate: str = "e1") -> Run:
    return Run(id=id_, estate=estate, trigger="on demand", due_at=None, started_at=NOON, ended_at=None)


class TestRuns:
    def test_a_run_is_there_from_its_start(self, store: Store) -> None:
        store.start_run(replace(run(), trigger="cron", due_at=NOON - DAY))
        assert store.read_run("r1") == replace(run(), trigger="cron", due_at=NOON - DAY)
        flows = (
            FlowRun(flow="b", state=FlowState.DONE, added=1, removed=2, skipped=3, failed=4, matched=5),
            FlowRun(flow="a", state=FlowState.UNKNOWN, why="timed out"),
        )
        store.end_run("r1", ended_at=NOON + DAY, flows=flows)
        ended = store.read_run("r1")
        assert ended is not None
        assert (ended.ended_at, ended.flows) == (NOON + DAY, flows)

    def test_runs_come_newest_first(self, store: Store) -> None:
        for id_ in ("r3", "r1", "r2"):
            store.start_run(run(id_))
        store.start_run(run("r9", estate="e2"))
        assert [r.id for r in store.read_runs("e1")] == ["r2", "r1", "r3"]
        assert [r.id for r in store.read_runs("e1", limit=1)] == ["r2"]
        assert store.read_run("r4") is None

    def test_shrinkage_is_measured_from_the_last_complete_hunt_that_was_applied(self, store: Store) -> None:
        ends = [(FlowState.DONE, 10), (FlowState.PARTLY, 9), (FlowState.HELD, 1), (FlowState.UNKNOWN, None)]
        assert store.last_matched("e1", "executive") is None
        for place, (state, matched) in enumerate(ends):
            store.start_run(run(f"r{place}"))
            store.end_run(f"r{place}", ended_at=NOON, flows=[FlowRun(flow="executive", state=state, matched=matched)])
        store.start_run(run("unfinished"))
        assert store.last_matched("e1", "executive") == 9
        assert store.last_matched("e1", "other") is None
        assert store.last_matched("e2", "executive") is None


class TestFires:
    fire = Fire(estate="e1", flow="executive", fire_at=NOON, run="r1")

    def test_a_fire_is_taken_once(self, store: Store) -> None:
        assert store.claim_fire(self.fire)
        assert not store.claim_fire(replace(self.fire, run="r2"))
        assert store.claim_fire(replace(self.fire, flow="other"))
        assert store.claim_fire(replace(self.fire, estate="e2"))
        assert store.claim_fire(replace(self.fire, fire_at=NOON - DAY))
        assert store.last_fire("e1", "executive") == NOON
        assert store.last_fire("e1", "none") is None

    def test_an_unfinished_fire_is_taken_over_once(self, store: Store) -> None:
        store.claim_fire(self.fire)
        store.claim_fire(replace(self.fire, fire_at=NOON - DAY))
        assert store.unfinished_fires("e1") == [replace(self.fire, fire_at=NOON - DAY), self.fire]
        assert store.take_over_fire(self.fire, "r2")
        assert not store.take_over_fire(self.fire, "r3")
        store.finish_fire(self.fire)  # the run that lost it
        assert replace(self.fire, run="r2") in store.unfinished_fires("e1")
        store.finish_fire(replace(self.fire, run="r2"))
        assert store.unfinished_fires("e1") == [replace(self.fire, fire_at=NOON - DAY)]
        assert not store.take_over_fire(replace(self.fire, run="r2"), "r4")
        assert not store.claim_fire(self.fire)


class TestPlans:
    plan = SavedPlan(id="p1", estate="e1", made_at=NOON, expires_at=NOON + DAY, document={"flows": [{"é": None}]})

    def test_a_plan_is_kept_whole(self, store: Store) -> None:
        store.save_plan(self.plan)
        assert store.read_plan("p1") == self.plan
        store.save_plan(replace(self.plan, document={}))
        store.save_plan(replace(self.plan, id="p2"))
        store.save_plan(replace(self.plan, id="p3", estate="e2"))
        assert [store.read_plan(plan) for plan in ("p1", "p2", "p3")] == [
            replace(self.plan, document={}),
            replace(self.plan, id="p2"),
            replace(self.plan, id="p3", estate="e2"),
        ]
        assert store.read_plan("p4") is None

    def test_a_plan_is_applied_once(self, store: Store) -> None:
        store.save_plan(self.plan)
        assert store.mark_applied("p1", run="r1", at=NOON)
        assert not store.mark_applied("p1", run="r2", at=NOON + DAY)
        assert not store.mark_applied("p2", run="r2", at=NOON)
        assert store.read_plan("p1") == replace(self.plan, applied_at=NOON, run="r1")

    def test_the_latest_decision_on_the_same_changes_counts(self, store: Store) -> None:
        yes = Decision(
            estate="e1",
            flow="executive",
            change_digest="c1",
            state=ApprovalState.APPROVED,
            who="ann",
            at=NOON,
            comment="looks right",
        )
        store.decide(yes)
        assert store.read_decision("e1", "executive", "c1") == yes
        for other in (("e2", "executive", "c1"), ("e1", "other", "c1"), ("e1", "executive", "c2")):
            assert store.read_decision(*other) is None
        no = replace(yes, state=ApprovalState.REJECTED, who="bob", at=NOON - DAY)
        store.decide(no)
        assert store.read_decision("e1", "executive", "c1") == no


MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
LIMITS = (QuotaLimit(calls=2, within=MINUTE), QuotaLimit(calls=3, within=60 * MINUTE))


class TestQuota:
    def take(self, store: Store, at: datetime, *, bucket: str = "tags", ended: datetime | None = None) -> float:
        turn = store.take_quota(bucket, LIMITS, at, patience=30 * SECOND)
        if turn.ticket:
            store.end_quota(turn.ticket, ended or at)
        return turn.wait

    def test_calls_pass_until_a_limit_is_reached(self, store: Store) -> None:
        assert [self.take(store, NOON), self.take(store, NOON + 10 * SECOND)] == [0.0, 0.0]
        assert self.take(store, NOON + 20 * SECOND) == 40.0
        assert self.take(store, NOON + MINUTE) == 0.0, "the first has left the minute"
        assert self.take(store, NOON + 5 * MINUTE) == 55 * 60.0, "three within the hour"
        assert self.take(store, NOON + 5 * MINUTE, bucket="alerts") == 0.0

    def test_every_window_keeps_the_limit_whatever_the_latency(self, store: Store) -> None:
        self.take(store, NOON, ended=NOON + 20 * SECOND)
        self.take(store, NOON + 20 * SECOND, ended=NOON + 21 * SECOND)
        assert self.take(store, NOON + MINUTE) == 20.0, "the first may have arrived as late as it ended"

    def test_a_call_under_way_counts_as_late_as_it_may_end(self, store: Store) -> None:
        store.take_quota("tags", LIMITS, NOON, patience=30 * SECOND)
        store.take_quota("tags", LIMITS, NOON, patience=30 * SECOND)
        assert self.take(store, NOON + MINUTE) == 1.0, "it may end at any moment, so asking again soon is worth it"
        assert self.take(store, NOON + 90 * SECOND) == 0.0, "its process must be dead"

    def test_a_block_holds_for_everybody_until_its_moment(self, store: Store) -> None:
        assert store.quota_blocked_until("tags") is None
        store.block_quota("tags", NOON + MINUTE)
        store.block_quota("tags", NOON + SECOND)
        assert store.quota_blocked_until("tags") == NOON + MINUTE
        assert self.take(store, NOON) == 60.0
        assert self.take(store, NOON, bucket="alerts") == 0.0
        assert self.take(store, NOON + MINUTE) == 0.0

    def test_what_is_used_is_told(self, store: Store) -> None:
        self.take(store, NOON)
        self.take(store, NOON + 2 * MINUTE)
        assert [use.used for use in store.quota_use("tags", LIMITS, NOON + 2 * MINUTE)] == [1, 2]
        assert [use.used for use in store.quota_use("alerts", LIMITS, NOON)] == [0, 0]

    def test_when_a_window_will_be_empty_is_told(self, store: Store) -> None:
        self.take(store, NOON)
        self.take(store, NOON + 2 * MINUTE)
        used = store.quota_use("tags", LIMITS, NOON + 2 * MINUTE)
        assert [use.empty_at for use in used] == [NOON + 3 * MINUTE, NOON + 62 * MINUTE]
        assert [use.empty_at for use in store.quota_use("alerts", LIMITS, NOON)] == [None, None]

    def test_a_clock_that_was_set_back_stops_nobody_for_longer_than_a_window(self, store: Store) -> None:
        self.take(store, NOON + DAY)
        self.take(store, NOON + DAY)
        assert self.take(store, NOON) <= 3600.0


class TestLeases:
    def test_a_lease_excludes_others_until_it_is_let_go(self, store: Store) -> None:
        assert not store.is_leased("flow/executive")
        with store.lease("flow/executive"):
            assert store.is_leased("flow/executive")
            with store.lease("another"):
                pass
            with pytest.raises(LeaseHeldError, match="flow/executive"), store.lease("flow/executive"):
                pass
        with store.lease("flow/executive"):
            pass

    def test_a_lease_is_let_go_when_its_work_fails(self, store: Store) -> None:
        with pytest.raises(ZeroDivisionError), store.lease("x"):
            raise ZeroDivisionError
        with store.lease("x"):
            pass
