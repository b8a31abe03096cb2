"""Thousands of changes on a tenant with every fault at once: it ends as wanted, within the limits, and nothing is lost.

Time is virtual: what waits moves the tenant's clock. The tenant's own log is the judge of limits and needless requests.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from earmark.errors import EarmarkError
from earmark.estates.embedded.devices import Sighting
from earmark.estates.embedded.physical import ticks_of
from earmark.model.catalogue import Catalogue
from earmark.model.flow import Action
from earmark.model.guard import GuardLimits
from earmark.model.plan import ChangeAction
from earmark.model.run import FlowState
from earmark.project.project import Flows, Project
from earmark.project.settings import EngineKind, EstateKind, EstateSettings, Settings
from earmark.sandbox.clock import TenantClock
from earmark.sandbox.faults import Fault
from earmark.sandbox.log import over_limit, sent_without_need
from earmark.services.clock import Clock
from earmark.services.plan import make_plan
from earmark.services.run import run_flows
from earmark.services.workspace import Workspace
from earmark.store import open_store
from tests.sandboxes import NOON, Sandbox
from tests.unit.services.world import FakeEngine, make_flow

HOUR = timedelta(hours=1)
MOST_RUNS = 40
NO_GUARD = GuardLimits(max_additions=10**6, max_removals=10**6, max_removal_share=1.0, max_shrink=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantTime(Clock):
    """The tenant's virtual clock as the wall's."""

    of: TenantClock

    def wall(self) -> datetime:
        return self.of.now()


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours may catch it."""


class Mortal(httpx2.BaseTransport):
    """Now and then the process ends at a request: before it is sent, or after it was acted upon."""

    def __init__(self, inner: httpx2.BaseTransport, chance: random.Random) -> None:
        self.inner = inner
        self.chance = chance
        self.rate = 0.0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.chance.random() < self.rate:
            if self.chance.random() < 0.7:
                with suppress(httpx2.RequestError):
                    self.inner.handle_request(request)
            raise Killed
        return self.inner.handle_request(request)


class Life:
    """A tenant of some devices and one flow, whose hunts name what a test sets."""

    def __init__(self, folder: Path, count: int) -> None:
        self.sandbox = Sandbox(folder)
        self.ids = [f"{n:040x}" for n in range(count)]
        self.sandbox.devices.devices.record_sightings(
            Sighting(id=key, name=f"pc-{key[-6:]}", first_seen=ticks_of(NOON - HOUR), last_seen=ticks_of(NOON))
            for key in self.ids
        )
        self.store = open_store("sqlite:state.db", folder)
        self.engine = FakeEngine()
        self.flow = make_flow(action=Action.SYNC, guard=NO_GUARD)
        self.mortal = Mortal(self.sandbox.transport, random.Random(count))
        self.estate = self.sandbox.estate(self.store, hunts=False, transport=self.mortal)

    def workspace(self) -> Workspace:
        settings = Settings(
            estate=EstateSettings(kind=EstateKind.DEFENDER, path=Path("none")), engine=EngineKind.GRAPH, state=""
        )
        project = Project(
            folder=Path("company"),
            settings=settings,
            catalogue=Catalogue(),
            lists={},
            tag_rules={self.flow.name: self.flow.tag},
            read_flows=lambda: Flows(usable={self.flow.name: self.flow}),
        )
        return Workspace(
            project=project,
            estate=self.estate,
            engine=self.engine,
            store=self.store,
            clock=TenantTime(of=self.sandbox.clock),
            who="tester",
        )

    def want(self, devices: list[str]) -> None:
        self.engine.found[self.flow.hunt.query] = devices

    def run(self) -> FlowState:
        # A new process knows nothing of the one before it.
        self.estate = self.sandbox.estate(self.store, hunts=False, transport=self.mortal)
        (flow,) = run_flows(self.workspace(), [self.flow.name], trigger="on demand").flows
        return flow.state

    def run_until_done(self) -> int:
        for count in range(1, MOST_RUNS + 1):
            with suppress(EarmarkError, Killed):  # a run that could not begin or end; the schedule tries again
                if self.run() is FlowState.DONE:
                    return count
            self.sandbox.clock.advance(600)
        pytest.fail(f"not done after {MOST_RUNS} runs")

    def tagged(self) -> set[str]:
        standing = self.sandbox.devices.devices.manual_tags(self.ids)
        return {key for key, tags in standing.items() if "Executive" in tags}

    def owned(self) -> set[str]:
        return {owned.pair.device for owned in self.store.read_owned(self.estate.id)}


def set_faults(sandbox: Sandbox, chance: random.Random) -> None:
    """Every fault, each at a rate of its own, and every setting somewhere in its range."""
    faults = sandbox.tenant.faults
    faults.set({fault.value: chance.uniform(0.01, 0.2) for fault in Fault})
    faults.set({Fault.BULK_FORBIDDEN.value: chance.choice([0.0, 0.02]), Fault.BAD_ID.value: chance.uniform(0.0, 0.3)})
    faults.set(
        {
            "visibility-seconds": chance.uniform(1, 3000),
            "retry-after-seconds": chance.uniform(1, 90),
            "retry-after-date": chance.choice([0.0, 1.0]),
            "bad-ids-named": chance.choice([0.0, 1.0]),
        }
    )
    sandbox.clock.skew = timedelta(seconds=chance.uniform(-200, 200))


def live(life: Life, seed: int) -> None:
    """Tags come, half of them go and others come, all under faults; then the faults end."""
    chance = random.Random(seed)
    sandbox = life.sandbox
    sandbox.tenant.faults.reset(seed)
    set_faults(sandbox, chance)
    life.mortal.rate = chance.choice([0.0, 0.02, 0.05]) * 300 / len(life.ids)
    wanted: set[str] = set()
    for size in (len(life.ids) // 2, len(life.ids) // 2, 0):
        wanted = set(chance.sample(life.ids, size))
        life.want(sorted(wanted))
        life.run_until_done()
        sandbox.clock.advance(chance.choice([60, 1800, 7200]))
    log = sandbox.tenant.log.entries()
    assert sandbox.tenant.log.forgotten == 0
    sandbox.tenant.faults.reset(seed)
    life.mortal.rate = 0.0
    sandbox.clock.advance(2 * 3600)
    life.run_until_done()
    assert life.tagged() == wanted == life.owned()
    assert life.store.unsettled(life.estate.id) == []
    assert life.store.check_ledger() == []
    (section,) = make_plan(life.workspace()).sections
    assert section.count(ChangeAction.ADD) == section.count(ChangeAction.REMOVE) == 0
    assert over_limit(log) == []
    assert [entry.number for entry in log if entry.early] == []
    assert sent_without_need(log) == []


@pytest.fixture(name="life")
def make_life(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Life]:
    life = Life(tmp_path, request.param)
    yield life
    life.estate.close()
    life.store.close()


@pytest.mark.parametrize("life", [300], indirect=True)
@pytest.mark.parametrize("seed", range(4))
def test_a_few_hundred_changes_under_every_fault(life: Life, seed: int) -> None:
    live(life, seed)


@pytest.mark.slow
@pytest.mark.parametrize("life", [8000], indirect=True)
@pytest.mark.parametrize("seed", range(50))
def test_ten_thousand_changes_under_every_fault(life: Life, seed: int) -> None:
    live(life, seed)
