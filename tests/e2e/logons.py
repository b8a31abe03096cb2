"""Logons as Defender's streaming export writes them, for tests that need a few."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path


def device_id(name: str) -> str:
    """The id that these tests give a device of this name."""
    return hashlib.sha1(name.encode()).hexdigest()


def write_logons(file: Path, logons: Iterable[tuple[str, str, str]]) -> None:
    """Write interactive logons (device, account, time), each its own row."""
    with file.open("w", encoding="utf-8") as out:
        for number, (device, account, at) in enumerate(logons):
            row = {
                "Timestamp": at,
                "DeviceId": device_id(device),
                "DeviceName": device,
                "ActionType": "LogonSuccess",
                "LogonType": "Interactive",
                "AccountName": account,
                "ReportId": number,
            }
            record = {"time": at, "category": "AdvancedHunting-DeviceLogonEvents", "properties": row}
            out.write(json.dumps(record) + "\n")
