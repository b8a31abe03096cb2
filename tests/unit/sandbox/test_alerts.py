from __future__ import annotations

from typing import Any

import httpx2
import pytest

from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.sandbox.app import create_app
from earmark.sandbox.tenant import Tenant
from tests.unit.sandbox.asgi import client as client_of
from tests.unit.sandbox.world import DEFENDER, GRAPH, World

XDR = "https://api.security.microsoft.com"
V1 = "/v1.0/security"


def value(client: httpx2.Client, path: str, **parameters: str) -> list[dict[str, Any]]:
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["value"]
    return found


def test_alerts_of_the_events_up_to_now(world: World) -> None:
    client = world.signed_in()
    alerts = value(client, "/api/alerts")
    assert len(alerts) == 6
    times = [alert["alertCreationTime"] for alert in alerts]
    assert times == sorted(times, reverse=True)
    first = alerts[0]
    assert (first["status"], first["classification"], first["evidence"]) == ("New", None, [])
    assert first["machineId"] in world.ids
    assert first["mitreTechniques"][0].startswith("T1")
    (expanded,) = value(client, "/api/alerts", **{"$top": "1", "$expand": "evidence"})
    assert [entity["entityType"] for entity in expanded["evidence"]] == ["User"]
    assert expanded["relatedUser"]["userName"] == expanded["evidence"][0]["accountName"]


def test_filters_and_what_cannot_be_filtered(world: World) -> None:
    client = world.signed_in()
    alerts = value(client, "/api/alerts")
    since = alerts[2]["alertCreationTime"]
    assert len(value(client, "/api/alerts", **{"$filter": f"alertCreationTime ge {since}"})) == 3
    number = alerts[0]["incidentId"]
    found = value(client, "/api/alerts", **{"$filter": f"incidentId eq {number} and status eq 'new'"})
    assert {alert["incidentId"] for alert in found} == {number}
    refused = client.get("/api/alerts", params={"$filter": "machineId eq 'x'"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "ODataError")


def test_alerts_of_one_machine(world: World) -> None:
    client = world.signed_in()
    machine = value(client, "/api/alerts")[0]["machineId"]
    assert {alert["machineId"] for alert in value(client, f"/api/machines/{machine}/alerts")} == {machine}
    assert client.get("/api/machines/nope/alerts").status_code == 404


def test_an_update_is_kept_and_shown_everywhere(world: World) -> None:
    client = world.signed_in()
    id = value(client, "/api/alerts")[0]["id"]
    change = {"status": "Resolved", "assignedTo": "secop2@contoso.com", "classification": "FalsePositive"}
    change |= {"determination": "Malware", "comment": "Resolve my alert and assign to secop2"}
    answer = client.patch(f"/api/alerts/{id}", json=change)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert {name: body[name] for name in ("status", "assignedTo", "classification", "determination")} == {
        name: change[name] for name in ("status", "assignedTo", "classification", "determination")
    }
    assert body["resolvedTime"] == body["lastUpdateTime"] == "2026-01-19T12:00:00.0000000Z"
    assert body["comments"][0]["comment"] == change["comment"]
    graph = world.signed_in(resource=GRAPH).get(f"{V1}/alerts_v2/{id}").json()
    assert (graph["status"], graph["classification"], graph["determination"]) == (
        "resolved",
        "falsePositive",
        "malware",
    )
    again = Tenant(EmbeddedEstate(world.tenant.estate.folder), clock=world.clock, apps=world.tenant.apps.values())
    kept = client_of(create_app(again))
    roles, at = ["Alert.Read.All"], world.clock.now()
    token = again.tokens.issue(world.registered("everything"), DEFENDER, roles, at=at, by_secret=True)
    assert kept.get(f"/api/alerts/{id}", headers={"Authorization": f"Bearer {token}"}).json()["status"] == "Resolved"
    world.tenant.reset()
    assert client.get(f"/api/alerts/{id}").json()["status"] == "New"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "InvalidRequestBody"),
        ({"STATUS": "New"}, "InvalidRequestBody"),
        ({"status": 5}, "InvalidRequestBody"),
        ({"status": "Done"}, "InvalidInput"),
        ({"classification": "x"}, "InvalidInput"),
    ],
)
def test_a_wrong_update(world: World, body: dict[str, Any], code: str) -> None:
    client = world.signed_in()
    id = value(client, "/api/alerts")[0]["id"]
    answer = client.patch(f"/api/alerts/{id}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert client.patch("/api/alerts/nope", json={"status": "New"}).status_code == 404


def test_several_alerts_at_once(world: World) -> None:
    client = world.signed_in()
    ids = [alert["id"] for alert in value(client, "/api/alerts")[:2]]
    answer = client.post("/api/alerts/batchUpdate", json={"alertIds": ids, "status": "InProgress"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert [alert["status"] for alert in value(client, "/api/alerts")[:3]] == ["InProgress", "InProgress", "New"]
    refused = client.post("/api/alerts/batchUpdate", json={"alertIds": [*ids, "nope"], "status": "New"})
    assert refused.status_code == 404
    assert value(client, "/api/alerts")[0]["status"] == "InProgress"
    assert client.post("/api/alerts/batchUpdate", json={"status": "New"}).status_code == 400
    statuses = [client.post("/api/alerts/batchUpdate", json={}).status_code for _ in range(8)]
    assert statuses[-1] == 429


def test_an_alert_from_an_event(world: World) -> None:
    query = "DeviceLogonEvents | top 1 by Timestamp | project DeviceId, Timestamp, ReportId"
    hunt = world.signed_in(resource=GRAPH).post(f"{V1}/runHuntingQuery", json={"Query": query}).json()["results"][0]
    body = {
        "machineId": hunt["DeviceId"],
        "severity": "Low",
        "title": "example",
        "description": "example alert",
        "recommendedAction": "nothing",
        "eventTime": hunt["Timestamp"],
        "reportId": str(hunt["ReportId"]),
        "category": "Exploit",
    }
    client = world.signed_in()
    made = client.post("/api/alerts/CreateAlertByReference", json=body)
    assert made.status_code == 200, made.text
    assert (made.json()["title"], made.json()["machineId"]) == ("example", hunt["DeviceId"])
    again = client.post("/api/alerts/CreateAlertByReference", json=body)
    assert again.json()["id"] == made.json()["id"]
    assert value(client, "/api/alerts")[0]["id"] == made.json()["id"]
    for change, status in (({"reportId": "1"}, 404), ({"severity": "x"}, 400), ({"title": None}, 400)):
        assert client.post("/api/alerts/CreateAlertByReference", json=body | change).status_code == status


def test_what_an_alert_is_about(world: World) -> None:
    client = world.signed_in()
    alert = value(client, "/api/alerts")[0]
    assert client.get(f"/api/alerts/{alert['id']}/machine").json()["id"] == alert["machineId"]
    assert client.get(f"/api/alerts/{alert['id']}/user").json()["accountName"] == alert["relatedUser"]["userName"]


def test_graphs_alerts_page_by_page(world: World) -> None:
    client = world.signed_in(resource=GRAPH)
    whole = value(client, f"{V1}/alerts_v2")
    answer = client.get(f"{V1}/alerts_v2", params={"$top": "4", "$count": "true"}).json()
    assert answer["@odata.count"] == 6
    rest = client.get(answer["@odata.nextLink"]).json()
    assert [a["id"] for a in (*answer["value"], *rest["value"])] == [a["id"] for a in whole]
    assert "@odata.nextLink" not in rest
    device = next(e for e in whole[0]["evidence"] if e["@odata.type"].endswith(".deviceEvidence"))
    assert device["mdeDeviceId"] in world.ids
    assert (device["healthStatus"], device["onboardingStatus"]) == ("active", "onboarded")
    low = value(client, f"{V1}/alerts_v2", **{"$filter": "severity eq 'low' or severity eq 'High'"})
    assert {alert["severity"] for alert in low} <= {"low", "high"}
    refused = client.get(f"{V1}/alerts_v2", params={"$filter": "title eq 'x'"})
    assert (refused.status_code, "innerError" in refused.json()["error"]) == (400, True)


def test_graph_updates_an_alert(world: World) -> None:
    client = world.signed_in(resource=GRAPH)
    id = value(client, f"{V1}/alerts_v2")[0]["id"]
    body = {"@odata.type": "#microsoft.graph.security.alert", "assignedTo": "a@b", "classification": "TruePositive"}
    answer = client.patch(f"{V1}/alerts_v2/{id}", json=body | {"determination": "clean", "status": "inProgress"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["determination"]) == ("inProgress", "notMalicious")
    for wrong in ({"status": "done"}, {"title": "x"}, {}, {"status": None}, {"determination": "x"}):
        assert client.patch(f"{V1}/alerts_v2/{id}", json=wrong).status_code == 400


def test_incidents_group_alerts(world: World) -> None:
    client = world.signed_in(resource=GRAPH)
    incidents = value(client, f"{V1}/incidents", **{"$expand": "alerts"})
    assert sum(len(incident["alerts"]) for incident in incidents) == 6
    incident = incidents[0]
    assert {alert["incidentId"] for alert in incident["alerts"]} == {incident["id"]}
    assert "alerts" not in value(client, f"{V1}/incidents")[0]
    path = f"{V1}/incidents/{incident['id']}"
    changed = client.patch(path, json={"customTags": ["Demo"], "status": "resolved", "classification": "truePositive"})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["customTags"], changed.json()["status"]) == (["Demo"], "resolved")
    shown = client.get(path, params={"$expand": "alerts"}).json()
    assert {alert["status"] for alert in shown["alerts"]} == {"resolved"}
    assert client.get(f"{V1}/incidents/1").status_code == 404
    older = value(world.signed_in(resource=XDR), "/api/incidents", **{"$filter": "status eq 'Resolved'"})
    assert [one["incidentId"] for one in older] == [int(incident["id"])]
    assert older[0]["alerts"][0]["devices"][0]["mdatpDeviceId"] in world.ids
    assert world.signed_in(resource=XDR).get("/api/incidents", params={"$top": "101"}).status_code == 400


@pytest.mark.parametrize(
    ("app", "resource", "path", "status"),
    [
        ("observer", DEFENDER, "/api/alerts", 403),
        ("everything", GRAPH, "/api/alerts", 403),
        ("observer", GRAPH, f"{V1}/alerts_v2", 403),
        ("everything", DEFENDER, f"{V1}/incidents", 401),
        ("everything", DEFENDER, "/api/incidents", 403),
    ],
)
def test_roles_and_audiences(world: World, app: str, resource: str, path: str, status: int) -> None:
    assert world.signed_in(app, resource=resource).get(path).status_code == status
