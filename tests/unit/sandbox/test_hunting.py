from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from earmark.sandbox import hunt_answer, hunting, hunts
from earmark.sandbox.app import create_app
from earmark.sandbox.hunts import Hunts
from tests.unit.sandbox.world import DEFENDER, GRAPH, NOW, World, analyzer

XDR = "https://api.security.microsoft.com"
PATH = "/v1.0/security/runHuntingQuery"


def hunt(world: World, query: str, *, status: int = 200, path: str = PATH, **more: Any) -> dict[str, Any]:
    answer = world.signed_in(resource=GRAPH).post(path, json={"Query": query, **more})
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        "/v1.0/security/microsoft.graph.security.runHuntingQuery",
        "/beta/security/runHuntingQuery",
        "/beta/security/microsoft.graph.security.runHuntingQuery",
    ],
)
def test_graph_answers_schema_and_results(world: World, path: str) -> None:
    body = hunt(
        world, "DeviceInfo | where DeviceName startswith 'lon-' | summarize Devices=dcount(DeviceId)", path=path
    )
    assert body["@odata.context"].endswith("$metadata#microsoft.graph.security.huntingQueryResults")
    assert body["schema"] == [{"name": "Devices", "type": "Int64"}]
    assert body["results"][0]["Devices"] > 0


def test_cells_as_defender_writes_them(world: World) -> None:
    query = """print a=true, b=datetime(null), c=dynamic(null), d=9007199254740993, e=1.5, f=int(5), g=1d,
        h=guid(74be27de-1e4e-49d9-b579-fe0b331d3642), i=decimal(1.5), j=real(nan), k=dynamic([1,{"a":2}]), l=bool(null),
        m=datetime(2026-01-05T08:00:00.1234567Z), n=long(null), o='é'"""
    body = hunt(world, query)
    kinds = (
        "SByte DateTime Object Int64 Double Int32 TimeSpan Guid SqlDecimal Double Object SByte DateTime Int64 String"
    )
    assert [column["type"] for column in body["schema"]] == kinds.split()
    assert list(body["results"][0].values()) == [
        *(1, {}, {}, 9007199254740993, 1.5, 5, "1.00:00:00", "74be27de-1e4e-49d9-b579-fe0b331d3642", "1.5", "NaN"),
        *([1, {"a": 2}], None, "2026-01-05T08:00:00.1234567Z", None, "é"),
    ]


def test_a_dynamic_beyond_the_range_of_numbers_is_valid_json(world: World) -> None:
    assert hunt(world, """print a=parse_json('{"x":1e999}')""")["results"] == [{"a": {"x": "inf"}}]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("NoSuch | where X == 1", "'where' operator: Failed to resolve table or column expression named 'NoSuch'. SEM"),
        ("NoSuch", "Failed to resolve table or column expression named 'NoSuch'. SEM"),
        (
            "DeviceInfo | join (Foo) on DeviceId",
            "'join' operator: Failed to resolve table or column expression named 'Foo'. SEM",
        ),
        ("DeviceInfo | order by Nope", "'sort' operator: Failed to resolve scalar expression named 'Nope'. SEM"),
        ("DeviceInfo | wher x", "Query operator expected. Fix syntax errors in your query."),
        ("DeviceInfo | where", "Missing expression. Fix syntax errors in your query."),
        ("DeviceInfo | where nofunc(DeviceId)", "The query has a semantic error: Unknown function: 'nofunc'. SEM"),
    ],
)
def test_a_faulty_query_is_refused_in_defenders_words(world: World, query: str, said: str) -> None:
    error = hunt(world, query, status=400)["error"]
    assert error["code"] == "BadRequest"
    assert error["message"] == said.replace("SEM", "Fix semantic errors in your query.")
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Query": 5},
        {"Query": " "},
        {"Query": "DeviceInfo", "Timespan": "7d"},
        {"Query": "DeviceInfo", "Timespan": 7},
    ],
)
def test_a_wrong_body_is_refused(world: World, body: dict[str, Any]) -> None:
    answer = world.signed_in(resource=GRAPH).post(PATH, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"Query": NaN}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(world: World, content: bytes) -> None:
    for resource, path in ((GRAPH, PATH), (DEFENDER, "/api/advancedqueries/run")):
        assert world.signed_in(resource=resource).post(path, content=content).status_code == 400


def test_names_of_parameters_ignore_case_in_graph_alone(world: World) -> None:
    assert world.signed_in(resource=GRAPH).post(PATH, json={"query": "print 1", "timespan": None}).status_code == 200
    answer = world.signed_in().post("/api/advancedqueries/run", json={"query": "print 1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "MissingRequiredParameter")


def test_a_body_beyond_a_megabyte_is_too_large(world: World) -> None:
    hunt(world, "print 1 // " + "x" * 2**20, status=413)


def test_a_long_list_of_values_is_taken(world: World) -> None:
    values = ",".join(f"'user{n}@corp.example'" for n in range(6_000))
    assert len(values) > 100_000
    body = hunt(world, f"let L = datatable(Name:string)[{values}]; L | count")
    assert body["results"] == [{"Count": 6_000}]


def test_a_timespan_and_the_query_both_cut(world: World) -> None:
    query = "DeviceLogonEvents | summarize First=min(Timestamp), Last=max(Timestamp)"
    whole = hunt(world, query)["results"][0]
    assert whole["First"] < "2026-01-06"
    assert whole["Last"] <= "2026-01-19T12:00:00Z"
    part = hunt(world, query, Timespan="P1D/2026-01-16T12:00:00Z")["results"][0]
    assert "2026-01-15T12" <= part["First"] < part["Last"] <= "2026-01-16T12"
    both = hunt(world, query.replace(" |", " | where Timestamp > ago(4d) |", 1), Timespan="P5D/2026-01-16T12:00:00Z")
    assert both["results"][0]["First"] >= "2026-01-15T12"


def test_the_future_of_the_clock_is_not_seen(world: World) -> None:
    count = "DeviceLogonEvents | count"
    before = hunt(world, count)["results"][0]["Count"]
    world.advance(12 * 3_600)
    assert hunt(world, count)["results"][0]["Count"] > before


def tags(world: World, device: str, **more: Any) -> dict[str, Any]:
    query = f"""DeviceInfo | summarize arg_max(Timestamp, *) by DeviceId | where DeviceId == '{device}'
        | project DeviceManualTags, DeviceDynamicTags, RegistryDeviceTag, OnboardingStatus, MergedToDeviceId,
          IsExcluded, AssetValue"""
    (row,) = hunt(world, query, **more)["results"]
    found: dict[str, Any] = row
    return found


def test_device_info_shows_the_tags_of_now(world: World) -> None:
    device = world.ids[0]
    before = tags(world, device)
    assert (before["OnboardingStatus"], before["MergedToDeviceId"], before["IsExcluded"]) == ("Onboarded", "", 0)
    defender = world.signed_in()
    for tag in ('A "quoted" tag', "B"):
        assert defender.post(f"/api/machines/{device}/tags", json={"Value": tag, "Action": "Add"}).status_code == 200
    defender.post(f"/api/machines/{device}/setDeviceValue", json={"DeviceValue": "High"})
    after = tags(world, device)
    assert after["AssetValue"] == "High"
    assert '"A \\"quoted\\" tag"' in after["DeviceManualTags"]
    query = f"""DeviceInfo | where DeviceId == '{device}' | summarize arg_max(Timestamp, *) by DeviceId
        | mv-expand Tag = todynamic(DeviceManualTags) to typeof(string) | where Tag == 'B' | project Tag"""
    assert hunt(world, query)["results"] == [{"Tag": "B"}]
    for tag in ('A "quoted" tag', "B"):
        defender.post(f"/api/machines/{device}/tags", json={"Value": tag, "Action": "Remove"})
    assert tags(world, device)["DeviceManualTags"] == before["DeviceManualTags"]


def test_every_machine_has_a_device_info(world: World) -> None:
    count = "DeviceInfo | summarize arg_max(Timestamp, *) by DeviceId | count"
    assert hunt(world, count)["results"] == [{"Count": len(world.ids)}]


def test_a_span_of_the_past_shows_the_tags_as_reported_then(world: World) -> None:
    query = "DeviceInfo | where DeviceManualTags has 'ByApi' | distinct DeviceId"
    device = world.ids[0]
    world.signed_in().post(f"/api/machines/{device}/tags", json={"Value": "ByApi", "Action": "Add"})
    assert hunt(world, query)["results"] == [{"DeviceId": device}]
    assert hunt(world, query, Timespan="P7D/2026-01-12T00:00:00Z")["results"] == []


def test_hunting_shows_late_tags_later_than_the_api(world: World) -> None:
    world.faults(slow_visibility=1, visibility_seconds=300)
    device, client = world.ids[0], world.signed_in()
    client.post(f"/api/machines/{device}/tags", json={"Value": "Late", "Action": "Add"})
    shown = []
    for _ in range(3):
        machine = client.get(f"/api/machines/{device}").json()
        shown.append(("Late" in machine["machineTags"], "Late" in tags(world, device)["DeviceManualTags"]))
        world.advance(600)
    assert shown == [(False, False), (True, False), (True, True)]


def test_rows_beyond_the_limit_are_cut_without_a_word(world: World) -> None:
    body = hunt(world, "range x from 1 to 100001 step 1")
    assert len(body["results"]) == 100_000
    assert set(body) == {"@odata.context", "schema", "results"}


def test_too_large_a_result_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hunt_answer, "MOST_BYTES", 1_000)
    error = hunt(world, "range x from 1 to 100 step 1", status=400)["error"]
    assert error["message"].startswith("Query execution has exceeded the allowed result size.")


def test_a_hunt_that_takes_too_long_times_out(world: World) -> None:
    tenant = world.tenant
    quick = timedelta(seconds=2)
    tenant.__dict__["hunts"] = Hunts(tenant.estate, tags=tenant.tags, values=dict, kql=analyzer(), longest=quick)
    world.app = create_app(tenant)
    slow = "range x from 1 to 3000000000 step 1 | where hash_sha256(tostring(x)) == 'a' | count"
    assert hunt(world, slow, status=504)["error"]["message"] == hunts.TOO_LONG


def test_the_cpu_quota_refuses_until_the_quarter_is_over(world: World) -> None:
    world.advance(60)
    world.faults(hunting_cpu=1)
    client = world.signed_in(resource=GRAPH)
    answer = client.post(PATH, json={"Query": "print 1"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "840")
    assert "exceeded processing resources allocated to this tenant" in answer.json()["error"]["message"]
    world.faults(hunting_cpu=0)
    world.advance(839)
    assert client.post(PATH, json={"Query": "print 1"}).headers["retry-after"] == "1"
    world.advance(1)
    assert client.post(PATH, json={"Query": "print 1"}).status_code == 200


def test_the_limit_of_calls_is_the_tenants(world: World) -> None:
    clients = [world.signed_in(app, resource=GRAPH) for app in ("everything", "observer")]
    statuses = [clients[n % 2].post(PATH, json={"Query": ""}).status_code for n in range(46)]
    assert statuses == [400] * 45 + [429]


@pytest.mark.parametrize(
    ("path", "resource", "role"),
    [("/api/advancedqueries/run", DEFENDER, "AdvancedQuery"), ("/api/advancedhunting/run", XDR, "AdvancedHunting")],
)
def test_the_older_endpoints_until_they_retire(world: World, path: str, resource: str, role: str) -> None:
    client = world.signed_in(resource=resource)
    body = client.post(path, json={"Query": "print a=true, b=datetime(null)"}).json()
    assert set(body) == {"Stats", "Schema", "Results"}
    assert body["Schema"] == [{"Name": "a", "Type": "SByte"}, {"Name": "b", "Type": "DateTime"}]
    assert body["Results"] == [{"a": 1, "b": {}}]
    assert isinstance(body["Stats"]["ExecutionTime"], float)
    refused = client.post(path, json={"Query": "NoSuch"}).json()["error"]
    assert refused["message"].startswith("Failed to resolve table or column expression named 'NoSuch'")
    assert set(refused) == {"code", "message", "target"}
    assert role  # the roles themselves are the gate's tests
    world.clock.advance((hunting.RETIRED_AT - datetime(2026, 1, 19, 12, tzinfo=UTC)).total_seconds())
    late = world.signed_in(resource=resource).post(path, json={"Query": "print 1"})
    assert late.status_code == 403
    assert "retired" in late.json()["error"]["message"]
    assert NOW < hunting.RETIRED_AT


@pytest.mark.parametrize(
    ("path", "resource", "status"),
    [
        (PATH, DEFENDER, 401),
        ("/api/advancedqueries/run", GRAPH, 403),
        ("/api/advancedqueries/run", XDR, 403),
        ("/api/advancedhunting/run", DEFENDER, 403),
    ],
)
def test_a_token_of_another_audience_is_refused(world: World, path: str, resource: str, status: int) -> None:
    assert world.signed_in(resource=resource).post(path, json={"Query": "print 1"}).status_code == status
