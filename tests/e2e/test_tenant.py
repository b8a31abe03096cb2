"""The installed command on a tenant over real sockets: signed in by Microsoft's own library, over TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from earmark.estates.embedded.devices import Sighting
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.physical import ticks_of
from tests.e2e.earmark import Earmark
from tests.e2e.test_sandbox import sandbox

NAMES = {f"pc{n}.corp.example" for n in range(2, 8)}
FLOW = """\
flow: executive
trigger: {on_demand: true}
hunt:
  query: |
    DeviceInfo
    | where Timestamp > ago(7d) and DeviceName in (Wanted)
    | summarize arg_max(Timestamp, DeviceName) by DeviceId
  device: DeviceId
tag: {value: Executive}
guard: {max_removal_share: 100%, max_shrink: 100%}
"""


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[dict[str, Any]]:
    seen = ticks_of(datetime.now(UTC))
    EmbeddedEstate(tmp_path / "estate").devices.record_sightings(
        Sighting(id=name[2] * 40, name=name, first_seen=seen, last_seen=seen) for name in sorted(NAMES)
    )
    with sandbox(tmp_path) as said:
        yield said


def project(earmark: Earmark, ready: dict[str, Any], *, wanted: set[str], app: str = "tagger", more: str = "") -> None:
    (known,) = (one for one in ready["apps"] if one["name"] == app)
    earmark.write("secret", known["secret"])
    earmark.write(
        "earmark.yaml",
        f"""\
estate:
  kind: defender
  tenant: {ready["tenant"]}
  sign_in: {{method: secret, client_id: {known["client_id"]}, secret: "${{file:secret}}"}}
  hosts: {{sign_in: "{ready["url"]}", defender: "{ready["url"]}", graph: "{ready["url"]}"}}
  ca: {ready["ca"]}
hunting: graph
{more}""",
    )
    earmark.write("flows/executive.yaml", FLOW)
    earmark.write("lists/Wanted.csv", "\n".join(["DeviceName", *sorted(wanted)]) + "\n")


def test_plan_apply_and_take_back(earmark: Earmark, ready: dict[str, Any]) -> None:
    project(earmark, ready, wanted={"pc2.corp.example", "pc3.corp.example"})
    file = str(earmark.project / "plan.json")
    earmark.run("plan", "--out", file)
    applied = earmark.read("apply", file)
    assert [(flow["state"], flow["added"]) for flow in applied["flows"]] == [("done", 2)]
    assert earmark.tagged("Executive") == {"pc2.corp.example", "pc3.corp.example"}
    plan = earmark.read("plan", "--all")
    assert plan["totals"] == {"add": 0, "remove": 0, "keep": 2, "skip": 0}
    assert plan["cost"] == {"calls": 0, "seconds": 0.0}
    earmark.write("lists/Wanted.csv", "DeviceName\npc4.corp.example\n")
    ran = earmark.read("run", "executive")
    assert [(flow["state"], flow["added"], flow["removed"]) for flow in ran["flows"]] == [("done", 1, 2)]
    assert earmark.tagged("Executive") == {"pc4.corp.example"}
    told = earmark.read("explain", "pc4.corp.example", "Executive")
    assert told["tags"][0]["owned"]


def test_observing_sends_nothing_that_writes(earmark: Earmark, ready: dict[str, Any]) -> None:
    project(earmark, ready, wanted={"pc2.corp.example"}, app="observer", more="mode: observe\n")
    assert earmark.read("plan")["totals"]["add"] == 1
    earmark.run("run", "executive", code=7)
    earmark.run("plan", now="2026-01-04", code=64)
    with httpx2.Client(base_url=ready["url"], verify=ssl.create_default_context(cafile=ready["ca"])) as http:
        log = http.get("/sandbox/log").json()
    assert {entry["operation"] for entry in log["requests"]} <= {"token", "machines.list", "hunting.graph", None}
    assert log["over_limit"] == []


def test_a_right_that_is_missing_is_named(earmark: Earmark, ready: dict[str, Any]) -> None:
    project(earmark, ready, wanted={"pc2.corp.example"}, app="observer")
    done = earmark.run("run", "executive", code=5)
    assert "Machine.ReadWrite.All" in done.err
    secret = (earmark.project / "secret").read_text(encoding="utf-8")
    earmark.write("secret", "not the secret")
    done = earmark.run("plan", code=7)
    assert "AADSTS7000215" in done.err
    assert "not the secret" not in done.err
    assert done.err.count("AADSTS7000215") == 1
    assert secret not in done.err
