"""The whole job on logons recorded on real machines, against a key that an independent program worked out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.earmark import Earmark

LOGONS = 'DeviceLogonEvents | where ActionType in ("LogonSuccess", "LogonFailed")'
PUBLISHED_NAMES = '"CEO-user", "CFO-user", "CTO-user"'


@pytest.fixture(scope="module")
def key(shared: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((shared / "realdata" / "answer_key.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def imported(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the recorded events, imported once."""
    earmark = Earmark(tmp_path_factory.mktemp("recorded") / "company")
    earmark.run("init", str(earmark.project))
    recordings = shared / "realdata"
    earmark.run("import", str(recordings / "nxlog.jsonl.gz"), str(recordings / "winlogbeat.jsonl.gz"))
    settings = earmark.project / "earmark.yaml"
    text = settings.read_text(encoding="utf-8")
    # The recordings have gaps of months: there, data as old as that are no fault.
    settings.write_text(text.replace("freshness: 24h", "freshness: 3650d"), encoding="utf-8")
    assert "freshness: 3650d" in settings.read_text(encoding="utf-8")
    earmark.run("check")  # leaves the compiled rule in the cache for the copies of this project
    return earmark.project


@pytest.fixture
def recorded(imported: Path, tmp_path: Path) -> Earmark:
    shutil.copytree(imported, tmp_path / "company")
    return Earmark(tmp_path / "company")


def test_counts_as_recorded(recorded: Earmark, key: dict[str, Any]) -> None:
    now = "2026-01-01"
    rows = recorded.read("hunt", "DeviceLogonEvents | summarize Rows = count() by ActionType", now=now)["rows"]
    assert {action: n for action, n in rows if action in key["logon_rows"]} == key["logon_rows"]
    rows = recorded.read(
        "hunt",
        f"{LOGONS} | summarize Rows = count() by LogonType",
        now=now,
    )["rows"]
    assert dict(rows) == key["logon_types"]
    names = recorded.read("hunt", f"{LOGONS} | distinct DeviceName", now=now)["rows"]
    assert sorted(name for (name,) in names) == sorted(key["devices_with_logons"])


def test_the_shipped_rule(recorded: Earmark, key: dict[str, Any]) -> None:
    for case in key["shipped_rule_cases"]:
        earmark = Earmark(recorded.project.with_name(f"shipped-{case['now'][:10]}"))
        shutil.copytree(recorded.project, earmark.project)
        earmark.write("lists/Executives.csv", "\n".join(["AccountName", *case["executives"], ""]))
        earmark.run("run", "executive", now=case["now"])
        assert earmark.tagged("Executive", now=case["now"]) == set(case["devices"])
        for name, expected in case["devices"].items():
            (tag,) = earmark.read("explain", name, "Executive", "--evidence", now=case["now"])["tags"]
            evidence = tag["evidence"]
            assert tag["owned"]
            assert evidence["AccountName"] in expected["accounts"]
            assert evidence["Logons"] == expected["logons"]
            assert evidence["LastLogon"][:23] == expected["last_logon"][evidence["AccountName"]][:23]


def test_the_published_rule_once_repaired(recorded: Earmark, key: dict[str, Any], shared: Path) -> None:
    published = (shared / "hunting" / "published-2019.kql").read_text(encoding="utf-8")
    flow = "flow: executive\ntrigger: {on_demand: true}\nhunt: {file: executive.kql}\ntag: {value: Executive}\n"
    recorded.write("flows/executive.yaml", flow)
    query = recorded.write("flows/executive.kql", published)
    recorded.run("check", code=1)
    recorded.run("check", "--fix")
    repaired = query.read_text(encoding="utf-8")
    assert PUBLISHED_NAMES in repaired
    for case in key["cases"]:
        earmark = Earmark(recorded.project.with_name(f"published-{case['now'][:10]}"))
        shutil.copytree(recorded.project, earmark.project)
        names = ", ".join(f'"{name}"' for name in case["executives"])
        earmark.write("flows/executive.kql", repaired.replace(PUBLISHED_NAMES, names))
        earmark.run("run", "executive", now=case["now"])
        assert_published(earmark, case)


def assert_published(earmark: Earmark, case: dict[str, Any]) -> None:
    """The devices of the key are tagged; where several accounts tie, `arg_max` may have picked another one."""
    tagged = earmark.tagged("Executive", now=case["now"])
    certain = {name for name, found in case["devices"].items() if not found["account"].startswith("tie of ")}
    assert certain <= tagged <= set(case["devices"])
    query = (earmark.project / "flows" / "executive.kql").read_text(encoding="utf-8")
    winners = earmark.read("hunt", "\n".join(query.rstrip().splitlines()[:-1]), now=case["now"])["rows"]
    found = {row[1]: (row[3], row[2]) for row in winners}
    for name in sorted(tagged):
        expected = case["devices"][name]
        account, logons = found[name]
        assert logons == expected["logons"]
        assert account == expected["account"] or account in expected["account"]
