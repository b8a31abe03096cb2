"""Alerts of one tenant through both interfaces: each shows what the other does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from earmark.estates.defender.alerts import Alerts
from tests.fakes_store import MemoryStore
from tests.sandboxes import Sandbox
from tests.unit.sandbox.world import NOW, make_estate


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_estate(tmp_path_factory.mktemp("events"))


@pytest.fixture
def both(events: Path, tmp_path: Path) -> tuple[Alerts, Alerts]:
    copytree(events, tmp_path / "tenant")
    client = Sandbox(tmp_path, at=NOW).client(MemoryStore())
    return Alerts(client, graph=False), Alerts(client, graph=True)


def test_both_interfaces_list_the_same_alerts(both: tuple[Alerts, Alerts]) -> None:
    defender, graph = (alerts.list() for alerts in both)
    assert defender
    seen = {a.id: a for a in defender}
    for alert in graph:
        same = seen[alert.id]
        assert (same.title, same.severity, same.created_at) == (alert.title, alert.severity, alert.created_at)
        assert set(same.devices) <= set(alert.devices)
        assert all(len(device) == 40 for device in alert.devices)


@pytest.mark.parametrize("graph", [False, True], ids=["defender", "graph"])
def test_only_alerts_since_a_moment(both: tuple[Alerts, Alerts], graph: bool) -> None:
    alerts = both[graph]
    moments = sorted(a.created_at for a in alerts.list() if a.created_at)
    middle = moments[len(moments) // 2]
    found = alerts.list(created_since=middle)
    assert found
    assert all(a.created_at and a.created_at >= middle - timedelta(microseconds=1) for a in found)


@pytest.mark.parametrize("graph", [False, True], ids=["defender", "graph"])
def test_one_alert_is_read_and_changed(both: tuple[Alerts, Alerts], graph: bool) -> None:
    alerts, other = both[graph], both[not graph]
    (first, *_) = alerts.list()
    assert alerts.get(first.id) == first
    assert alerts.get("no-such-alert") is None
    changed = alerts.update(first.id, {"status": "resolved" if graph else "Resolved"})
    assert changed.status == "resolved"
    seen = other.get(first.id)
    assert seen is not None
    assert seen.status == "resolved"
