from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2
import pytest

from earmark.errors import UsageError
from earmark.sandbox.faults import SETTINGS, Fault, Faults
from earmark.sandbox.limits import Limits
from earmark.sandbox.log import over_limit, sent_without_need
from tests.unit.sandbox.asgi import client
from tests.unit.sandbox.world import NOW, World

BULK = "/api/machines/AddOrRemoveTagForMultipleMachines"


def tag(http: httpx2.Client, world: World, name: str = "Sales") -> httpx2.Response:
    return http.post(f"/api/machines/{world.ids[0]}/tags", json={"Value": name, "Action": "Add"})


def stands(world: World, name: str = "Sales") -> bool:
    return name in world.tenant.estate.fetch_tags([world.ids[0]])[world.ids[0]]


# Limits


def test_a_hundred_calls_a_minute(world: World) -> None:
    http = world.signed_in()
    path = f"/api/machines/{world.ids[0]}"
    assert [http.get(path).status_code for _ in range(100)] == [200] * 100
    refused = http.get(path)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert refused.json()["error"]["code"] == "TooManyRequests"
    world.advance(59)
    assert http.get(path).headers["retry-after"] == "1", "too early is too early"
    world.advance(1)
    assert http.get(path).status_code == 200


def test_1500_calls_an_hour_and_a_window_that_slides() -> None:
    limits, at = Limits(), NOW
    for _ in range(15):
        assert [limits.take("machines.get", "app", at) for _ in range(100)] == [0] * 100
        at += timedelta(seconds=60)
    begun = NOW + timedelta(hours=1)
    assert limits.take("machines.get", "app", at) == (begun - at).total_seconds()
    assert limits.take("machines.get", "app", begun - timedelta(seconds=0.5)) == 1
    assert [limits.take("machines.get", "app", begun) for _ in range(100)] == [0] * 100
    assert limits.take("machines.get", "app", begun) == 60
    assert limits.take("machines.get", "other", begun) == 0
    assert [limits.take("alerts.batch", "app", at) for _ in range(11)] == [0] * 10 + [60]


def test_hunting_has_its_own_limits() -> None:
    limits, at = Limits(), NOW
    for minute in range(34):
        here = at + timedelta(minutes=minute)
        assert [limits.take("hunting.xdr", "app", here) for _ in range(46)] == [0] * 45 + [60]
        taken = sum(limits.take("hunting.defender", "app", here) == 0 for _ in range(45))
        assert taken == (45 if minute < 33 else 15)


def test_each_operation_and_each_application_has_its_own_counter(world: World) -> None:
    http, other = world.signed_in(), world.signed_in("tagger")
    path = f"/api/machines/{world.ids[0]}"
    for _ in range(100):
        http.get(path)
    assert http.get(path).status_code == 429
    assert http.get("/api/machines").status_code == 200
    assert other.get(path).status_code == 200


def test_the_log_tells_who_went_too_far(world: World) -> None:
    http = world.signed_in()
    for _ in range(102):
        http.get(f"/api/machines/{world.ids[0]}")
    document = world.http.get("/sandbox/log").json()
    assert len(document["over_limit"]) == 2
    assert len(over_limit(world.tenant.log.entries())) == 2
    (counter,) = document["limits"]
    assert (counter["operation"], counter["last_minute"], counter["per_minute"]) == ("machines.get", 100, 100)


# Faults


def test_throttle_is_429_until_it_has_passed(world: World) -> None:
    http = world.signed_in()
    world.faults(throttle=1, retry_after_seconds=30)
    assert http.get("/api/machines").headers["retry-after"] == "30"
    world.faults(throttle=0)
    world.advance(29)
    assert http.get("/api/machines").headers["retry-after"] == "1"
    world.advance(1)
    assert http.get("/api/machines").status_code == 200
    document = world.http.get("/sandbox/log").json()
    assert (len(document["early"]), document["over_limit"]) == (1, [])


def test_retry_after_as_a_date(world: World) -> None:
    world.faults(throttle=1, retry_after_date=1)
    until = parsedate_to_datetime(world.signed_in().get("/api/machines").headers["retry-after"])
    assert (until - NOW).total_seconds() == 10


@pytest.mark.parametrize(("fault", "acted"), [("drop", False), ("drop_after", True), ("timeout", True)])
def test_no_answer_comes(world: World, fault: str, acted: bool) -> None:
    http = world.signed_in()
    world.faults(**{fault: 1})
    with pytest.raises(httpx2.TransportError):
        tag(http, world)
    assert stands(world) is acted
    entry = world.tenant.log.entries()[-1]
    assert (entry.status, entry.done, entry.fault) == (None, acted, fault.replace("_", "-"))
    waited = (world.clock.now() - NOW).total_seconds()
    assert waited == (60 if fault == "timeout" else 0)


@pytest.mark.parametrize(("fault", "acted"), [("error", False), ("error_after", True)])
def test_the_server_fails(world: World, fault: str, acted: bool) -> None:
    http = world.signed_in()
    world.faults(**{fault: 1})
    statuses = {tag(http, world).status_code for _ in range(30)}
    assert statuses == {500, 502, 503, 504}
    assert stands(world) is acted


def test_latency_takes_the_clock_along(world: World) -> None:
    http = world.signed_in()
    world.faults(latency=1, latency_seconds=5)
    assert tag(http, world).status_code == 200
    assert (world.clock.now() - NOW).total_seconds() == 5


def test_an_expired_token_stays_expired(world: World) -> None:
    http = world.signed_in()
    world.faults(expired_token=1)
    assert http.get("/api/machines").status_code == 401
    world.faults(expired_token=0)
    assert http.get("/api/machines").status_code == 401
    assert world.signed_in("tagger").get("/api/machines").status_code == 200


def test_a_bad_id_spoils_one_call_and_bulk_may_be_forbidden(world: World) -> None:
    http = world.signed_in()
    body = {"Value": "Sales", "Action": "Add", "MachineIds": world.ids}
    world.faults(bad_id=1)
    answer = http.post(BULK, json=body)
    named = [word for word in answer.json()["error"]["message"].split() if word in world.ids]
    assert (answer.status_code, len(named)) == (400, 1)
    assert not stands(world)
    world.faults(bad_ids_named=0)
    assert not any(device in http.post(BULK, json=body).text for device in world.ids)
    world.faults(bad_id=0, bulk_forbidden=1)
    assert http.post(BULK, json=body).status_code == 403
    assert tag(http, world).status_code == 200


def test_pages_fail_or_are_short(world: World) -> None:
    http = world.signed_in()
    world.faults(bad_page=1)
    assert http.get("/api/machines").status_code == 500
    world.faults(bad_page=0, short_page=1)
    link, ids = "/api/machines", []
    while link:
        page = http.get(link).json()
        ids += [machine["id"] for machine in page["value"]]
        link = page.get("@odata.nextLink")
    assert ids == world.ids


def test_the_same_seed_meets_the_same_faults(world: World, estate: Path, tmp_path: Path) -> None:
    def play(one: World) -> list[int]:
        http = one.signed_in()
        one.faults(error=0.3)
        return [tag(http, one).status_code for _ in range(30)]

    first, second = play(world), play(World(estate, tmp_path / "other"))
    assert first == second
    assert len(set(first)) > 2


def test_names_and_values_are_checked() -> None:
    faults = Faults()
    for wrong in ({"throttel": 1.0}, {"throttle": 1.5}, {"latency-seconds": -1.0}, {"throttle": float("nan")}):
        with pytest.raises(UsageError):
            faults.set(wrong)
    settled = {name: value for name, (value, _) in SETTINGS.items()}
    assert faults.document() == {fault.value: 0.0 for fault in Fault} | settled


# The log


def test_a_change_sent_again_though_it_was_confirmed(world: World) -> None:
    http = world.signed_in()
    tag(http, world)
    tag(http, world)
    (found,) = sent_without_need(world.tenant.log.entries())
    assert found[1] == world.ids[0]
    assert world.http.get("/sandbox/log").json()["requests"][-1]["needed"] is False


def test_a_change_sent_again_after_a_person_undid_it_has_its_need(world: World) -> None:
    http = world.signed_in()
    tag(http, world)
    world.tenant.tags.change("Sales", [world.ids[0]], add=False, now=NOW)
    tag(http, world)
    assert sent_without_need(world.tenant.log.entries()) == []


@pytest.mark.parametrize("fault", ["drop_after", "timeout", "error_after"])
def test_a_change_sent_again_since_its_answer_was_lost_has_its_need(world: World, fault: str) -> None:
    http = world.signed_in()
    world.faults(**{fault: 1})
    with suppress(httpx2.TransportError):
        tag(http, world)
    world.faults(**{fault: 0})
    assert tag(http, world).status_code == 200
    assert sent_without_need(world.tenant.log.entries()) == []


def test_reset_forgets_requests_limits_and_faults(world: World) -> None:
    http = world.signed_in()
    world.faults(error=1, clock_skew=100)
    http.get("/api/machines")
    world.http.post("/sandbox/reset")
    document = world.http.get("/sandbox/log").json()
    assert (document["requests"], document["limits"]) == ([], [])
    assert http.get("/api/machines").status_code == 200
    clock = world.http.get("/sandbox/clock").json()
    assert clock["now"] == clock["shown"]


def test_reset_brings_the_tags_of_the_start_back(world: World) -> None:
    before = world.tenant.estate.devices.tags()
    tag(world.signed_in(), world)
    world.http.post("/sandbox/reset")
    assert stands(world)
    world.http.post("/sandbox/reset", params={"tags": "true"})
    assert world.tenant.estate.devices.tags() == before


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "call",
    [
        lambda http: http.post("/sandbox/clock", json={"advance": -1}),
        lambda http: http.post("/sandbox/clock", json={"advance": 1e300}),
        lambda http: http.post("/sandbox/faults", json={"throttel": 1}),
        lambda http: http.post("/sandbox/apps", json={"name": "x", "roles": {"Nobody": []}}),
        lambda http: http.post("/sandbox/apps", content=rb'{"name": "\ud800", "roles": {}}', headers=JSON),
        lambda http: http.post(
            "/sandbox/apps", content=rb'{"name": "x", "secret": "\ud800", "roles": {}}', headers=JSON
        ),
        lambda http: http.post("/sandbox/apps", json={"name": "x", "roles": {}, "certificate": "none"}),
    ],
)
def test_what_control_refuses(world: World, call: Callable[[httpx2.Client], httpx2.Response]) -> None:
    assert call(world.http).status_code == 400


def test_other_sites_may_not_steer_a_sandbox(world: World) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert world.http.post("/sandbox/reset", headers=headers).status_code == 403


def test_an_application_is_registered(world: World) -> None:
    body = {"name": "mine", "secret": "s3cret", "roles": {"WindowsDefenderATP": ["Machine.Read.All"]}}
    answer = world.http.post("/sandbox/apps", json=body).json()
    assert world.registered("mine").client_id == answer["client_id"]
    assert world.signed_in("mine").get("/api/machines").status_code == 200


def test_a_fault_of_our_own_has_the_form_of_the_api(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.token()}"}
    (world.tenant.estate.folder / "devices.db").write_bytes(b"no database")
    http = client(world.app, raise_app_exceptions=False)
    answer = http.get("/api/machines", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "InternalServerError")
