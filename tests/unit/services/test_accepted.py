"""An estate that shows changes late is dealt with as though it showed them at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.model.flow import Adopt, OnDrift
from earmark.model.ledger import What
from earmark.model.plan import ChangeAction, Reason
from earmark.model.run import FlowState
from earmark.services.plan import make_plan
from earmark.services.run import run_flows
from tests.unit.services.world import World, make_flow

HOUR = timedelta(hours=1)
WRITES = (ChangeAction.ADD, ChangeAction.REMOVE)


def late_world(**rule: Any) -> World:
    world = World(make_flow(**rule), devices=4)
    world.set_wall = True
    world.estate.visible_within = HOUR
    return world


def run(world: World) -> FlowState:
    return run_flows(world.workspace, ["executive"], trigger="on demand").flows[0].state


def plan(world: World) -> dict[str, tuple[ChangeAction, Reason]]:
    (section,) = make_plan(world.workspace).sections
    return {change.device: (change.action, change.reason) for change in section.changes}


@pytest.mark.parametrize("drift", OnDrift)
def test_a_tag_that_does_not_show_yet_is_kept(drift: OnDrift) -> None:
    world = late_world(on_drift=drift)
    world.find("d1")
    world.estate.hide_changes()
    assert run(world) is FlowState.DONE
    world.later(minutes=59)
    assert plan(world) == {"d1": (ChangeAction.KEEP, Reason.NOT_VISIBLE_YET)}
    run(world)
    assert world.owned() == {"d1"}
    world.estate.show_changes()
    assert plan(world) == {"d1": (ChangeAction.KEEP, Reason.STILL_MATCHES)}


def test_a_tag_that_does_not_show_in_time_was_taken_away() -> None:
    world = late_world()
    world.find("d1")
    world.estate.hide_changes()
    run(world)
    world.later(minutes=61)
    assert plan(world) == {"d1": (ChangeAction.SKIP, Reason.DRIFTED)}


@pytest.mark.parametrize("adopt", Adopt)
def test_a_removed_tag_that_still_shows_does_not_stand(adopt: Adopt) -> None:
    world = late_world(adopt=adopt)
    world.find("d1")
    run(world)
    world.find()
    world.later(hours=2)
    world.estate.hide_changes()
    assert run(world) is FlowState.DONE
    assert world.tagged() == set()
    world.later(minutes=30)
    assert plan(world) == {}
    world.find("d1")
    assert plan(world) == {"d1": (ChangeAction.ADD, Reason.MATCHED)}
    assert run(world) is FlowState.DONE
    assert world.tagged() == {"d1"}


def test_what_was_not_answered_and_does_not_show_stays_open_until_it_would() -> None:
    world = late_world()
    world.find("d1")
    world.estate.hide_changes()
    world.estate.time_out_after_acting = True
    assert run(world) is FlowState.PARTLY
    assert [r.entry.what for r in world.store.unsettled(world.estate.id)] == [What.ADD_INTENDED]
    assert world.store.read_entries(world.estate.id, device="d1")[-1].entry.what is What.UNANSWERED
    world.estate.time_out_after_acting = False
    world.later(minutes=30)
    world.find()
    run(world)
    assert len(world.store.unsettled(world.estate.id)) == 1, "nothing can be said yet"
    world.later(minutes=31)
    world.estate.show_changes()
    run(world)
    assert world.store.unsettled(world.estate.id) == []
    assert world.tagged() == set(), "found to be ours, and stopped matching"


def test_what_never_shows_is_rejected_when_its_time_is_over() -> None:
    world = late_world()
    world.find("d1")
    world.estate.time_out_before_acting = True
    assert run(world) is FlowState.PARTLY
    world.estate.time_out_before_acting = False
    world.find()
    for _ in range(3):
        world.later(minutes=40)
        run(world)
    assert world.store.unsettled(world.estate.id) == []
    whats = [r.entry.what for r in world.store.read_entries(world.estate.id, device="d1")]
    assert whats == [What.ADD_INTENDED, What.UNANSWERED, What.ADD_REJECTED]


def test_repeating_what_was_not_answered_gives_the_outcome() -> None:
    world = late_world()
    world.find("d1")
    world.estate.hide_changes()
    world.estate.time_out_after_acting = True
    run(world)
    world.estate.time_out_after_acting = False
    world.later(minutes=1)
    assert run(world) is FlowState.DONE
    assert world.owned() == {"d1"}
    assert world.store.unsettled(world.estate.id) == []


steps = st.lists(
    st.tuples(
        st.sampled_from([20, 50, 90, 600]),  # minutes
        st.frozensets(st.sampled_from(["d0", "d1", "d2", "d3"])),
        st.booleans(),
    ),
    max_size=8,
)


@given(steps, st.sampled_from([timedelta(0), 2 * HOUR]), st.sampled_from([Adopt.NEVER, Adopt.MATCHING]))
def test_a_late_estate_gets_what_a_prompt_one_gets(
    life: list[tuple[int, frozenset[str], bool]], keep_for: timedelta, adopt: Adopt
) -> None:
    late, prompt = late_world(keep_for=keep_for, adopt=adopt), late_world(keep_for=keep_for, adopt=adopt)
    prompt.estate.visible_within = timedelta(0)
    hidden_since = late.now
    for minutes, matching, hide in life:
        for world in (late, prompt):
            world.later(minutes=minutes)
            world.find(*matching)
        if late.now - hidden_since >= HOUR:  # by then every change shows
            late.estate.show_changes()
        if hide and not late.estate.hidden:
            late.estate.hide_changes()
            hidden_since = late.now
        for world in (late, prompt):
            assert run(world) is FlowState.DONE
            assert [c for c, _ in plan(world).values() if c in WRITES] == []
        assert late.estate.writes == prompt.estate.writes
        assert late.tagged() == prompt.tagged()
        assert late.owned() == prompt.owned()
        assert late.store.check_ledger() == []
