"""A small world for tests of services: a fake estate, a store in memory, hunts whose rows a test sets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from earmark.hunting.base import HuntRequest
from earmark.model.catalogue import Catalogue
from earmark.model.device import Device
from earmark.model.flow import Flow, Hunt, TagRule
from earmark.model.guard import GuardLimits
from earmark.model.hunt import Column, HuntResult
from earmark.model.trigger import OnDemand, Trigger
from earmark.project.project import Flows, Project
from earmark.project.settings import EngineKind, EstateKind, EstateSettings, Mode, Settings
from earmark.services.clock import Clock
from earmark.services.workspace import Workspace
from tests.fakes import FakeEstate
from tests.fakes_store import MemoryStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WIDE = GuardLimits(max_additions=1000, max_removals=1000, max_removal_share=1.0, max_shrink=1.0)


@dataclass
class FakeEngine:
    """Gives the rows a test sets, by query."""

    found: dict[str, list[str]] = field(default_factory=dict)
    why_not: str | None = None
    error: Exception | None = None
    requests: list[HuntRequest] = field(default_factory=list)
    name: str = "fake"

    def hunt(self, request: HuntRequest) -> HuntResult:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        rows = tuple((device, f"user of {device}") for device in self.found.get(request.query, []))
        return HuntResult(
            columns=(Column(name="DeviceId", type="string"), Column(name="AccountName", type="string")),
            rows=rows,
            complete=self.why_not is None,
            why_not=self.why_not,
            engine=self.name,
            data_until=request.now,
            seconds=0.0,
        )


def make_flow(name: str = "executive", *, tag: str = "Executive", trigger: Trigger | None = None, **rule: Any) -> Flow:
    """A flow with wide guards; `rule` goes to its tag rule, `guard` and `approval` to the flow."""
    flow_keys = {key: rule.pop(key) for key in ("guard", "approval", "silent", "flow_digest") if key in rule}
    flow = Flow(
        name=name,
        file=f"flows/{name}.yaml",
        trigger=trigger or OnDemand(),
        hunt=Hunt(query=name, window=timedelta(days=7)),
        tag=TagRule(value=tag, **rule),
        guard=WIDE,
        query_digest="q",
        flow_digest="f",
    )
    return replace(flow, **flow_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetClock(Clock):
    """A clock whose wall shows what a test sets."""

    shows: datetime

    def wall(self) -> datetime:
        return self.shows


class World:
    """An estate of some devices and flows, at a moment that tests move."""

    def __init__(self, *flows: Flow, devices: int = 6, folder: Path = Path("company"), mode: Mode = Mode.APPLY) -> None:
        self.now = NOON
        self.pinned = True
        self.kind = EstateKind.EMBEDDED
        self.set_wall = False
        """The wall clock shows `now`, too, and nothing is pinned: as on a tenant, in a test."""
        self.mode = mode
        self.folder = folder
        self.flows = {flow.name: flow for flow in flows or (make_flow(),)}
        self.estate = FakeEstate(Device(id=f"d{n}", name=f"pc-{n}", last_seen_at=NOON) for n in range(devices))
        self.store = MemoryStore()
        self.engine = FakeEngine()

    @property
    def workspace(self) -> Workspace:
        settings = Settings(
            estate=EstateSettings(kind=self.kind, path=Path("estate")),
            engine=EngineKind.LOCAL,
            state="",
            mode=self.mode,
        )
        project = Project(
            folder=self.folder,
            settings=settings,
            catalogue=Catalogue(),
            lists={},
            tag_rules={flow.name: flow.tag for flow in self.flows.values()},
            read_flows=lambda: Flows(usable=self.flows),
        )
        clock = SetClock(shows=self.now) if self.set_wall else Clock(pinned_at=self.now if self.pinned else None)
        return Workspace(
            project=project, estate=self.estate, engine=self.engine, store=self.store, clock=clock, who="tester"
        )

    def find(self, *devices: str, flow: str = "executive") -> None:
        """What the flow's next hunts name."""
        self.engine.found[flow] = list(devices)

    def later(self, **span: float) -> None:
        """Move the clock on; every device has just been seen."""
        self.now += timedelta(**span)
        for key, device in self.estate.devices.items():
            self.estate.devices[key] = replace(device, last_seen_at=self.now)

    def tagged(self, tag: str = "Executive") -> set[str]:
        return {device.id for device in self.estate.devices.values() if device.has(tag)}

    def owned(self, tag: str = "Executive") -> set[str]:
        return {o.pair.device for o in self.store.read_owned(self.estate.id) if o.pair.tag == tag}
