"""Runs without an end: which of them go on, and which never came to it."""

from __future__ import annotations

import pytest

from earmark.errors import UsageError
from earmark.model.ledger import Entry, What
from earmark.model.run import Run
from earmark.services.apply import flow_lease
from earmark.services.run import run_flows
from earmark.services.runs import list_runs
from tests.unit.services.world import World, make_flow


def started(world: World, *flows: str) -> Run:
    """A run that has begun with some flows and has no end."""
    run = Run(id="r-1", estate=world.estate.id, trigger="cron", due_at=None, started_at=world.now, ended_at=None)
    world.store.start_run(run)
    for flow in flows:
        begun = Entry(
            what=What.RUN_STARTED,
            estate=run.estate,
            at=world.now,
            effective_at=world.now,
            run=run.id,
            who="tester",
            flow=flow,
        )
        world.store.append([begun])
    return run


@pytest.mark.parametrize("flows", [(), ("executive",)], ids=["before its first flow", "in a flow"])
def test_a_run_without_an_end_runs_for_as_long_as_its_lease_is_held(flows: tuple[str, ...]) -> None:
    world = World()
    run = started(world, *flows)
    with world.store.lease(flow_lease("executive")):
        assert [r.interrupted for r in list_runs(world.workspace)] == [False]
    assert [r.interrupted for r in list_runs(world.workspace, run=run.id)] == [True]


def test_the_lease_of_another_flow_says_nothing_of_a_run() -> None:
    world = World(make_flow(), make_flow("kiosk", tag="Kiosk"))
    started(world, "executive")
    with world.store.lease(flow_lease("kiosk")):
        assert list_runs(world.workspace)[0].interrupted


def test_a_run_that_ended_was_not_interrupted() -> None:
    world = World()
    world.find("d1")
    ran = run_flows(world.workspace, [], trigger="on demand")
    assert list_runs(world.workspace) == [ran]


def test_a_run_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="there is no run 'r-9'"):
        list_runs(World().workspace, run="r-9")
