from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.defender.alerts import Alert, Alerts, read_alert
from tests.tenants import HERE, Scripted, answer, client_on, error

MDE = {
    "id": "da1_2",
    "title": "Odd",
    "severity": "UnSpecified",
    "status": "InProgress",
    "alertCreationTime": "2026-03-01T12:00:00.1234567Z",
    "machineId": "A" * 40,
    "assignedTo": None,
    "classification": "TruePositive",
    "category": "Execution",
}
GRAPH = {
    "id": "da1_2",
    "title": "Odd",
    "severity": "high",
    "status": "inProgress",
    "createdDateTime": "2026-03-01T12:00:00Z",
    "evidence": [
        {"@odata.type": "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": "a" * 40},
        {"@odata.type": "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": "a" * 40},
        {"@odata.type": "#microsoft.graph.security.userEvidence", "mdeDeviceId": "c" * 40},
        {"@odata.type": "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": None},
        7,
    ],
}
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


def test_both_interfaces_say_the_same() -> None:
    at = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert read_alert(MDE, graph=False) == Alert(
        id="da1_2",
        title="Odd",
        severity="unknown",
        status="inProgress",
        created_at=at,
        devices=("a" * 40,),
        category="Execution",
        classification="truePositive",
    )
    found = read_alert(GRAPH, graph=True)
    assert found is not None
    assert (found.severity, found.status, found.devices) == ("high", "inProgress", ("a" * 40,))


@pytest.mark.parametrize(
    ("graph", "alert", "path", "filter_"),
    [
        (False, MDE, "/api/alerts", "alertCreationTime ge 2026-03-01T00:00:00.000000Z"),
        (True, GRAPH, "/v1.0/security/alerts_v2", "createdDateTime ge 2026-03-01T00:00:00.000000Z"),
    ],
)
def test_listing_follows_pages(graph: bool, alert: Any, path: str, filter_: str) -> None:
    link = f"{HERE}{path}?$skip=1"
    transport = Scripted(
        [answer({"value": [{**alert, "id": "b"}], "@odata.nextLink": link}), answer({"value": [alert]})]
    )
    found = Alerts(client_on(transport), graph=graph).list(created_since=SINCE)
    assert [a.id for a in found] == ["b", "da1_2"]
    assert transport.requests[0].url.params["$filter"] == filter_
    assert str(transport.requests[1].url) == link


def test_one_alert_and_its_change() -> None:
    transport = Scripted([answer(MDE), error(404), answer(MDE)])
    alerts = Alerts(client_on(transport), graph=False)
    assert alerts.get("da1_2") is not None
    assert alerts.get("none") is None
    assert alerts.update("da1_2", {"status": "Resolved"}).id == "da1_2"
    assert transport.requests[2].method == "PATCH"
    assert json.loads(transport.requests[2].content) == {"status": "Resolved"}


def test_observing_changes_no_alert() -> None:
    with pytest.raises(PermissionDenied):
        Alerts(client_on(Scripted([answer(MDE)]), writable=False), graph=True).update("x", {"status": "resolved"})


@pytest.mark.parametrize("odd", [{}, {"value": [{}]}, {"value": {}}])
def test_a_part_is_no_list(odd: Any) -> None:
    with pytest.raises(EstateError):
        Alerts(client_on(Scripted([answer(odd)])), graph=False).list()
