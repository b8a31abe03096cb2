from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.defender.client import ATTEMPTS
from earmark.estates.defender.clouds import Api
from earmark.estates.defender.faults import CallRefused, NoAnswer, TooBig, TooBusy, clean
from earmark.estates.defender.operations import GET_MACHINE, HUNT, LIST_MACHINES, OPERATIONS, READS, TAG_MANY, TAG_ONE
from earmark.estates.defender.quota import LIMITS
from tests.tenants import HERE, TOKEN, FakeTokens, Scripted, VirtualPace, answer, client_on, error

CLOSED = httpx2.ReadError("closed")
LATE = httpx2.ReadTimeout("late")


def test_a_call_carries_its_token_and_exact_body() -> None:
    transport = Scripted([answer({"ok": 1})])
    found = client_on(transport).call(TAG_MANY, body={"Value": "Zoë", "Action": "Add", "MachineIds": ["a"]})
    assert found.document == {"ok": 1}
    (request,) = transport.requests
    assert request.method == "POST"
    assert str(request.url) == f"{HERE}/api/machines/AddOrRemoveTagForMultipleMachines"
    assert request.headers["authorization"] == f"Bearer {TOKEN}0"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.content == '{"Value": "Zoë", "Action": "Add", "MachineIds": ["a"]}'.encode()


def test_ids_cannot_lead_elsewhere() -> None:
    transport = Scripted([answer()])
    client_on(transport).call(GET_MACHINE, "../alerts?x=/")
    assert str(transport.requests[0].url) == f"{HERE}/api/machines/..%2Falerts%3Fx%3D%2F"


@pytest.mark.parametrize("fault", [answer(None, s) for s in (408, 429, 500, 502, 503, 504)] + [CLOSED, LATE], ids=str)
def test_what_may_pass_is_tried_again(fault: Any) -> None:
    transport, pace = Scripted([fault, fault, answer({"value": []})]), VirtualPace()
    assert client_on(transport, pace=pace).call(LIST_MACHINES).document == {"value": []}
    assert len(transport.requests) == 3
    assert pace.monotonic() >= 2


@pytest.mark.parametrize("fault", [answer(None, 503), CLOSED])
def test_in_the_end_there_is_no_answer(fault: Any) -> None:
    transport = Scripted([fault])
    with pytest.raises(NoAnswer, match="machines-list"):
        client_on(transport).call(LIST_MACHINES)
    assert len(transport.requests) == ATTEMPTS


@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 301, 302, 307])
def test_what_will_not_pass_is_refused_at_once(status: int) -> None:
    transport = Scripted([error(status, "InvalidInput", "no such thing", Location="https://elsewhere.example/")])
    with pytest.raises(CallRefused, match=f"refused with {status} \\(InvalidInput: no such thing\\)") as refused:
        client_on(transport).call(LIST_MACHINES)
    assert (refused.value.status, refused.value.code, len(transport.requests)) == (status, "InvalidInput", 1)


def test_a_token_that_ended_is_renewed_once() -> None:
    transport, tokens = Scripted([error(401), answer({"value": []}), answer({"value": []})]), FakeTokens()
    client = client_on(transport, tokens=tokens)
    client.call(LIST_MACHINES)
    assert tokens.asked == [(Api.DEFENDER, False), (Api.DEFENDER, True)]
    assert transport.requests[1].headers["authorization"] == f"Bearer {TOKEN}1"


@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_right_is_named(status: int) -> None:
    transport = Scripted([error(status, "Forbidden", "nothing for you")])
    with pytest.raises(PermissionDenied, match="nothing for you") as denied:
        client_on(transport).call(HUNT, body={})
    assert "ThreatHunting.Read.All of Microsoft Graph" in denied.value.hint
    assert len(transport.requests) == (2 if status == 401 else 1)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry_After": "17"}, 17, 18),
        ({"Retry_After": "Sun, 01 Mar 2026 12:00:40 GMT"}, 40, 41),
        ({"Retry_After": "Sun, 01 Mar 2026 13:00:40 GMT", "Date": "Sun, 01 Mar 2026 13:00:00 GMT"}, 40, 41),
        ({"Retry_After": "0"}, 0.5, 1),
        ({"Retry_After": "-5"}, 0.5, 1),
        ({"Retry_After": "soon"}, 1, 3.5),
        ({"Retry_After": "nan"}, 1, 3.5),
        ({}, 1, 3.5),
    ],
)
def test_retry_after_is_obeyed_in_both_forms(headers: dict[str, str], least: float, most: float) -> None:
    transport, pace = Scripted([error(429, "TooManyRequests", "calls", **headers), answer()]), VirtualPace()
    client_on(transport, pace=pace).call(LIST_MACHINES)
    assert least <= pace.monotonic() <= most


def test_retry_after_holds_for_others_too() -> None:
    pace = VirtualPace()
    client = client_on(Scripted([error(429, Retry_After="30"), answer()]), pace=pace)
    with pytest.raises(NoAnswer):
        client.call(LIST_MACHINES, until=10.0)
    client.call(TAG_ONE, "a", body={})
    assert pace.monotonic() == 0, "another call's quota is its own"
    client.call(LIST_MACHINES)
    assert 30 <= pace.monotonic() < 31


def test_retry_after_holds_when_the_request_is_given_up() -> None:
    refusals = [error(429, Retry_After="30")] * ATTEMPTS
    transport, pace = Scripted([*refusals, answer()]), VirtualPace()
    client = client_on(transport, pace=pace)
    with pytest.raises(NoAnswer):
        client.call(LIST_MACHINES)
    given_up_at = pace.monotonic()
    client.call(LIST_MACHINES)
    assert len(transport.requests) == ATTEMPTS + 1
    assert pace.monotonic() - given_up_at >= 30


def test_a_wait_without_end_is_not_waited_for() -> None:
    transport, pace = Scripted([error(429, Retry_After="999999999")]), VirtualPace()
    with pytest.raises(NoAnswer):
        client_on(transport, pace=pace).call(LIST_MACHINES)
    assert (len(transport.requests), pace.monotonic()) == (1, 0)


def test_the_quota_is_kept() -> None:
    transport, pace, said = Scripted([answer()]), VirtualPace(), list[str]()
    client = client_on(transport, pace=pace, told=said.append)
    for _ in range(250):
        client.call(LIST_MACHINES)
    assert 120 < pace.monotonic() < 121
    assert said == ["waiting 60 s for the tenant's quota (machines-list)"] * 2
    assert LIMITS.keys() == OPERATIONS.keys()


def test_a_turn_that_comes_too_late_is_not_waited_for() -> None:
    client = client_on(Scripted([answer()]))
    for _ in range(45):
        client.call(HUNT, body={})
    with pytest.raises(TooBusy, match="hunting"):
        client.call(HUNT, body={}, until=30.0)


@pytest.mark.parametrize("operation", [o for n, o in OPERATIONS.items() if n not in READS], ids=lambda o: o.name)
def test_a_client_that_must_not_write_sends_nothing(operation: Any) -> None:
    transport, tokens = Scripted([answer()]), FakeTokens()
    client = client_on(transport, tokens=tokens, writable=False)
    with pytest.raises(PermissionDenied, match="observe"):
        client.call(operation, *(["a"] if "{}" in operation.path else []), body={})
    assert (transport.requests, tokens.asked) == ([], [])
    client.call(LIST_MACHINES)
    client.call(HUNT, body={"Query": "DeviceInfo"})


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>sign in to the network</html>", b"[1]", b"null", b'{"value": [', b"\xff\xfe", b"[" * 100_000],
    ids=lambda content: content[:10],
)
def test_an_answer_that_is_none_is_no_answer(content: bytes) -> None:
    with pytest.raises(NoAnswer, match="no JSON object"):
        client_on(Scripted([httpx2.Response(200, content=content)])).call(LIST_MACHINES)


def test_an_answer_of_any_size_is_not_read() -> None:
    huge = httpx2.Response(200, content=b" " * (GET_MACHINE.largest + 1))
    with pytest.raises(TooBig, match="more than 64 MB"):
        client_on(Scripted([huge])).call(GET_MACHINE, "a")


@pytest.mark.parametrize("body", ["x" * 500_000, '{"error": 7}', '{"error": {"code": 7, "message": []}}', "[]"])
def test_an_error_may_say_anything(body: str) -> None:
    with pytest.raises(CallRefused) as refused:
        client_on(Scripted([httpx2.Response(400, content=body.encode())])).call(LIST_MACHINES)
    assert len(refused.value.message) < 400


@pytest.mark.parametrize(
    "link",
    [
        *("https://elsewhere.example/api/machines?$skip=1", "http://localhost:8443/api/machines", "//localhost:8443/x"),
        *("https://localhost:8444/api/machines", "https://user@localhost:8443/api", "/api/machines", 7, None),
        *("https://localhost:8443@elsewhere.example/", "https://[::1", "https://localhost:8443.elsewhere.example/"),
    ],
)
def test_links_lead_nowhere_else(link: Any) -> None:
    transport, tokens = Scripted([answer()]), FakeTokens()
    with pytest.raises(EstateError, match="leads to another place"):
        client_on(transport, tokens=tokens).follow(LIST_MACHINES, link)
    assert (transport.requests, tokens.asked) == ([], [])


@pytest.mark.parametrize(
    "link",
    [f"{HERE}/api/machines?$skip=10000", "https://api.securitycenter.microsoft.com/api/machines?$skip=10000"],
)
def test_links_to_the_tenant_are_followed_verbatim(link: str) -> None:
    transport = Scripted([answer()])
    client_on(transport).follow(LIST_MACHINES, link)
    assert str(transport.requests[0].url) == f"{HERE}/api/machines?$skip=10000"


def test_no_message_holds_a_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    said = f"Authorization: Bearer {TOKEN}0 was {TOKEN}0; client_secret=hunter2"
    for fault in (
        error(400, TOKEN, said),
        error(403, "Forbidden", said),
        error(503, "x", said),
        httpx2.ReadError(said),
    ):
        with pytest.raises((EstateError, PermissionDenied)) as failed:
            client_on(Scripted([fault])).call(LIST_MACHINES)
        told = f"{failed.value} {failed.value.message} {failed.value.hint} {failed.value!r} {caplog.text}"
        assert TOKEN not in told
        assert "hunter2" not in told


def test_words_of_strangers_are_short_and_printable() -> None:
    assert clean("a\x1b[31m\n b") == "a [31m b"
    assert len(clean("x" * 10_000)) == 300


def test_time_of_a_call_is_bounded_by_its_end() -> None:
    pace = VirtualPace()
    with pytest.raises(NoAnswer):
        client_on(Scripted([CLOSED]), pace=pace).call(HUNT, body={}, until=20.0)
    assert pace.now() - pace.begun <= timedelta(seconds=20)


def test_halves_of_characters_in_an_answer_are_replaced() -> None:
    body = rb'{"value": [{"computerDnsName": "a\ud800b", "\uDFFFk": "\ud83d\ude00 \\ud800"}]}'
    found = client_on(Scripted([httpx2.Response(200, content=body)])).call(LIST_MACHINES).document
    assert found == {"value": [{"computerDnsName": "a\ufffdb", "\ufffdk": "\U0001f600 \\ud800"}]}


@pytest.mark.parametrize("status", [201, 202, 204])
def test_a_write_that_is_taken_on_is_no_refusal(status: int) -> None:
    for content in (b"", b"{}"):
        transport = Scripted([httpx2.Response(status, content=content)])
        assert client_on(transport).call(TAG_ONE, "a", body={}).document == {}
        assert len(transport.requests) == 1


def test_a_read_that_is_taken_on_has_no_answer_yet() -> None:
    with pytest.raises(CallRefused, match="202"):
        client_on(Scripted([httpx2.Response(202)])).call(LIST_MACHINES)


@pytest.mark.parametrize("said", ["Mon, 01 Jan 2024 00:00:00 +99999999999999999999", "1e400", "NaN", "soon"])
def test_no_retry_after_is_too_strange(said: str) -> None:
    transport = Scripted([answer(None, 503, Retry_After=said), answer({"value": []})])
    try:
        assert client_on(transport).call(LIST_MACHINES).document == {"value": []}
    except NoAnswer:
        assert said == "1e400", "whoever asks for ever is not asked again"
