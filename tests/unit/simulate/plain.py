"""A plain reader and the shipped rule in a few lines: knows the documented formats, and nothing of the simulator."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

KINDS = {
    "2": "Interactive",
    "3": "Network",
    "5": "Service",
    "7": "Unlock",
    "9": "NewCredentials",
    "10": "RemoteInteractive",
    "11": "CachedInteractive",
}
COUNTED = {"Interactive", "RemoteInteractive", "CachedInteractive", "CachedRemoteInteractive"}


def read_json(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def read_lines(path: Path) -> list[str]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return raw.decode().splitlines()


def instant(text: str) -> datetime:
    """ISO 8601 with up to seven digits of a second."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text).replace("Z", "+00:00"))


def read_streaming(folder: Path) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """The rows of the export as (table, properties), repeats left out, and the lines that are not JSON."""
    rows: dict[tuple[str, ...], tuple[str, dict[str, Any]]] = {}
    rejects = []
    for path in sorted((folder / "streaming").rglob("PT1H*")):
        for line in read_lines(path):
            try:
                record = json.loads(line)
            except ValueError:
                rejects.append(line)
                continue
            table, row = record["category"].removeprefix("AdvancedHunting-"), record["properties"]
            identity = (
                row.get("DeviceId"),
                row.get("ReportId"),
                row["Timestamp"],
                row.get("AlertId"),
                row.get("EntityType"),
            )
            rows[table, *(str(part) for part in identity)] = (table, row)
    return list(rows.values()), rejects


def read_security_events(folder: Path) -> Iterator[tuple[str, str, int, dict[str, Any]]]:
    """Time, machine, event id and fields of every Windows event."""
    for path in sorted((folder / "windows").rglob("*.jsonl*")):
        for line in read_lines(path):
            event = json.loads(line)
            if "event_data" in event:
                yield event["@timestamp"], event["computer_name"], event["event_id"], event["event_data"]
            else:
                yield event["@timestamp"], event["Hostname"], event["EventID"], event


def read_logons(folder: Path, rows: Iterable[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Every logon of both kinds of sensors, in one shape."""
    logons = [
        {
            "at": instant(row["Timestamp"]),
            "device": row["DeviceName"],
            "account": row["AccountName"],
            "kind": row["LogonType"],
            "ok": row["ActionType"] == "LogonSuccess",
        }
        for table, row in rows
        if table == "DeviceLogonEvents"
    ]
    for at, machine, event_id, fields in read_security_events(folder):
        if event_id in (4624, 4625):
            kind = KINDS[fields["LogonType"]]
            account, ok = fields["TargetUserName"], event_id == 4624
            logons.append({"at": instant(at), "device": machine, "account": account, "kind": kind, "ok": ok})
    return logons


def most_frequent(
    logons: list[dict[str, Any]], now: datetime, *, failures: bool = False, services: bool = False
) -> dict[str, tuple[int, set[str]]]:
    """For every device the highest count of one account in the week before `now`, and the accounts that reach it."""
    counts: dict[str, Counter[str]] = {}
    for logon in logons:
        service = logon["account"].endswith("$") or re.fullmatch(r"(?i)(dwm|umfd)-\d+", logon["account"])
        if logon["kind"] not in COUNTED or not now - timedelta(days=7) < logon["at"] <= now:
            continue
        if (logon["ok"] or failures) and (services or not service):
            counts.setdefault(logon["device"], Counter())[logon["account"]] += 1
    tops = {device: max(found.values()) for device, found in counts.items()}
    return {
        device: (tops[device], {a for a, n in found.items() if n == tops[device]}) for device, found in counts.items()
    }


def executives_of(folder: Path) -> set[str]:
    header, *accounts = (folder / "lists" / "Executives.csv").read_text(encoding="utf-8").splitlines()
    assert header == "AccountName"
    return {account.lower() for account in accounts}


def matches(
    logons: list[dict[str, Any]], executives: set[str], now: datetime, *, failures: bool = False, services: bool = False
) -> dict[str, tuple[int, set[str]]]:
    """The devices on which an executive is among the accounts with the most."""
    tops = most_frequent(logons, now, failures=failures, services=services)
    found = {device: (n, {a for a in accounts if a.lower() in executives}) for device, (n, accounts) in tops.items()}
    return {device: (n, accounts) for device, (n, accounts) in found.items() if accounts}
