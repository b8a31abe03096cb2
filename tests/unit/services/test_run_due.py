"""Running what is due: once for each fire time, whatever dies."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from earmark.model.run import FlowState
from earmark.model.trigger import Frequency, Recurrence
from earmark.services.run import run_due
from earmark.store.base import Fire
from tests.unit.services.world import World, make_flow

SUNDAYS = Recurrence(frequency=Frequency.WEEK, days=(6,), at=((6, 0),), time_zone="UTC")
SUNDAY = datetime(2026, 3, 1, 6, tzinfo=UTC)


def weekly() -> World:
    world = World(make_flow(trigger=SUNDAYS))
    world.find("d1")
    return world


def test_what_is_due_runs_once() -> None:
    world = weekly()
    world.now = SUNDAY
    (ran,) = run_due(world.workspace)
    assert (ran.trigger, ran.due_at, ran.flows[0].added) == ("recurrence", SUNDAY, 1)
    assert run_due(world.workspace) == []
    world.now = SUNDAY + timedelta(days=7, seconds=-1)
    assert run_due(world.workspace) == []
    world.now = SUNDAY + timedelta(days=7)
    assert [r.due_at for r in run_due(world.workspace)] == [world.now]


def test_missed_fires_are_not_made_up() -> None:
    world = weekly()
    world.now = SUNDAY
    run_due(world.workspace)
    world.now = SUNDAY + timedelta(days=30)
    assert [r.due_at for r in run_due(world.workspace)] == [SUNDAY + timedelta(days=28)]
    assert run_due(world.workspace) == []


def test_nothing_runs_merely_because_a_file_was_saved(tmp_path: Path) -> None:
    flow = make_flow(trigger=Recurrence(frequency=Frequency.MINUTE, interval=1))
    world = World(flow, folder=tmp_path)
    world.pinned = False
    file = tmp_path / flow.file
    file.parent.mkdir()
    file.touch()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    os.utime(file, (tomorrow.timestamp(), tomorrow.timestamp()))
    assert run_due(world.workspace) == []
    seen = world.store.last_fire(world.estate.id, flow.name)
    assert seen is not None, "a flow that was seen counts from then on, however new its file is"
    assert world.store.unfinished_fires(world.estate.id) == []


def test_a_flow_whose_file_stood_before_a_fire_runs_for_it(tmp_path: Path) -> None:
    flow = make_flow(trigger=Recurrence(frequency=Frequency.MINUTE, interval=1))
    world = World(flow, folder=tmp_path)
    world.pinned = False
    file = tmp_path / flow.file
    file.parent.mkdir()
    file.touch()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    os.utime(file, (yesterday.timestamp(), yesterday.timestamp()))
    assert len(run_due(world.workspace)) == 1


def test_a_flow_on_demand_is_never_due() -> None:
    world = World()
    assert run_due(world.workspace) == []


def test_a_fire_that_a_killed_process_took_is_run_by_the_next() -> None:
    world = weekly()
    world.now = SUNDAY
    world.store.claim_fire(Fire(estate=world.estate.id, flow="executive", fire_at=SUNDAY, run="r-dead"))
    (ran,) = run_due(world.workspace)
    assert ran.id != "r-dead"
    assert ran.due_at == SUNDAY
    assert world.tagged() == {"d1"}
    assert run_due(world.workspace) == []


def test_a_fire_that_a_living_process_runs_is_left_to_it() -> None:
    world = weekly()
    world.now = SUNDAY
    world.store.claim_fire(Fire(estate=world.estate.id, flow="executive", fire_at=SUNDAY, run="r-alive"))
    with world.store.lease("fire-executive"):
        assert run_due(world.workspace) == []
    assert world.estate.writes == []


def test_an_old_fire_left_by_the_dead_is_not_made_up_after_a_newer_one() -> None:
    world = weekly()
    world.store.claim_fire(Fire(estate=world.estate.id, flow="executive", fire_at=SUNDAY, run="r-dead"))
    world.now = SUNDAY + timedelta(days=7)
    assert [r.due_at for r in run_due(world.workspace)] == [world.now]
    assert run_due(world.workspace) == []


def test_one_flow_that_fails_does_not_keep_the_others_from_running() -> None:
    world = World(make_flow("a", tag="A", trigger=SUNDAYS), make_flow("b", tag="B", trigger=SUNDAYS))
    world.find("d1", flow="a")
    world.find("d2", flow="b")
    world.now = SUNDAY
    with world.store.lease("flow-a"):
        ran = {r.flows[0].flow: r.flows[0].state for r in run_due(world.workspace)}
    assert ran["b"] is FlowState.DONE
    assert world.tagged("B") == {"d2"}
    assert [r.flows[0].flow for r in run_due(world.workspace)] == ["a"]
