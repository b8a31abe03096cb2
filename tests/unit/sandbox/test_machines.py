from __future__ import annotations

from pathlib import Path

import pytest

from earmark.estates.embedded.devices import Sighting
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.physical import ticks_of
from earmark.sandbox.paths import canonical
from tests.unit.sandbox.world import NOW, World

BULK = "/api/machines/AddOrRemoveTagForMultipleMachines"


def grow(estate: Path, count: int) -> None:
    """Make it an estate of many devices that never reported."""
    seen = ticks_of(NOW)
    store = EmbeddedEstate(estate).devices
    store.record_sightings(
        Sighting(id=f"{n:040x}", name=f"pc{n}.corp.example", first_seen=seen, last_seen=seen) for n in range(count)
    )


def test_a_machine_has_the_documented_fields(world: World) -> None:
    (machine, *_) = world.signed_in("observer").get("/api/machines").json()["value"]
    documented = (
        *("id", "computerDnsName", "firstSeen", "lastSeen", "osPlatform", "osProcessor", "version", "osBuild"),
        *("onboardingStatus", "healthStatus", "lastIpAddress", "lastExternalIpAddress", "rbacGroupId"),
        *("rbacGroupName", "riskScore", "exposureLevel", "deviceValue", "aadDeviceId", "machineTags", "ipAddresses"),
    )
    assert set(documented) <= set(machine)
    assert set(machine["ipAddresses"][0]) == {"ipAddress", "macAddress", "operationalStatus"}
    assert machine["lastSeen"].endswith("Z")


def test_an_empty_tenant_answers_404(tmp_path: Path) -> None:
    EmbeddedEstate(tmp_path / "source")
    world = World(tmp_path / "source", tmp_path / "tenant")
    answer = world.signed_in().get("/api/machines")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")


def test_pages_of_ten_thousand_lead_to_each_other(tmp_path: Path) -> None:
    grow(tmp_path / "source", 23_000)
    world = World(tmp_path / "source", tmp_path / "tenant")
    http, link, sizes, ids = world.signed_in(), "/api/machines", [], set()
    while link:
        page = http.get(link).json()
        sizes.append(len(page["value"]))
        ids |= {machine["id"] for machine in page["value"]}
        link = page.get("@odata.nextLink")
    assert sizes == [10_000, 10_000, 3_000]
    assert len(ids) == 23_000


def test_filter_top_and_skip(world: World) -> None:
    http = world.signed_in()
    everything = [m["id"] for m in http.get("/api/machines").json()["value"]]
    some = http.get("/api/machines", params={"$top": "3", "$skip": "2"}).json()
    assert [m["id"] for m in some["value"]] == everything[2:5]
    one = http.get("/api/machines", params={"$filter": f"id eq '{everything[0]}'"}).json()["value"]
    assert [m["id"] for m in one] == everything[:1]
    none = http.get("/api/machines", params={"$filter": "healthStatus eq 'Unknown'"})
    assert (none.status_code, none.json()["value"]) == (200, [])
    for wrong in ({"$top": "10001"}, {"$select": "id"}, {"$filter": "nothing eq 1"}):
        answer = http.get("/api/machines", params=wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ODataError")


def test_get_by_id_and_by_name_in_any_spelling(world: World) -> None:
    http = world.signed_in()
    machine = http.get(f"/api/machines/{world.ids[0]}").json()
    for other in (
        f"/api/v1.0/machines/{world.ids[0].upper()}",
        f"/API/Machines('{world.ids[0]}')",
        f"/api//machines/{machine['computerDnsName'].upper()}",
    ):
        assert http.get(other).json()["id"] == machine["id"]
    answer = http.get("/api/machines/nowhere")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")


@pytest.mark.parametrize("path", ["/", "/sandbox/log", "/openapi.json", "/tenant/oauth2/v2.0/token"])
def test_other_paths_stay_as_they_are(path: str) -> None:
    assert canonical(path) == path


def test_one_tag_on_one_machine(world: World) -> None:
    http = world.signed_in("tagger")
    path = f"/api/machines/{world.ids[0]}/tags"
    added = http.post(path, json={"Value": "test Tag 2", "Action": "Add"})
    assert added.status_code == 200
    assert "test Tag 2" in added.json()["machineTags"]
    assert http.post(path, json={"Value": "test Tag 2", "Action": "Add"}).status_code == 200
    removed = http.post(path, json={"Value": "test Tag 2", "Action": "Remove"}).json()
    assert "test Tag 2" not in removed["machineTags"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"value": "x", "Action": "Add"}, "MissingRequiredParameter"),
        ({"Value": "x"}, "MissingRequiredParameter"),
        ({"Value": "x", "Action": "add"}, "InvalidRequestBody"),
        ({"Value": 5, "Action": "Add"}, "InvalidRequestBody"),
        ({"Value": " ", "Action": "Add"}, "InvalidInput"),
        ({"Value": "a\u0000", "Action": "Add"}, "InvalidInput"),
        ([], "InvalidRequestBody"),
    ],
)
def test_bodies_that_are_refused(world: World, body: object, code: str) -> None:
    answer = world.signed_in("tagger").post(f"/api/machines/{world.ids[0]}/tags", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_text_that_is_no_json_is_an_invalid_body(world: World) -> None:
    answer = world.signed_in("tagger").post(
        f"/api/machines/{world.ids[0]}/tags", content="Value=x", headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestBody")


def test_a_tag_on_many_machines_answers_with_them(world: World) -> None:
    http = world.signed_in("tagger")
    ids = world.ids[:30]
    answer = http.post(BULK, json={"Value": "Head office", "Action": "Add", "MachineIds": ids})
    assert answer.status_code == 200
    assert [m["id"] for m in answer.json()["value"]] == ids
    assert all("Head office" in m["machineTags"] for m in answer.json()["value"])
    found = http.get("/api/machines/findbytag", params={"tag": "Head of", "useStartsWithFilter": "true"}).json()[
        "value"
    ]
    assert {m["id"] for m in found} == set(ids)
    assert http.get("/api/machines/findbytag", params={"tag": "Head of"}).json()["value"] == []


def test_unknown_ids_are_named_after_four_words_and_nothing_is_done(world: World) -> None:
    http = world.signed_in("tagger")
    body = {"Value": "Head office", "Action": "Add", "MachineIds": [*world.ids[:3], "a" * 40, "b" * 40]}
    answer = http.post(BULK, json=body)
    assert answer.status_code == 400
    words = answer.json()["error"]["message"].split()
    assert words[4:] == ["a" * 40, "b" * 40]
    assert http.get("/api/machines/findbytag", params={"tag": "Head office"}).json()["value"] == []


def test_more_than_500_machines(world: World) -> None:
    body = {"Value": "Head office", "Action": "Add", "MachineIds": [f"{n:040x}" for n in range(501)]}
    error = world.signed_in("tagger").post(BULK, json=body).json()["error"]
    assert error["code"] == "MaximumBatchSizeExceeded"
    assert "501" in error["message"]
    assert "500" in error["message"]


def test_patch_replaces_the_whole_list(world: World) -> None:
    http = world.signed_in("tagger")
    world.faults(united_tags=0)
    path = f"/api/machines/{world.ids[0]}"
    assert http.patch(path, json={"machineTags": ["a", "b"]}).json()["machineTags"] == ["a", "b"]
    machine = http.patch(path, json={"machineTags": ["c"], "deviceValue": "High"}).json()
    assert (machine["machineTags"], machine["deviceValue"]) == (["c"], "High")
    refused: list[object] = [{"machineTags": []}, {}, {"tags": ["a"]}, {"machineTags": "a"}, {"deviceValue": "Huge"}]
    for wrong in refused:
        answer = http.patch(path, json=wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestBody")
    assert http.get(path).json()["machineTags"] == ["c"]


def test_device_value(world: World) -> None:
    http = world.signed_in("tagger")
    path = f"/api/machines/{world.ids[0]}"
    assert http.post(f"{path}/setDeviceValue", json={"DeviceValue": "Low"}).json()["deviceValue"] == "Low"
    assert http.get(path).json()["deviceValue"] == "Low"
    assert http.post(f"{path}/setDeviceValue", json={"DeviceValue": "low"}).status_code == 400


def test_united_tags_or_manual_ones_alone(world: World) -> None:
    http = world.signed_in()
    (device, tag) = next((d, t) for d, t, origin in world.tenant.estate.devices.tags() if origin != "manual")
    assert tag in http.get(f"/api/machines/{device}").json()["machineTags"]
    world.faults(united_tags=0)
    assert tag not in http.get(f"/api/machines/{device}").json()["machineTags"]


def test_logged_on_users(world: World) -> None:
    machine = next(m for m in world.signed_in().get("/api/machines").json()["value"] if "-l" in m["computerDnsName"])
    users = world.signed_in().get(f"/api/machines/{machine['id']}/logonusers").json()["value"]
    assert {"id", "accountName", "accountDomain", "firstSeen", "lastSeen", "logonTypes"} <= set(users[0])
    assert users == sorted(users, key=lambda user: str(user["lastSeen"]), reverse=True)


def test_a_change_shows_after_its_latency(world: World) -> None:
    http = world.signed_in()
    world.faults(slow_visibility=1, visibility_seconds=300)
    path = f"/api/machines/{world.ids[0]}"
    accepted = http.post(f"{path}/tags", json={"Value": "Head office", "Action": "Add"}).json()
    assert "Head office" in accepted["machineTags"]
    world.advance(299)
    assert "Head office" not in http.get(path).json()["machineTags"]
    http.post(f"{path}/tags", json={"Value": "Head office", "Action": "Remove"})
    world.advance(2)
    assert "Head office" not in http.get(path).json()["machineTags"], "it never showed, and it is gone"
    http.post(f"{path}/tags", json={"Value": "Head office", "Action": "Add"})
    world.advance(300)
    assert "Head office" in http.get(path).json()["machineTags"]
