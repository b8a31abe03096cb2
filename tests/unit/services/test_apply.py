"""Plan and apply over fakes: what is written, what is recorded, and what becomes of faults."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from earmark.errors import HuntError, PermissionDenied, StalePlanError, UsageError
from earmark.estates.base import TagAction
from earmark.model.flow import Approval, OnDrift
from earmark.model.guard import GuardLimits
from earmark.model.ledger import Entry, What
from earmark.model.plan import ApprovalState, ChangeAction
from earmark.model.run import FlowState, Run
from earmark.project.settings import Mode
from earmark.services.apply import apply_file
from earmark.services.approve import decide
from earmark.services.plan import make_plan, save_plan
from earmark.services.run import run_flows
from earmark.services.workspace import Applying
from tests.unit.services.world import WIDE, World, make_flow


def run(world: World) -> Run:
    return run_flows(world.workspace, ["executive"], trigger="on demand")


def leave_open(world: World, what: What) -> None:
    """What a killed process leaves: an intent about d1 without its outcome."""
    intent = Entry(
        what=what,
        estate=world.estate.id,
        at=world.now,
        effective_at=world.now,
        run="r-killed",
        who="tester",
        flow="executive",
        device="d1",
        tag="Executive",
    )
    world.store.append([intent])


def state(ran: Run) -> FlowState:
    return ran.flows[0].state


def test_tags_come_and_planning_again_finds_nothing_to_do() -> None:
    world = World()
    world.find("d1", "d2")
    ran = run(world)
    assert (ran.flows[0].added, state(ran)) == (2, FlowState.DONE)
    assert world.tagged() == world.owned() == {"d1", "d2"}
    (section,) = make_plan(world.workspace).sections
    assert {c.action for c in section.changes} == {ChangeAction.KEEP}
    writes = len(world.estate.writes)
    run(world)
    assert len(world.estate.writes) == writes


def test_grace_counts_from_the_first_run_without_a_match() -> None:
    world = World(make_flow(keep_for=timedelta(days=14)))
    world.find("d1")
    run(world)
    world.find()
    world.later(days=1)
    assert run(world).flows[0].removed == 0
    world.later(days=13)
    assert run(world).flows[0].removed == 0
    world.later(days=1)
    assert run(world).flows[0].removed == 1
    assert world.tagged() == world.owned() == set()


def test_a_plan_alone_records_nothing() -> None:
    world = World()
    world.find("d1")
    make_plan(world.workspace)
    assert world.store.read_entries(world.estate.id) == []
    assert world.estate.writes == []


@pytest.mark.parametrize("error", [None, HuntError("the query was refused")])
def test_an_incomplete_hunt_changes_nothing(error: HuntError | None) -> None:
    world = World()
    world.find("d1")
    run(world)
    world.find()
    world.later(days=30)
    world.engine.why_not, world.engine.error = "cut at 100,000 rows", error
    ran = run(world)
    assert state(ran) is FlowState.UNKNOWN
    assert ran.flows[0].why
    assert world.tagged() == world.owned() == {"d1"}
    assert ran.flows[0].matched is None


def test_a_partial_inventory_changes_nothing() -> None:
    world = World()
    world.find("d1")
    world.estate.partial = "page 3 could not be read"
    assert state(run(world)) is FlowState.UNKNOWN
    assert world.tagged() == set()


def test_the_guard_holds_and_its_observations_are_kept() -> None:
    world = World(
        make_flow(guard=GuardLimits(max_removals=1, max_removal_share=1.0, max_shrink=1.0), keep_for=timedelta(days=1))
    )
    world.find("d1", "d2")
    run(world)
    world.find()
    world.later(days=1)
    run(world)
    world.later(days=2)
    ran = run(world)
    assert state(ran) is FlowState.HELD
    assert "max_removals allows 1, found 2" in ran.flows[0].why
    assert world.tagged() == {"d1", "d2"}
    world.flows["executive"] = replace(world.flows["executive"], guard=WIDE)
    assert run(world).flows[0].removed == 2


def test_a_result_that_shrank_too_much_is_held() -> None:
    world = World(make_flow(guard=replace(WIDE, max_shrink=0.5)))
    world.find("d1", "d2", "d3")
    run(world)
    world.find("d1")
    ran = run(world)
    assert state(ran) is FlowState.HELD
    assert "max_shrink" in ran.flows[0].why


def test_observe_cannot_write() -> None:
    world = World(mode=Mode.OBSERVE)
    world.find("d1")
    assert make_plan(world.workspace).sections[0].count(ChangeAction.ADD) == 1
    with pytest.raises(PermissionDenied, match="observe"):
        run(world)
    assert world.estate.writes == []


def test_the_clock_of_a_writing_command_does_not_go_back() -> None:
    world = World()
    world.find("d1")
    run(world)
    world.now -= timedelta(seconds=1)
    with pytest.raises(UsageError, match="cannot go back"):
        run(world)
    make_plan(world.workspace)


def test_the_clock_of_a_writing_command_does_not_leap_to_where_none_could_follow() -> None:
    world = World()
    world.find("d1")
    world.now = datetime.now(UTC) + timedelta(days=365)
    run(world)
    world.later(days=367)
    with pytest.raises(UsageError, match="no command could write before that moment"):
        run(world)
    make_plan(world.workspace)
    world.later(days=-2)
    run(world)


def saved(world: World, tmp_path: Path) -> Path:
    file = tmp_path / "plan.json"
    save_plan(world.workspace, make_plan(world.workspace), file, redact=["AccountName"])
    return file


def test_a_saved_plan_is_applied_once_with_the_evidence_that_the_file_leaves_out(tmp_path: Path) -> None:
    world = World()
    world.find("d1")
    file = saved(world, tmp_path)
    assert "user of d1" not in file.read_text()
    assert apply_file(world.workspace, file).flows[0].added == 1
    (match,) = world.store.read_matches(world.estate.id)
    assert match.evidence["AccountName"] == "user of d1"
    world.estate.untag("d1", "Executive")
    again = apply_file(world.workspace, file)
    assert (state(again), again.flows[0].added) == (FlowState.DONE, 0)
    assert world.tagged() == set()


def test_a_device_that_moved_since_the_plan_is_skipped(tmp_path: Path) -> None:
    world = World()
    world.find("d1", "d2")
    file = saved(world, tmp_path)
    world.estate.tag("d2", "Executive")
    ran = apply_file(world.workspace, file)
    assert (ran.flows[0].added, ran.flows[0].skipped) == (1, 1)
    assert (state(ran), ran.flows[0].why) == (FlowState.DONE, "pc-2 was skipped: it carries Executive by now")
    assert world.owned() == {"d1"}


def test_each_device_that_moved_since_the_plan_is_named_with_its_reason(tmp_path: Path) -> None:
    world = World(make_flow(keep_for=timedelta(0)))
    world.find("d1", "d2")
    run(world)
    world.find("d3", "d4")
    file = saved(world, tmp_path)
    world.estate.untag("d1", "Executive")
    world.estate.tag("d3", "Executive")
    del world.estate.devices["d4"]
    ended = apply_file(world.workspace, file).flows[0]
    assert (ended.added, ended.removed, ended.skipped) == (0, 1, 3)
    assert ended.why.split("; ") == [
        "pc-1 was skipped: it does not carry Executive any more",
        "pc-3 was skipped: it carries Executive by now",
        "pc-4 was skipped: the estate no longer knows it",
    ]


@pytest.mark.parametrize("on_drift", [OnDrift.REPORT, OnDrift.REASSERT])
def test_what_was_taken_away_after_the_plan_comes_back_only_where_the_plan_says_so(
    tmp_path: Path, on_drift: OnDrift
) -> None:
    world = World(make_flow(on_drift=on_drift))
    world.find("d1")
    file = saved(world, tmp_path)
    run(world)
    world.estate.untag("d1", "Executive")
    if on_drift is OnDrift.REASSERT:
        file = saved(world, tmp_path)
    ended = apply_file(world.workspace, file).flows[0]
    assert ended.added == (on_drift is OnDrift.REASSERT)
    assert ended.why == ("" if ended.added else "pc-1 was skipped: Executive was given to it and taken away again")


def test_a_removal_whose_ownership_moved_is_skipped(tmp_path: Path) -> None:
    world = World()
    world.find("d1", "d2")
    run(world)
    world.find("d1")
    file = saved(world, tmp_path)
    world.estate.untag("d2", "Executive")
    run(world)
    world.estate.tag("d2", "Executive")
    assert apply_file(world.workspace, file).flows[0].removed == 0
    assert world.tagged() == {"d1", "d2"}


def test_a_section_whose_flow_moved_is_stale(tmp_path: Path) -> None:
    world = World()
    world.find("d1")
    file = saved(world, tmp_path)
    world.flows["executive"] = replace(world.flows["executive"], flow_digest="another")
    assert state(apply_file(world.workspace, file)) is FlowState.STALE
    assert world.tagged() == set()


def test_a_plan_changed_by_hand_is_stale(tmp_path: Path) -> None:
    world = World()
    world.find("d1")
    file = saved(world, tmp_path)
    document = json.loads(file.read_text())
    document["flows"][0]["changes"][0]["device"] = "d5"
    file.write_text(json.dumps(document))
    assert state(apply_file(world.workspace, file)) is FlowState.STALE
    assert world.tagged() == set()


def test_a_plan_expires_and_belongs_to_its_estate(tmp_path: Path) -> None:
    world = World()
    world.find("d1")
    file = saved(world, tmp_path)
    world.later(hours=24)
    with pytest.raises(StalePlanError, match="expired"):
        apply_file(world.workspace, file)
    other = World()
    other.estate.id = "fake:2"
    with pytest.raises(StalePlanError, match="fake:2"):
        apply_file(other.workspace, file)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": "earmark-plan/9"}', b"\xff\xfe\x00", b"[" * 100_000]
)
def test_what_is_no_plan_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises((UsageError, StalePlanError)):
        apply_file(World().workspace, file)


def test_a_time_out_after_acting_is_settled_by_reading_back() -> None:
    world = World()
    world.find("d1")
    world.estate.time_out_after_acting = True
    ran = run(world)
    assert (state(ran), ran.flows[0].added) == (FlowState.DONE, 1)
    assert world.owned() == {"d1"}
    assert len(world.estate.writes) == 1


def test_a_time_out_before_acting_is_a_failure_and_is_tried_again_by_the_next_run() -> None:
    world = World()
    world.find("d1")
    world.estate.time_out_before_acting = True
    assert state(run(world)) is FlowState.PARTLY
    assert world.owned() == set()
    world.estate.time_out_before_acting = False
    assert run(world).flows[0].added == 1


def test_an_estate_that_stops_answering_leaves_the_rest_for_the_next_run() -> None:
    world = World()
    world.estate.batch_size = 2
    world.estate.fail_writes_after = 1
    world.find("d0", "d1", "d2", "d3", "d4")
    ran = run(world)
    assert (state(ran), ran.flows[0].added, ran.flows[0].failed) == (FlowState.PARTLY, 2, 3)
    assert world.owned() == world.tagged()
    world.estate.fail_writes_after = None
    run(world)
    assert world.owned() == world.tagged() == {"d0", "d1", "d2", "d3", "d4"}


def test_writes_never_asked_for_are_counted_whatever_their_kind() -> None:
    world = World(make_flow(keep_for=timedelta(0)))
    world.find("d0", "d1")
    run(world)
    world.find("d2", "d3", "d4")
    world.estate.fail_writes = True
    ended = run(world).flows[0]
    assert (ended.added, ended.removed, ended.failed) == (0, 0, 5)


def test_an_estate_that_cannot_be_read_fails_its_section_and_no_other(tmp_path: Path) -> None:
    world = World(make_flow(), make_flow("kiosk", tag="Kiosk"))
    world.find("d1")
    file = tmp_path / "plan.json"
    save_plan(world.workspace, make_plan(world.workspace), file, redact=())
    world.estate.fail_reads = True
    ran = apply_file(world.workspace, file)
    assert [(f.flow, f.state, f.failed) for f in ran.flows] == [
        ("executive", FlowState.PARTLY, 1),
        ("kiosk", FlowState.DONE, 0),
    ]
    assert world.store.read_runs(world.estate.id) == [ran]
    world.estate.fail_reads = False
    assert apply_file(world.workspace, file).flows[0].added == 1


def test_one_bad_device_never_loses_a_batch() -> None:
    world = World()
    world.find("d1", "d2", "d3")
    world.estate.reject = {"d2"}
    ran = run(world)
    assert (state(ran), ran.flows[0].added, ran.flows[0].failed) == (FlowState.PARTLY, 2, 1)
    assert world.owned() == {"d1", "d3"}


def test_of_many_problems_the_first_are_told() -> None:
    world = World(devices=50)
    world.find(*world.estate.devices)
    world.estate.reject = set(world.estate.devices)
    why = run(world).flows[0].why
    assert (why.count("does not take"), why.endswith("; and 30 more")) == (20, True)


@pytest.mark.parametrize("acted", [True, False])
def test_what_a_killed_process_left_open_is_settled_first(acted: bool) -> None:
    world = World()
    leave_open(world, What.ADD_INTENDED)
    if acted:
        world.estate.tag("d1", "Executive")
    world.find("d1")
    ran = run(world)
    assert ran.flows[0].added == (0 if acted else 1)
    assert world.owned() == world.tagged() == {"d1"}
    assert world.store.unsettled(world.estate.id) == []


def test_an_outcome_that_was_told_outlives_the_process() -> None:
    world = World()
    world.find("d1", "d2")
    world.estate.told_at_once, world.estate.killed_midway = 1, True
    with pytest.raises(KeyboardInterrupt):
        run_flows(world.workspace, [], trigger="on demand")
    assert world.tagged() == {"d1"}
    assert [r.entry.device for r in world.store.unsettled(world.estate.id)] == ["d2"]
    world.estate.killed_midway = False
    run_flows(world.workspace, [], trigger="on demand")
    assert world.tagged() == {"d1", "d2"} == world.owned()
    assert [devices for _, _, devices in world.estate.writes] == [("d1", "d2"), ("d2",)]


def test_additions_come_before_removals() -> None:
    flow = make_flow(tag="Team: {AccountName}", values=("user of d1", "user of d2"))
    world = World(flow)
    world.estate.tag("d1", "Team: user of d2")
    world.find("d2")
    world.flows["executive"] = replace(flow, tag=replace(flow.tag, values=("user of d1", "user of d2")))
    run(world)
    world.find("d1")
    run(world)
    actions = [action for action, _, _ in world.estate.writes]
    assert actions == [TagAction.ADD, TagAction.ADD, TagAction.REMOVE]


def test_an_approval_binds_to_the_changes_and_lets_the_next_run_pass() -> None:
    world = World(make_flow(approval=Approval.ALWAYS))
    world.find("d1")
    ran = run(world)
    assert state(ran) is FlowState.HELD
    plan_id = ran.flows[0].why.split()[-1]
    assert decide(world.workspace, plan_id, approved=True, comment="fine") == ["executive"]
    assert run(world).flows[0].added == 1
    world.find("d1", "d2")
    assert make_plan(world.workspace).sections[0].approval is ApprovalState.WAITING


def test_what_was_rejected_stays_out() -> None:
    world = World(make_flow(approval=Approval.ALWAYS))
    world.find("d1")
    plan_id = run(world).flows[0].why.split()[-1]
    decide(world.workspace, plan_id, approved=False, comment="no")
    assert state(run(world)) is FlowState.HELD
    assert world.tagged() == set()


def test_a_flow_without_its_column_is_unknown_and_its_neighbours_run() -> None:
    broken = make_flow("broken", tag="Broken")
    broken = replace(broken, hunt=replace(broken.hunt, device="NoSuchColumn"))
    world = World(make_flow(), broken)
    world.find("d1")
    ran = run_flows(world.workspace, ["executive", "broken"], trigger="on demand")
    assert {f.flow: f.state for f in ran.flows} == {"broken": FlowState.UNKNOWN, "executive": FlowState.DONE}
    assert world.tagged() == {"d1"}


def test_an_open_removal_on_a_device_that_is_gone_is_not_taken_for_done() -> None:
    world = World()
    world.find("d1")
    run(world)
    leave_open(world, What.REMOVE_INTENDED)
    del world.estate.devices["d1"]
    run(world)
    assert What.REMOVED not in {r.entry.what for r in world.store.read_entries(world.estate.id)}
    assert world.owned() == {"d1"}


def test_a_removed_tag_is_not_put_back_by_a_plan_from_before(tmp_path: Path) -> None:
    world = World()
    world.find("d1")
    file = saved(world, tmp_path)
    run(world)
    world.estate.untag("d1", "Executive")
    ran = apply_file(world.workspace, file)
    assert (ran.flows[0].added, ran.flows[0].skipped) == (0, 1)
    assert world.tagged() == set()


def test_a_plan_that_a_later_run_contradicts_is_stale(tmp_path: Path) -> None:
    world = World()
    world.find("d1", "d2")
    run(world)
    world.find("d1")
    file = saved(world, tmp_path)
    world.find("d1", "d2")
    world.later(hours=1)
    run(world)
    ran = apply_file(world.workspace, file)
    assert state(ran) is FlowState.STALE
    assert "plan anew" in ran.flows[0].why
    assert world.tagged() == {"d1", "d2"}


def test_a_later_hunt_that_was_not_complete_overtakes_nothing(tmp_path: Path) -> None:
    world = World()
    world.find("d1")
    file = saved(world, tmp_path)
    world.engine.why_not = "timed out"
    run(world)
    assert apply_file(world.workspace, file).flows[0].added == 1


def test_a_plan_that_waited_is_applied_once_approved(tmp_path: Path) -> None:
    world = World(make_flow(approval=Approval.ALWAYS))
    world.find("d1")
    file = saved(world, tmp_path)
    assert state(apply_file(world.workspace, file)) is FlowState.HELD
    decide(world.workspace, json.loads(file.read_text())["plan"], approved=True, comment="")
    assert apply_file(world.workspace, file).flows[0].added == 1


@pytest.mark.parametrize("moment", ["effective_at", "expires_at"])
def test_a_file_cannot_move_the_moments_of_its_plan(tmp_path: Path, moment: str) -> None:
    world = World()
    world.find("d1")
    file = saved(world, tmp_path)
    document = json.loads(file.read_text())
    document[moment] = "9000-01-01T00:00:00Z"
    file.write_text(json.dumps(document))
    world.later(hours=25)
    with pytest.raises(StalePlanError, match="expired"):
        apply_file(world.workspace, file)
    assert world.store.last_effective_at(world.estate.id) is None


def test_a_plan_of_a_moment_still_to_come_is_refused(tmp_path: Path) -> None:
    world = World()
    world.find("d1")
    file = saved(world, tmp_path)
    world.now -= timedelta(hours=1)
    with pytest.raises(StalePlanError, match="it is"):
        apply_file(world.workspace, file)


def test_a_plan_is_never_valid_for_longer_than_a_day(tmp_path: Path) -> None:
    world = World()
    world.find("d1")
    file = saved(world, tmp_path)
    document = json.loads(file.read_text())
    document["plan"] = "p-of-another-state"
    document["expires_at"] = "9000-01-01T00:00:00Z"
    file.write_text(json.dumps(document))
    with pytest.raises(UsageError, match="damaged"):
        apply_file(world.workspace, file)


@pytest.mark.skipif(os.name != "posix", reason="device files are Unix's")
def test_a_file_without_an_end_is_no_plan() -> None:
    with pytest.raises(UsageError, match="is a device"):
        apply_file(World().workspace, Path("/dev/zero"))


def test_rows_that_name_no_device_are_not_a_no() -> None:
    world = World(make_flow(keep_for=timedelta(0)))
    world.find("d1", "d2")
    run(world)
    world.find("", "")
    (section,) = make_plan(world.workspace).sections
    assert not section.complete
    assert "none of its 2 rows names a device" in (section.why_not or "")
    world.find("d1", "")
    (section,) = make_plan(world.workspace).sections
    assert section.complete
    assert [c.text for c in section.changes if not c.device] == ["1 row names no device: DeviceId is empty"]
    run(world)
    assert world.tagged() == {"d1"}


def test_a_flow_whose_file_was_broken_is_unknown_and_does_not_make_the_plan_stale(tmp_path: Path) -> None:
    world = World()
    world.find("d1")
    plan = make_plan(world.workspace)
    broken = replace(
        plan.sections[0],
        flow="flows/b.yaml",
        flow_digest="",
        change_digest="",
        complete=False,
        why_not="bad",
        changes=(),
    )
    file = tmp_path / "plan.json"
    save_plan(world.workspace, replace(plan, sections=(*plan.sections, broken)), file, redact=())
    assert [f.state for f in apply_file(world.workspace, file).flows] == [FlowState.DONE, FlowState.UNKNOWN]
    assert world.tagged() == {"d1"}


def test_how_far_the_writes_are_is_shown_before_the_first_call_and_after_each() -> None:
    world = World(devices=5)
    world.estate.batch_size = 2
    world.find("d0", "d1", "d2", "d3", "d4")
    shown: list[Applying] = []
    workspace = replace(world.workspace, show=shown.append)
    run_flows(workspace, ["executive"], trigger="on demand")
    assert [(how.done, how.changes) for how in shown] == [(0, 5), (2, 5), (4, 5), (5, 5)]
    assert [how.left.calls for how in shown] == [3, 2, 1, 0]
    shown.clear()
    run_flows(workspace, ["executive"], trigger="on demand")
    assert shown == []
