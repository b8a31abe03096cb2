"""What a tenant may answer to a hunt, and what becomes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from earmark.errors import HuntError, PermissionDenied
from earmark.estates.defender.hunts import MOST_ROWS, Hunts
from earmark.hunting.base import HuntRequest
from earmark.hunting.graph import GraphEngine
from earmark.kql.base import Analysis, CompiledQuery, Diagnostic, Weight
from earmark.model.hunt import Column, HuntLimits, ListTable
from tests.tenants import Scripted, VirtualPace, answer, client_on, error

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEVICE = [{"name": "DeviceId", "type": "String"}]
WIDE = HuntLimits(rows=1_000_000)


def result(schema: list[dict[str, str]], rows: list[dict[str, Any]]) -> httpx2.Response:
    return answer({"@odata.context": "…", "schema": schema, "results": rows})


def named(*devices: str) -> httpx2.Response:
    return result(DEVICE, [{"DeviceId": device} for device in devices])


FRESH = result(
    [{"name": "Source", "type": "String"}, {"name": "Newest", "type": "DateTime"}],
    [{"Source": name, "Newest": "2026-03-01T11:59:58.1234567Z"} for name in ("DeviceInfo", "DeviceLogonEvents")],
)


def body_of(request: httpx2.Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.content)
    return body


class Tenant(Scripted):
    """Answers hunts by a script, and the question of freshness by the same answer always."""

    def __init__(self, *answers: Any, fresh: httpx2.Response = FRESH) -> None:
        super().__init__(list(answers))
        self.fresh = fresh
        self.asked_for_freshness = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if "| project Source, Newest" in body_of(request)["Query"]:
            self.asked_for_freshness += 1
            return httpx2.Response(200, content=self.fresh.content)
        return super().handle_request(request)


def engine(tenant: Scripted, pace: VirtualPace | None = None, *, old: bool = False, kql: Any = None) -> GraphEngine:
    return GraphEngine(Hunts(client_on(tenant, pace=pace or VirtualPace(NOW), writable=False), old=old), kql=kql)


def ask(query: str = "DeviceLogonEvents", **keys: Any) -> HuntRequest:
    return HuntRequest(query=query, now=NOW, **keys)


class FakeKql:
    """Knows what a test says of every query."""

    def __init__(self, **known: Any) -> None:
        plain = {"diagnostics": (), "columns": (("DeviceId", "string"),), "compiled": None}
        self.analysis = Analysis(**{**plain, **known})

    def __call__(self, _tables: Any, _timeout: timedelta) -> FakeKql:
        return self

    def analyze(self, _query: str) -> Analysis:
        return self.analysis


COMPILED = CompiledQuery(sql_parts=("",), macros=(), relations=(), sorted=False)


def test_a_hunt_says_what_it_asks() -> None:
    tenant = Tenant(named("a", "b"))
    kql = FakeKql(compiled=COMPILED, tables=("DeviceLogonEvents",), window=timedelta(days=7))
    found = engine(tenant, kql=kql).hunt(ask())
    assert (found.complete, found.rows, found.engine) == (True, (("a",), ("b",)), "graph")
    assert found.data_until == datetime(2026, 3, 1, 11, 59, 58, 123456, tzinfo=UTC)
    assert body_of(tenant.requests[0]) == {
        "Query": "DeviceLogonEvents",
        "Timespan": "2026-02-22T12:00:00.000000Z/2026-03-01T12:00:00.000000Z",
    }


@pytest.mark.parametrize(
    ("reach", "window", "days"), [(None, 7, 30), (7, 14, 14), (14, 7, 14), (7, None, 7), (90, None, 30)]
)
def test_nothing_is_cut_off_that_the_query_may_look_at(reach: int | None, window: int | None, days: int) -> None:
    tenant = Tenant(named())
    kql = FakeKql(compiled=COMPILED, tables=("DeviceInfo",), window=None if reach is None else timedelta(days=reach))
    engine(tenant, kql=kql).hunt(ask(window=None if window is None else timedelta(days=window)))
    begun = datetime.fromisoformat(body_of(tenant.requests[0])["Timespan"].partition("/")[0])
    assert NOW - begun == timedelta(days=days)


@pytest.mark.parametrize(
    ("kind", "value", "type_", "cell"),
    [
        ("SByte", 1, "bool", True),
        ("SByte", 0, "bool", False),
        ("Boolean", True, "bool", True),
        ("SByte", {}, "bool", None),
        ("Int64", 9007199254740993, "long", 9007199254740993),
        ("Int64", "9223372036854775807", "long", 9223372036854775807),
        ("Int32", 7.0, "int", 7),
        ("Double", 3, "real", 3.0),
        ("Double", "NaN", "real", "NaN"),
        ("Double", "Infinity", "real", "Infinity"),
        ("DateTime", "2024-03-26T09:39:50.7688600Z", "datetime", "2024-03-26T09:39:50.76886Z"),
        ("DateTime", "2024-03-26T09:39:50.0000000", "datetime", "2024-03-26T09:39:50Z"),
        ("DateTime", {}, "datetime", None),
        ("TimeSpan", "1.02:03:04", "timespan", "1.02:03:04"),
        ("Object", '["a"]', "dynamic", ["a"]),
        ("Object", {"a": 1}, "dynamic", {"a": 1}),
        ("Object", {}, "dynamic", None),
        ("Object", "[broken", "dynamic", "[broken"),
        ("String", "", "string", ""),
        ("String", None, "string", None),
        ("String", {"odd": 1}, "string", '{"odd": 1}'),
        ("System.Guid", "x", "guid", "x"),
        ("Surprise", 5, "dynamic", 5),
    ],
)
def test_values_are_read_by_their_type(kind: str, value: Any, type_: str, cell: Any) -> None:
    found = engine(Tenant(result([{"name": "X", "type": kind}], [{"X": value}]))).hunt(ask())
    assert (found.columns[0].type, found.rows) == (type_, ((cell,),))
    assert type(found.rows[0][0]) is type(cell)


def test_keys_are_read_in_any_case() -> None:
    upper = answer({"Schema": [{"Name": "DeviceId", "Type": "String"}], "Results": [{"deviceid": "a"}], "Stats": {}})
    assert engine(Tenant(upper)).hunt(ask()).rows == (("a",),)


@pytest.mark.parametrize(
    "odd", [{}, {"schema": [], "results": {}}, {"schema": [{}], "results": []}, {"schema": [7], "results": [7]}]
)
def test_an_odd_answer_is_no_answer(odd: Any) -> None:
    found = engine(Tenant(answer(odd))).hunt(ask())
    assert not found.complete
    assert found.why_not


LISTS = {
    "Executives": ListTable(
        columns=(Column(name="AccountName", type="string"), Column(name="Full name", type="string")),
        rows=(("ann", 'Ann "Q" \\ Ö'), ("bob", "line\nbreak \x07 𝄞")),
    ),
    "Unused": ListTable(columns=(Column(name="A", type="string"),), rows=()),
}


def test_lists_go_before_the_query() -> None:
    tenant = Tenant(named())
    engine(tenant).hunt(ask("DeviceLogonEvents | where AccountName in (Executives) // Unused", lists=LISTS))
    assert body_of(tenant.requests[0])["Query"] == (
        "let Executives = datatable(AccountName: string, ['Full name']: string)[\n"
        '"ann", "Ann \\"Q\\" \\\\ Ö",\n"bob", "line\\nbreak \\u0007 𝄞"\n];\n'
        "DeviceLogonEvents | where AccountName in (Executives) // Unused"
    )


def test_lists_that_are_too_large_are_refused_with_their_size() -> None:
    tenant = Tenant(named())
    big = {"Big": ListTable(columns=(Column(name="A", type="string"),), rows=(("x" * 100,),) * 10_000)}
    with pytest.raises(HuntError, match="the list Big alone has 1,0"):
        engine(tenant).hunt(ask("DeviceInfo | where DeviceName in (Big)", lists=big))
    assert tenant.requests == []


class Holder:
    """Holds many devices, and answers as a tenant that delivers at most so many rows."""

    def __init__(
        self, count: int, *, most: int = MOST_ROWS, too_many: Callable[[list[str]], Any] | None = None
    ) -> None:
        self.devices = [f"d{n}" for n in range(count)]
        self.most = most
        self.too_many = too_many or (lambda found: named(*found[:most]))

    def __call__(self, request: httpx2.Request) -> Any:
        query = body_of(request)["Query"]
        part = re.search(r"\n\| where hash\(DeviceId, (\d+)\) == (\d+)$", query)
        found = [d for n, d in enumerate(self.devices) if part is None or n % int(part[1]) == int(part[2])]
        return named(*found) if len(found) < self.most else self.too_many(found)


LARGE = "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of results."


@pytest.mark.parametrize(
    "too_many", [lambda _: error(400, "BadRequest", LARGE), lambda _: error(502, "BadGateway", "")]
)
def test_a_result_that_is_too_large_is_split_by_device(too_many: Any) -> None:
    holder = Holder(100, most=40, too_many=too_many)
    tenant = Tenant(holder)
    found = engine(tenant).hunt(ask("DeviceInfo | distinct DeviceId ;  // all", limits=WIDE))
    assert (found.complete, len(found.rows)) == (True, 100)
    assert {row[0] for row in found.rows} == set(holder.devices)
    assert body_of(tenant.requests[-1])["Query"] == "DeviceInfo | distinct DeviceId\n| where hash(DeviceId, 4) == 3"


def test_a_result_that_was_cut_off_by_rows_is_split_by_device() -> None:
    holder = Holder(MOST_ROWS + 1)
    found = engine(Tenant(holder)).hunt(ask(limits=WIDE))
    assert (found.complete, len(found.rows)) == (True, MOST_ROWS + 1)


def test_splitting_has_an_end() -> None:
    found = engine(Tenant(lambda _: error(400, "x", LARGE))).hunt(ask(limits=WIDE))
    assert not found.complete
    assert "too large" in (found.why_not or "")


def test_what_cannot_be_split_is_incomplete() -> None:
    rows = [{"N": 1}] * MOST_ROWS
    tenant = Tenant(result([{"name": "N", "type": "Int32"}], rows))
    found = engine(tenant, kql=FakeKql(columns=(("N", "int"),))).hunt(ask(limits=WIDE))
    assert (found.complete, len(found.rows), len(tenant.requests)) == (False, MOST_ROWS, 1)
    assert "no column DeviceId" in (found.why_not or "")


@pytest.mark.parametrize("end", ["take 150000", "limit 150000", "sample 150000", "where rand() < 0.9"])
def test_a_result_that_is_another_each_time_is_not_put_together_from_parts(end: str) -> None:
    tenant = Tenant(Holder(MOST_ROWS + 1))
    found = engine(tenant).hunt(ask(f"DeviceInfo | distinct DeviceId | {end}", limits=WIDE))
    assert (found.complete, len(tenant.requests)) == (False, 1)
    assert "other rows each time" in (found.why_not or "")


def test_a_result_beyond_the_memory_allowed_is_incomplete() -> None:
    found = engine(Tenant(named(*(f"d{n}" for n in range(1000))))).hunt(ask(limits=HuntLimits(memory=100_000)))
    assert not found.complete
    assert "limits.memory" in (found.why_not or "")


def test_more_rows_than_the_project_allows_are_incomplete() -> None:
    found = engine(Tenant(named(*"abc"))).hunt(ask(limits=HuntLimits(rows=2)))
    assert (found.complete, found.rows) == (False, (("a",), ("b",)))


CPU = "You have exceeded processing resources allocated to this tenant. You can run queries again in 8 minutes."


def test_a_quota_of_processing_time_is_waited_for_until_the_next_quarter() -> None:
    pace = VirtualPace(datetime(2026, 3, 1, 12, 7, 30, tzinfo=UTC))
    tenant = Tenant(error(429, "TooManyRequests", CPU, Retry_After="5"), named("a"))
    found = engine(tenant, pace).hunt(ask(limits=HuntLimits(timeout=timedelta(minutes=10))))
    assert found.complete
    assert pace.now() == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)


def test_a_quota_of_processing_time_that_comes_too_late_is_said() -> None:
    pace = VirtualPace(datetime(2026, 3, 1, 12, 7, 30, tzinfo=UTC))
    tenant = Tenant(error(429, "TooManyRequests", CPU))
    found = engine(tenant, pace).hunt(ask())
    assert (found.complete, len(tenant.requests)) == (False, 1)
    assert "2026-03-01T12:15:00Z" in (found.why_not or "")


def test_a_quota_of_calls_is_waited_for() -> None:
    tenant = Tenant(error(429, "TooManyRequests", "more than 45 calls", Retry_After="20"), named("a"))
    assert engine(tenant).hunt(ask()).complete


def test_a_query_that_the_tenant_preempted_is_asked_again() -> None:
    said = "Query execution has exceeded the allowed limits (80DA0003): preempted."
    assert engine(Tenant(error(400, "BadRequest", said), named("a"))).hunt(ask()).complete
    found = engine(Tenant(error(400, "BadRequest", said))).hunt(ask())
    assert not found.complete
    assert "preempted" in (found.why_not or "")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (error(504, "GatewayTimeout", ""), "longer than the tenant allows"),
        (httpx2.ReadTimeout("late"), "no answer"),
        (error(503, "ServiceUnavailable", "down"), "down"),
        (error(404, "NotFound", "no such interface"), "404"),
    ],
)
def test_a_hunt_without_an_answer_is_incomplete(fault: Any, said: str) -> None:
    found = engine(Tenant(fault)).hunt(ask())
    assert not found.complete
    assert said in (found.why_not or "")


def test_a_table_that_the_tenant_lacks_is_a_refusal() -> None:
    said = "'where' operator: Failed to resolve table or column expression named 'DeviceTvm'"
    tenant = Tenant(error(400, "BadRequest", said))
    with pytest.raises(HuntError, match="Failed to resolve table"):
        engine(tenant).hunt(ask())
    assert len(tenant.requests) == 1


def test_a_missing_right_stops_everything() -> None:
    with pytest.raises(PermissionDenied, match="hunting"):
        engine(Tenant(error(403, "Forbidden", "no role"))).hunt(ask())


def test_a_slip_is_refused_before_the_tenant_is_asked() -> None:
    slip = Diagnostic(code="KS142", weight=Weight.ERROR, message="no such column", start=20, end=25)
    ours = Diagnostic(code="EK001", weight=Weight.ERROR, message="not compiled", start=0, end=1)
    tenant = Tenant(named("a"))
    with pytest.raises(HuntError, match="1:21 KS142 no such column"):
        engine(tenant, kql=FakeKql(diagnostics=(ours, slip))).hunt(ask())
    assert tenant.requests == []
    assert engine(tenant, kql=FakeKql(diagnostics=(ours,))).hunt(ask()).complete, "a tenant knows more than we compile"
    empty = Diagnostic(code="EK005", weight=Weight.ERROR, message="the query is empty", start=0, end=0)
    with pytest.raises(HuntError, match="EK005"):
        engine(tenant, kql=FakeKql(diagnostics=(empty,))).hunt(ask())


def test_stale_data_are_no_answer() -> None:
    stale = result(
        [{"name": "Source", "type": "String"}, {"name": "Newest", "type": "DateTime"}],
        [{"Source": "DeviceInfo", "Newest": "2026-03-01T11:00:00Z"}, {"Source": "DeviceLogonEvents", "Newest": {}}],
    )
    found = engine(Tenant(named(), fresh=stale)).hunt(ask())
    assert (found.complete, found.why_not) == (
        False,
        "DeviceLogonEvents of the tenant hold nothing of the last 24 h before the hunt's end",
    )


def test_freshness_is_asked_once_a_plan() -> None:
    tenant = Tenant(named())
    engine_ = engine(tenant)
    for _ in range(3):
        engine_.hunt(ask())
    assert tenant.asked_for_freshness == 1
    engine_.hunt(ask("DeviceProcessEvents"))
    assert tenant.asked_for_freshness == 2


def test_lists_alone_need_no_fresh_data() -> None:
    tenant = Tenant(named())
    kql = FakeKql(compiled=COMPILED, tables=("Executives",))
    assert engine(tenant, kql=kql).hunt(ask("Executives", lists=LISTS)).complete
    assert tenant.asked_for_freshness == 0


def test_the_old_endpoint_is_a_switch() -> None:
    tenant = Tenant(answer({"Stats": {}, "Schema": [{"Name": "DeviceId", "Type": "String"}], "Results": []}))
    assert engine(tenant, old=True).hunt(ask()).complete
    assert tenant.requests[0].url.path == "/api/advancedqueries/run"
    assert body_of(tenant.requests[0]) == {"Query": "DeviceLogonEvents"}
