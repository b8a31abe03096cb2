"""An embedded estate to import into, and ways to write what sensors write and to read what came of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.events import query
from earmark.estates.embedded.importer import import_paths
from earmark.estates.embedded.report import FileReport, ImportReport

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ALWAYS = 3 * 10**18
"""Ticks after everything."""


def record(table: str = "DeviceLogonEvents", /, **properties: Any) -> dict[str, Any]:
    """A record of the streaming export with the columns that every table of telemetry has."""
    plain = {
        "Timestamp": "2026-01-04T06:00:00.1234567Z",
        "DeviceId": "a" * 40,
        "DeviceName": "pc1.corp.example",
        "ReportId": 1,
    }
    return {
        "time": "2026-01-04T06:02:00Z",
        "tenantId": "0-0",
        "category": f"AdvancedHunting-{table}",
        "properties": {**plain, **properties},
    }


def lines_of(records: Iterable[Any], end: str = "\n") -> bytes:
    """JSON lines; a record that is text already stays as it is."""
    return "".join((r if isinstance(r, str) else json.dumps(r)) + end for r in records).encode()


class Trial:
    """One estate in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.estate = EmbeddedEstate(folder / "estate")
        self.rejects_file = folder / "rejects.jsonl"

    def write(self, name: str, content: bytes | Iterable[Any]) -> Path:
        """Write a file; records become JSON lines, a name in .gz is compressed."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = content if isinstance(content, bytes) else lines_of(content)
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") and content[:2] != b"\x1f\x8b" else content)
        return path

    def take(self, *paths: Path, **options: Any) -> ImportReport:
        """Import files."""
        return import_paths(paths, estate=self.estate, rejects=self.rejects_file, now=NOW, **options)

    def take_one(self, name: str, content: bytes | Iterable[Any], **options: Any) -> FileReport:
        """Write a file and import it."""
        (report,) = self.take(self.write(name, content), **options).files
        return report

    def rows(self, table: str, *columns: str, until: int = ALWAYS) -> list[Any]:
        """Some columns of a table, ordered by all of them; one column as plain values."""
        scan = self.estate.events.scan_sql(table, until=until)
        if scan is None:
            return []
        found = query(f"SELECT {', '.join(f'{chr(34)}{c}{chr(34)}' for c in columns)} FROM {scan} ORDER BY ALL")
        return [row[0] for row in found] if len(columns) == 1 else found

    def rejects(self) -> list[tuple[int, str]]:
        """(line, reason) of every reject on file."""
        if not self.rejects_file.exists():
            return []
        read = [json.loads(line) for line in self.rejects_file.read_text(encoding="utf-8").splitlines()]
        return [(r["line"], r["reason"]) for r in read]

    def devices(self, now: datetime = NOW) -> Mapping[str, str]:
        """The names of the estate's devices, by id."""
        return {device.id: device.name for device in self.estate.fetch_inventory(now=now).devices}

    def stored_files(self) -> dict[str, bytes]:
        """Every file of events with its content."""
        root = self.estate.events.folder
        return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """A fresh estate."""
    return Trial(tmp_path)
