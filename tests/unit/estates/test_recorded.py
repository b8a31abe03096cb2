"""Logon events recorded on real machines, against counts that an independent program made of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from earmark.estates.embedded.identity import derived_id
from tests.unit.estates.conftest import Trial


@pytest.fixture(scope="module")
def recorded(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trial, dict[str, Any], int]:
    """The whole folder, imported; its answer key; how many rows were rejected."""
    trial = Trial(tmp_path_factory.mktemp("recorded"))
    folder = shared / "realdata"
    report = trial.take(folder)
    key = json.loads((folder / "answer_key.json").read_text(encoding="utf-8"))
    assert all("not supported" in file.warnings[0] for file in report.files if file.file.suffix == ".evtx")
    assert not report.has_findings
    return trial, key, report.total("skipped")


def test_counts_by_action_and_logon_type(recorded: tuple[Trial, dict[str, Any], int]) -> None:
    trial, key, _ = recorded
    assert Counter(trial.rows("DeviceLogonEvents", "ActionType")) == key["logon_rows"]
    assert Counter(trial.rows("DeviceLogonEvents", "LogonType")) == key["logon_types"]


def test_every_event_is_accounted_for(recorded: tuple[Trial, dict[str, Any], int]) -> None:
    trial, key, skipped = recorded
    stored = len(trial.rows("DeviceLogonEvents", "ActionType")) + len(trial.rows("DeviceEvents", "ActionType"))
    assert stored + skipped == sum(key["events"].values())
    assert skipped == key["events"]["nxlog.4688"] + key["events"]["winlogbeat.4688"]


def test_devices(recorded: tuple[Trial, dict[str, Any], int]) -> None:
    trial, key, _ = recorded
    assert sorted(set(trial.rows("DeviceLogonEvents", "DeviceName"))) == sorted(key["devices_with_logons"])
    assert set(key["devices_with_logons"]) <= set(trial.devices().values())
    assert all(device == derived_id(name) for device, name in trial.devices().items())
    assert "WECserver" not in trial.devices().values()
