"""The laws of plan and apply hold on every estate, embedded or a tenant over HTTP, and a life is the same on all.

What is held against is a fake estate, on which the model's own property tests stand.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.estates.base import Estate
from earmark.estates.embedded.devices import Sighting
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.physical import ticks_of
from earmark.model.device import Device
from earmark.model.flow import Action, Adopt, Flow, OnDrift, Silent
from earmark.model.plan import ChangeAction
from earmark.model.run import FlowState
from earmark.sandbox.faults import Fault
from earmark.services.plan import make_plan
from earmark.services.run import run_flows
from tests.fakes import FakeEstate
from tests.fakes_store import MemoryStore
from tests.sandboxes import Sandbox
from tests.unit.services.world import NOON, World, make_flow

IDS = tuple(letter * 40 for letter in "abcd")
TAG, FOREIGN = "Executive", "Set by hand"
WRITES = (ChangeAction.ADD, ChangeAction.REMOVE)


@dataclass
class Place:
    """An estate, seen from behind."""

    estate: Estate
    devices: EmbeddedEstate | FakeEstate
    sandbox: Sandbox | None = None

    def toggle(self, device: str, at: datetime) -> None:
        """Add or take away the flow's tag by hand."""
        has = TAG in self.standing()[device]
        if isinstance(self.devices, FakeEstate):
            (self.devices.untag if has else self.devices.tag)(device, TAG)
        else:
            self.devices.devices.change_tag(TAG, [device], add=not has, at=ticks_of(at))

    def standing(self) -> dict[str, frozenset[str]]:
        if isinstance(self.devices, FakeEstate):
            return self.devices.fetch_tags(IDS)
        return dict(self.devices.devices.manual_tags(IDS))


def _fill(estate: EmbeddedEstate) -> None:
    estate.devices.record_sightings(
        Sighting(id=key, name=f"pc-{key[0]}", first_seen=ticks_of(NOON), last_seen=ticks_of(NOON)) for key in IDS
    )
    estate.devices.change_tag(FOREIGN, IDS[:2], add=True, at=ticks_of(NOON))


@contextmanager
def place(kind: str) -> Iterator[Place]:
    """A fresh estate of a kind, with four devices."""
    if kind == "fake":
        fake = FakeEstate(Device(id=key, name=f"pc-{key[0]}", last_seen_at=NOON) for key in IDS)
        for key in IDS[:2]:
            fake.tag(key, FOREIGN)
        yield Place(fake, fake)
        return
    with tempfile.TemporaryDirectory() as folder:
        if kind == "embedded":
            embedded = EmbeddedEstate(Path(folder) / "estate")
            _fill(embedded)
            yield Place(embedded, embedded)
            return
        sandbox = Sandbox(Path(folder), at=NOON)
        _fill(sandbox.devices)
        estate = sandbox.estate(MemoryStore(), hunts=False)
        # A person's hand at the tenant is not told from latency; the tenant here has none.
        estate.visible_within = timedelta(0)
        yield Place(estate, sandbox.devices, sandbox)
        estate.close()
        sandbox.transport.close()


class Life(World):
    """A world on any estate."""

    def __init__(self, flow: Flow, where: Place) -> None:
        super().__init__(flow, devices=0)
        self.set_wall = True
        self.place = where

    @property
    def workspace(self) -> Any:
        return replace(super().workspace, estate=self.place.estate)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)
        if self.place.sandbox is not None:
            self.place.sandbox.clock.advance(timedelta(**span).total_seconds())

    def run(self) -> FlowState:
        return run_flows(self.workspace, ["executive"], trigger="on demand").flows[0].state

    def plan(self) -> list[tuple[str, str, str]]:
        (section,) = make_plan(self.workspace).sections
        return [(c.action.value, c.device, c.reason.value) for c in section.changes]

    def ours(self) -> set[str]:
        return {o.pair.device for o in self.store.read_owned(self.place.estate.id)}


flows = st.builds(
    make_flow,
    action=st.sampled_from(Action),
    adopt=st.sampled_from(Adopt),
    on_drift=st.sampled_from(OnDrift),
    keep_for=st.sampled_from([timedelta(0), timedelta(hours=36)]),
    silent=st.just(Silent.REMOVE),
)
days = st.lists(
    st.tuples(
        st.sampled_from([6, 24, 72]),  # hours
        st.frozensets(st.sampled_from(IDS)),  # toggled by hand
        st.frozensets(st.sampled_from(IDS)),  # named by the hunt
        st.booleans(),  # the hunt is complete
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("kind", ["embedded", "defender"])
@settings(max_examples=8)
@given(flow=flows, life=days, chance=st.randoms(use_true_random=False))
def test_a_life_is_the_same_everywhere(
    kind: str, flow: Flow, life: list[tuple[int, frozenset[str], frozenset[str], bool]], chance: random.Random
) -> None:
    with place("fake") as told, place(kind) as there:
        reference, tried = Life(flow, told), Life(flow, there)
        for hours, toggled, matching, complete in life:
            for world in (reference, tried):
                world.later(hours=hours)
                for device in sorted(toggled):
                    world.place.toggle(device, world.now)
                named = sorted(matching)
                world.find(*chance.sample(named, len(named)))  # the order of rows decides nothing
                world.engine.why_not = None if complete else "cut off"
            before = there.standing()
            assert tried.plan() == reference.plan()
            assert tried.run() is reference.run()
            if not complete:
                assert there.standing() == before, "unknown changes nothing"
            assert [c for c, _, _ in tried.plan() if c in WRITES] == [], "what is applied is not planned again"
            assert there.standing() == told.standing()
            assert tried.ours() == reference.ours()
            assert all(FOREIGN in tags for key, tags in there.standing().items() if key in IDS[:2])
            assert tried.store.check_ledger() == []


def test_a_tenant_that_shows_half_its_machines_loses_no_tag() -> None:
    with place("defender") as there:
        life = Life(make_flow(silent=Silent.REMOVE), there)
        life.find(*IDS)
        assert life.run() is FlowState.DONE
        assert there.sandbox is not None
        life.find()
        there.sandbox.tenant.faults.set({Fault.BAD_PAGE.value: 1.0})
        life.later(hours=24)
        assert life.run() is FlowState.UNKNOWN
        assert {(action, reason) for action, _, reason in life.plan()} == {("skip", "inventory-partial")}
        life.find(*IDS)
        assert {(action, reason) for action, _, reason in life.plan()} == {("skip", "inventory-partial")}
        assert all(TAG in tags for tags in there.standing().values())
