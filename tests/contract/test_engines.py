"""What every engine does: one suite for local hunting and for hunting in a tenant over HTTP, on the same events."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from earmark.errors import HuntError, PermissionDenied
from earmark.estates.defender.hunts import Hunts
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.hunting.base import Engine, HuntRequest
from earmark.hunting.graph import GraphEngine
from earmark.hunting.local import LocalEngine
from earmark.model.hunt import Column, HuntLimits, HuntResult, ListTable
from earmark.sandbox.faults import Fault
from tests.fakes_store import MemoryStore
from tests.sandboxes import Sandbox
from tests.unit.hunting.conftest import SharedKql
from tests.unit.sandbox.world import NOW, make_estate


@pytest.fixture(scope="module")
def kql() -> Iterator[SharedKql]:
    shared = SharedKql()
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_estate(tmp_path_factory.mktemp("events"))


def _local(folder: Path, kql: SharedKql) -> Engine:
    return LocalEngine(events=EmbeddedEstate(folder / "tenant").events, kql=kql, threads=1)


def _graph(folder: Path, kql: SharedKql, *, old: bool = False) -> Engine:
    client = Sandbox(folder, at=NOW).client(MemoryStore(), writable=False)
    return GraphEngine(Hunts(client, old=old), kql=kql)


def _old(folder: Path, kql: SharedKql) -> Engine:
    return _graph(folder, kql, old=True)


@dataclass
class Ask:
    """One engine, ready to be asked."""

    engine: Engine
    present_only: bool = False
    lists: dict[str, ListTable] = field(default_factory=dict)

    def __call__(self, query: str, **keys: Any) -> HuntResult:
        return self.engine.hunt(HuntRequest(query=query, **{"now": NOW, "lists": self.lists, **keys}))


@pytest.fixture(params=[_local, _graph, _old], ids=["local", "graph", "graph-old"])
def ask(request: pytest.FixtureRequest, events: Path, kql: SharedKql, tmp_path: Path) -> Ask:
    copytree(events, tmp_path / "tenant")
    make: Callable[[Path, SharedKql], Engine] = request.param
    return Ask(make(tmp_path, kql), present_only=make is _old)


def test_rows_and_types(ask: Ask) -> None:
    found = ask(
        """print a=true, b=datetime(null), c=9007199254740993, d=1.5, e=int(5), f=1d + 2h,
        g=datetime(2026-01-05T08:00:00.1230000Z),
        h=dynamic([1, {"a": null}]), i=decimal(1.5), j='é "x"', k=long(null), l=bool(null), m=real(nan)"""
    )
    assert [(c.name, c.type) for c in found.columns] == [
        *(("a", "bool"), ("b", "datetime"), ("c", "long"), ("d", "real"), ("e", "int"), ("f", "timespan")),
        *(("g", "datetime"), ("h", "dynamic"), ("i", "decimal"), ("j", "string"), ("k", "long"), ("l", "bool")),
        ("m", "real"),
    ]
    (row,) = found.rows
    assert [str(cell) for cell in row] == [
        *("True", "None", "9007199254740993", "1.5", "5", "1.02:00:00", "2026-01-05T08:00:00.123Z"),
        *("[1, {'a': None}]", "1.5", 'é "x"', "None", "None", "NaN"),
    ]
    assert found.complete
    assert found.engine == ask.engine.name


def test_devices_are_found(ask: Ask) -> None:
    found = ask("DeviceLogonEvents | where Timestamp > ago(2d) | summarize N = count() by DeviceId | where N > 0")
    assert found.complete, found.why_not
    assert found.rows
    assert all(len(device) == 40 and count > 0 for device, count in found.rows)
    assert found.data_until is not None
    assert NOW - timedelta(days=1) < found.data_until <= NOW


def test_later_events_are_not_seen(ask: Ask) -> None:
    if ask.present_only:
        pytest.skip("the older endpoint knows no end but the present")
    early = NOW - timedelta(days=3)
    found = ask("DeviceLogonEvents | summarize Newest = max(Timestamp) | where isnotnull(Newest)", now=early)
    assert found.rows[0][0] <= f"{early:%Y-%m-%dT%H:%M:%SZ}"


def test_lists_are_tables(ask: Ask) -> None:
    (first, *_) = ask("DeviceInfo | distinct DeviceName | sort by DeviceName asc").rows
    ask.lists["Names"] = ListTable(
        columns=(Column(name="DeviceName", type="string"), Column(name="Note", type="string")),
        rows=((first[0], 'odd "quotes" \\ and é'), ("none", "")),
    )
    found = ask("DeviceInfo | where DeviceName in (Names) | distinct DeviceName")
    assert found.rows == (first,)
    found = ask("DeviceInfo | lookup kind=inner Names on DeviceName | distinct DeviceName, Note")
    assert found.rows == ((first[0], 'odd "quotes" \\ and é'),)
    assert ask("Names | where DeviceName == 'none'").complete


def test_a_slip_is_refused_at_its_place(ask: Ask) -> None:
    with pytest.raises(HuntError, match=r"1:20 KS142"):
        ask("DeviceInfo | where Devise == 'x'")


@pytest.mark.parametrize("query", ["", "DeviceInfo | where", "let x = 1;"])
def test_what_is_no_query_is_refused(ask: Ask, query: str) -> None:
    with pytest.raises(HuntError):
        ask(query)


def test_more_rows_than_allowed_are_incomplete(ask: Ask) -> None:
    found = ask("DeviceInfo | distinct DeviceId", limits=HuntLimits(rows=3))
    assert not found.complete
    assert "3 rows" in (found.why_not or "")


@pytest.mark.parametrize("seed", range(6))
def test_a_tenant_under_faults_gives_the_right_answer_or_none(
    seed: int, events: Path, kql: SharedKql, tmp_path: Path
) -> None:
    copytree(events, tmp_path / "tenant")
    # Waiting takes virtual minutes, and a tenant's ago() counts from when it runs the query.
    query = "DeviceLogonEvents | where Timestamp > datetime(2026-01-17) | summarize N = count() by DeviceId"
    sandbox = Sandbox(tmp_path, at=NOW)
    right = set(_hunt(GraphEngine(Hunts(sandbox.client(MemoryStore())), kql=kql), query, NOW).rows)
    assert right
    chance = random.Random(seed)
    sandbox.tenant.faults.reset(seed)
    sandbox.tenant.set_faults({fault.value: chance.uniform(0, 0.3) for fault in Fault})
    complete = 0
    for _ in range(12):
        found = _hunt(GraphEngine(Hunts(sandbox.client(MemoryStore())), kql=kql), query, NOW)
        if found.complete:
            complete += 1
            assert set(found.rows) == right
        else:
            assert found.why_not
    assert complete


def _hunt(engine: Engine, query: str, now: datetime) -> HuntResult:
    limits = HuntLimits(timeout=timedelta(minutes=20))
    while True:
        try:
            return engine.hunt(HuntRequest(query=query, now=now, limits=limits))
        except PermissionDenied:  # a new token that was refused at once, by a fault
            continue


def test_data_that_stop_short_are_incomplete(ask: Ask) -> None:
    found = ask(
        "DeviceLogonEvents | where DeviceName == 'none'",
        limits=HuntLimits(freshness=timedelta(milliseconds=1)),
    )
    assert (found.complete, found.rows) == (False, ())
    assert found.why_not
