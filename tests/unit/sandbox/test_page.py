from __future__ import annotations

import re
from datetime import timedelta

from earmark.estates.embedded.devices import Sighting
from earmark.estates.embedded.physical import ticks_of
from tests.unit.sandbox.world import NOW, World


def token_of(text: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', text)
    assert found
    return found[1]


def test_devices_with_tags_and_their_origin(world: World) -> None:
    answer = world.http.get("/")
    assert answer.status_code == 200
    assert f"{len(world.ids)} devices" in answer.text
    assert 'class="tag manual"' in answer.text
    assert re.search(r'class="tag (dynamic|registry)"', answer.text)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in answer.text
    assert "style=" not in answer.text


def test_search_and_pages(world: World) -> None:
    seen = ticks_of(NOW)
    world.tenant.estate.devices.record_sightings(
        Sighting(id=f"{n:040x}", name=f"booth{n}.corp.example", first_seen=seen, last_seen=seen) for n in range(120)
    )
    world.tenant.machines.read_again()
    first = world.http.get("/", params={"q": "BOOTH"}).text
    assert "120 devices" in first
    assert "Page 1 of 3" in first
    assert first.count("/page/devices/") == 50
    assert world.http.get("/", params={"q": "booth", "page": "3"}).text.count("/page/devices/") == 20
    assert "No device." in world.http.get("/", params={"q": "<script>"}).text


def test_a_person_edits_a_tag(world: World) -> None:
    path = f"/page/devices/{world.ids[0]}"
    token = token_of(world.http.get(path).text)
    answer = world.http.post(path, data={"token": token, "action": "add", "tag": "<b>Sales</b>"})
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert "&lt;b&gt;Sales&lt;/b&gt;" in world.http.get(path).text
    machine = world.signed_in().get(f"/api/machines/{world.ids[0]}").json()
    assert "<b>Sales</b>" in machine["machineTags"]
    world.http.post(path, data={"token": token, "action": "remove", "tag": "<b>Sales</b>"})
    assert "Sales" not in world.http.get(path).text
    assert [e for e in world.tenant.log.entries() if e.action] == [], "it is no request of the API"


def test_no_other_site_edits_a_tag(world: World) -> None:
    path = f"/page/devices/{world.ids[0]}"
    token = token_of(world.http.get(path).text)
    form = {"action": "add", "tag": "Sales"}
    assert world.http.post(path, data=form).status_code == 403
    assert world.http.post(path, data=form | {"token": "guess"}).status_code == 403
    foreign = {"Origin": "https://evil.example"}
    assert world.http.post(path, data=form | {"token": token}, headers=foreign).status_code == 403
    own = {"Origin": "https://localhost", "Sec-Fetch-Site": "same-origin"}
    assert world.http.post(path, data=form | {"token": token}, headers=own).status_code == 303


def test_the_page_and_control_answer_to_the_sandbox_s_own_names(world: World) -> None:
    world.tenant.hosts = frozenset({"localhost"})
    for path in ("/", f"/page/devices/{world.ids[0]}", "/sandbox/apps"):
        assert world.http.get(path).status_code == 200
        assert world.http.get(path, headers={"Host": "127.0.0.1:8443"}).status_code == 200
        assert world.http.get(path, headers={"Host": "[::1]:8443"}).status_code == 200
        assert world.http.get(path, headers={"Host": "evil.example"}).status_code == 403


def test_clock_faults_and_late_tags_are_shown(world: World) -> None:
    world.faults(throttle=0.25)
    text = world.http.get("/").text
    assert "throttle = 0.25" in text
    assert "2026-01-19 12:00:00" in text
    world.tenant.tags.change("Sales", [world.ids[0]], add=True, now=NOW, shows_after=timedelta(hours=1))
    assert "not shown by the API yet" in world.http.get(f"/page/devices/{world.ids[0]}").text
