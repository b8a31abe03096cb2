"""`connect` and `doctor` on a tenant over real sockets: what fails, with which code; no secret is ever printed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from earmark.errors import ExitCode
from tests.e2e.earmark import Earmark
from tests.e2e.test_sandbox import sandbox


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with sandbox(tmp_path_factory.mktemp("tenant"), "--for", "600") as said:
        yield said


@pytest.fixture(scope="module")
def earmark(tmp_path_factory: pytest.TempPathFactory) -> Earmark:
    """One project for all, so that what its hunts mean is found out once."""
    return Earmark(tmp_path_factory.mktemp("company"))


@pytest.fixture(autouse=True)
def faultless(ready: dict[str, Any]) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=ready["url"], verify=ssl.create_default_context(cafile=ready["ca"])) as http:
        yield http
        http.post("/sandbox/reset")


def connect(
    earmark: Earmark,
    ready: dict[str, Any],
    *words: str,
    app: str = "observer",
    secret: str | None = None,
    tenant: str | None = None,
    mode: str = "observe",
    code: ExitCode = ExitCode.DONE,
) -> dict[str, dict[str, str]]:
    """The lines of a check by name; nothing that is printed holds a secret or a token."""
    (known,) = (one for one in ready["apps"] if one["name"] == app)
    shown = known["secret"] if secret is None else secret
    earmark.write("secret", shown)
    earmark.write(
        "earmark.yaml",
        f"""\
estate:
  kind: defender
  tenant: {tenant or ready["tenant"]}
  sign_in: {{method: secret, client_id: {known["client_id"]}, secret: "${{file:secret}}"}}
  hosts: {{sign_in: "{ready["url"]}", defender: "{ready["url"]}", graph: "{ready["url"]}"}}
  ca: {ready["ca"]}
hunting: graph
mode: {mode}
""",
    )
    done = earmark.run("connect", *words, code=code, json_=True)
    everything = done.out + done.err
    assert shown not in everything
    assert known["secret"] not in everything
    assert "eyJ" not in everything, "what a token begins with"
    document = done.document
    assert document["works"] == (code is ExitCode.DONE)
    return {line["check"]: line for line in document["lines"]}


def standings(lines: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: line["standing"] for name, line in lines.items() if line["standing"] != "passed"}


def test_an_observer_is_all_that_observing_takes(earmark: Earmark, ready: dict[str, Any]) -> None:
    found = standings(connect(earmark, ready))
    found.pop("hunt", None)  # the estate has one device, of which nothing was ever reported
    assert found == {"expiry": "unknown"}


def test_a_tagger_is_all_that_tagging_takes(earmark: Earmark, ready: dict[str, Any]) -> None:
    assert "roles Defender" not in standings(connect(earmark, ready, app="tagger", mode="apply"))
    lines = connect(earmark, ready, app="tagger")
    assert lines["roles Defender"]["standing"] == "warning", "more than observing needs"
    assert "Machine.ReadWrite.All" in lines["roles Defender"]["message"]


def test_a_role_that_is_missing(earmark: Earmark, ready: dict[str, Any]) -> None:
    lines = connect(earmark, ready, mode="apply", code=ExitCode.DENIED)
    assert lines["roles Defender"]["message"].startswith("missing at WindowsDefenderATP: Machine.ReadWrite.All")
    lines = connect(earmark, ready, "--alerts", "read", code=ExitCode.DENIED)
    assert lines["roles Graph"]["message"].startswith("missing at Microsoft Graph: SecurityAlert.Read.All")


def test_a_wrong_secret(earmark: Earmark, ready: dict[str, Any]) -> None:
    lines = connect(earmark, ready, secret="gu3ssed~secret", code=ExitCode.DENIED)
    assert "AADSTS7000215" in lines["sign-in Defender"]["message"]
    assert "its value, not its id" in lines["sign-in Defender"]["hint"]
    skipped = {name for name, standing in standings(lines).items() if standing == "skipped"}
    assert skipped == {"roles Defender", "roles Graph", "devices", "hunt"}


def test_another_tenant(earmark: Earmark, ready: dict[str, Any]) -> None:
    lines = connect(earmark, ready, tenant="fabrikam.example", code=ExitCode.DENIED)
    assert lines["sign-in Graph"]["message"] == "signing in failed: its host knows no such tenant."
    assert lines["clock"]["standing"] == "passed", "the host tells the time all the same"


@pytest.mark.parametrize(
    ("skew", "standing", "code"), [(-120, "warning", ExitCode.DONE), (-400, "failed", ExitCode.DENIED)]
)
def test_a_clock_that_is_off(
    earmark: Earmark, ready: dict[str, Any], faultless: httpx2.Client, skew: float, standing: str, code: ExitCode
) -> None:
    assert faultless.post("/sandbox/faults", json={"clock-skew": skew}).status_code == 200
    line = connect(earmark, ready, code=code)["clock"]
    assert line["standing"] == standing
    assert "ahead of the tenant's" in line["message"]


def test_the_doctor_asks_for_every_table(earmark: Earmark, ready: dict[str, Any], faultless: httpx2.Client) -> None:
    connect(earmark, ready)
    found = earmark.read("doctor")
    assert "DeviceLogonEvents" in found["tables"]["present"]
    assert (found["tables"]["missing"], found["tables"]["unknown"]) == ([], {})
    (hunting,) = (quota for quota in found["quotas"] if quota["call"] == "hunting")
    (minute,) = hunting["limits"]
    assert 0 < minute["used"] <= 45
    assert minute["left"] == 45 - minute["used"]
    log = faultless.get("/sandbox/log").json()
    assert log["over_limit"] == []
    assert not any("Tag" in str(entry.get("path", "")) for entry in log["requests"])
