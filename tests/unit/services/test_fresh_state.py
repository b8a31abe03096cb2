"""A state or an estate that may have been lost is said, and nothing else is."""

from __future__ import annotations

from earmark.services.fresh_state import fresh_state_warning
from earmark.services.run import run_flows
from tests.unit.services.world import World


def test_a_fresh_start_and_an_ordinary_run_are_no_loss() -> None:
    world = World()
    assert fresh_state_warning(world.workspace) is None
    world.find("d1")
    run_flows(world.workspace, [], trigger="on demand")
    assert fresh_state_warning(world.workspace) is None


def test_tags_that_stand_while_the_state_is_empty_are_said() -> None:
    world = World()
    world.estate.tag("d1", "Executive")
    assert "the state is empty, but tags of the flows stand already (Executive on 1)" in _warning(world)


def test_an_estate_that_the_state_does_not_know_while_it_knows_another_is_said() -> None:
    world = World()
    world.find("d1")
    run_flows(world.workspace, [], trigger="on demand")
    known, world.estate.id = world.estate.id, "fake:new"
    world.estate.untag("d1", "Executive")
    assert f"the state knows nothing of this estate (fake:new), only of {known}" in _warning(world)


def _warning(world: World) -> str:
    warning = fresh_state_warning(world.workspace)
    assert warning is not None
    return warning
