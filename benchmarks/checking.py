"""`earmark check` of a hundred different flows: cold, with nothing kept from before, and warm."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from benchmarks.big_project import Size
from benchmarks.measure import EARMARK, Spent, middle, say, spent_by_process

FLOWS = 100
_CONDITIONS = (
    'ActionType == "LogonSuccess" and LogonType == "Interactive"',
    'AccountName !endswith "$" and not(AccountName matches regex @"(?i)^(dwm|umfd)-\\d+$")',
    "AccountName in~ (Executives)",
    'RemoteIP startswith "10." or isnotempty(RemoteDeviceName)',
    'InitiatingProcessFileName in~ ("lsass.exe", "winlogon.exe")',
)
_AGGREGATES = (
    "Logons = count(), LastLogon = max(Timestamp)",
    "Logons = countif(IsLocalAdmin), LastLogon = arg_max(Timestamp, AccountName)",
    "Logons = dcount(AccountName), LastLogon = min(Timestamp), Types = make_set(LogonType)",
)


def flow_text(number: int) -> str:
    """One flow's file; no two have the same query."""
    condition, aggregate = _CONDITIONS[number % len(_CONDITIONS)], _AGGREGATES[number % len(_AGGREGATES)]
    least = number // len(_CONDITIONS) + 1
    return f"""flow: flow-{number:03}
description: Devices of kind {number}
trigger:
  recurrence: {{frequency: day, interval: 1, at: ["05:{number % 60:02}"], time_zone: Europe/London}}
hunt:
  query: |
    let Users = DeviceLogonEvents
    | where Timestamp > ago({number % 14 + 1}d)
    | where {condition}
    | summarize {aggregate} by DeviceId, DeviceName;
    Users
    | where Logons >= {least}
    | join kind=leftanti (DeviceInfo | where Timestamp > ago(7d) and DeviceType == "Server") on DeviceId
    | project DeviceId, DeviceName, Logons
  evidence: [Logons]
  window: 14d
tag:
  value: Kind {number}
  keep_for: 14d
guard: {{max_additions: 50, max_removals: 10}}
"""


def make_project(folder: Path) -> None:
    """A project with that many flows."""
    spent_by_process(EARMARK, "init", folder)
    for number in range(FLOWS):
        (folder / "flows" / f"flow-{number:03}.yaml").write_text(flow_text(number), encoding="utf-8")


def run(size: Size) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        make_project(folder)

        def check() -> Spent:
            return spent_by_process(EARMARK, "check", folder=folder)

        cold, warm = [], []
        for _ in range(max(size.rounds, 5)):
            shutil.rmtree(folder / ".earmark" / "cache", ignore_errors=True)
            cold.append(check())
            warm.append(check())
    say(f"check of {FLOWS + 1} flows, cold", middle(cold), "under 8 s")
    say(f"check of {FLOWS + 1} flows, warm", middle(warm), "under 1 s")
