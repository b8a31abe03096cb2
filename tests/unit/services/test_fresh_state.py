"""A state or an estate that may have been lost is said, and nothing else is; a tenant is not changed before a person
has decided.
"""

from __future__ import annotations

import pytest

from earmark.errors import ExitCode, HeldError
from earmark.model.flow import Adopt
from earmark.model.ledger import What
from earmark.model.run import FlowState
from earmark.project.settings import EstateKind
from earmark.services.fresh_state import fresh_state_warning
from earmark.services.run import run_due, run_flows
from tests.unit.services.world import World, make_flow


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


def tenant(adopt: Adopt = Adopt.NEVER) -> World:
    world = World(make_flow(adopt=adopt))
    world.kind = EstateKind.DEFENDER
    world.estate.tag("d1", "Executive")
    world.find("d2")
    return world


def test_a_tenant_by_another_name_is_told_apart_from_an_empty_state() -> None:
    world = World(make_flow())
    world.find("d1")
    run_flows(world.workspace, [], trigger="x")
    known, world.estate.id, world.kind = world.estate.id, "fake:renamed", EstateKind.DEFENDER
    with pytest.raises(HeldError, match=f"knows nothing of fake:renamed, only of {known}") as held:
        run_flows(world.workspace, [], trigger="x")
    assert "another name" in held.value.hint


def test_a_lost_state_changes_no_tenant() -> None:
    world = tenant()
    for attempt in (lambda: run_flows(world.workspace, ["executive"], trigger="x"), lambda: run_due(world.workspace)):
        with pytest.raises(HeldError, match="Executive on 1") as held:
            attempt()
        assert held.value.exit_code is ExitCode.HELD
        assert "--accept-empty-state" in held.value.hint
    assert (world.tagged(), world.estate.writes) == ({"d1"}, [])


def test_an_explicit_choice_is_recorded_and_stands() -> None:
    world = tenant()
    run_flows(world.workspace, ["executive"], trigger="x", accept_empty_state=True)
    assert world.tagged() == {"d1", "d2"}
    (first, *_) = world.store.read_entries(world.estate.id)
    assert (first.entry.what, first.entry.detail) == (What.EMPTY_STATE_ACCEPTED, {"standing": {"Executive": 1}})
    world.find()
    assert run_flows(world.workspace, ["executive"], trigger="x").flows[0].state is FlowState.DONE
    assert world.tagged() == {"d1"}, "what was left alone stays"


@pytest.mark.parametrize("adopt", [Adopt.MATCHING, Adopt.ALL])
def test_flows_that_adopt_have_chosen(adopt: Adopt) -> None:
    world = tenant(adopt)
    assert run_flows(world.workspace, ["executive"], trigger="x").flows[0].state is FlowState.DONE


def test_an_embedded_estate_only_warns() -> None:
    world = tenant()
    world.kind = EstateKind.EMBEDDED
    assert run_flows(world.workspace, ["executive"], trigger="x").flows[0].state is FlowState.DONE


def test_a_tenant_without_such_tags_is_a_fresh_start() -> None:
    world = tenant()
    world.estate.untag("d1", "Executive")
    assert run_flows(world.workspace, ["executive"], trigger="x").flows[0].state is FlowState.DONE
