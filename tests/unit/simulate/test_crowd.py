"""A large company: exact in number, valid in shape, and as one would hunt in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from earmark.simulate import CompanySpec, Written, write_company
from tests.unit.simulate.plain import executives_of, instant, matches, read_logons, read_streaming

SPEC = CompanySpec(
    devices=500,
    executives=80,
    days=9,
    logon_events=40_000,
    only=frozenset({"DeviceLogonEvents", "DeviceInfo", "inventory"}),
    compress=False,
    imperfect=False,
    truth=False,
)


@dataclass(frozen=True, kw_only=True)
class Large:
    """A large company, written and read."""

    folder: Path
    written: Written
    rows: list[tuple[str, dict[str, Any]]]
    rejects: list[str]

    def of(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table."""
        return [row for found, row in self.rows if found == table]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Large:
    folder = tmp_path_factory.mktemp("large")
    written = write_company(folder, SPEC)
    rows, rejects = read_streaming(folder)
    return Large(folder=folder, written=written, rows=rows, rejects=rejects)


def test_the_number_of_logons_is_exact_and_every_row_is_another(large: Large) -> None:
    assert not large.rejects
    assert len(large.of("DeviceLogonEvents")) == large.written.counts["DeviceLogonEvents"] == SPEC.logon_events


def test_all_devices_are_there_and_every_row_lies_in_the_blob_of_its_day(large: Large) -> None:
    # Two domain controllers and two file servers report by Windows events alone.
    assert len({row["DeviceName"] for _, row in large.rows}) == SPEC.devices - 4
    blobs = list((large.folder / "streaming").rglob("PT1H-*.json"))
    assert len(blobs) == 2 * SPEC.days
    for path in blobs:
        day = "-".join(part.partition("=")[2] for part in path.parts[-6:-3])
        assert all(f'"Timestamp":"{day}T' in line for line in path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("table", ["DeviceLogonEvents", "DeviceInfo"])
def test_rows_of_the_crowd_have_columns_of_detailed_rows(large: Large, table: str) -> None:
    columns = {frozenset(row) for row in large.of(table)}
    assert len(columns) == 2
    assert min(columns, key=len) < max(columns, key=len)


def test_executives_of_the_crowd_are_found_on_their_own_devices(large: Large) -> None:
    executives = executives_of(large.folder)
    assert len(executives) == SPEC.executives
    found = matches(read_logons(large.folder, large.rows), executives, instant("2026-01-13T06:00:00Z"))
    assert len([name for name in found if "-c0" not in name]) >= 45
    assert 24 <= len([name for name in found if "-c0" in name]) <= 33


def test_some_of_the_crowd_fail_and_window_managers_log_on(large: Large) -> None:
    crowd = [row for row in large.of("DeviceLogonEvents") if "-c0" in row["DeviceName"]]
    kinds = Counter((row["ActionType"], row["AccountName"] == "dwm-1") for row in crowd)
    assert kinds["LogonFailed", False] > 1000
    assert kinds["LogonSuccess", True] > 1000


def test_the_inventory_has_the_crowd(large: Large) -> None:
    lines = (large.folder / "inventory" / "devices.csv").read_text(encoding="utf-8").splitlines()
    assert sum("-c0" in line for line in lines) > 200


def test_without_a_number_the_mean_a_day_is_kept(tmp_path: Path) -> None:
    spec = CompanySpec(devices=250, days=2, logons_per_day=10, only=frozenset({"DeviceLogonEvents"}), truth=False)
    write_company(tmp_path, spec)
    rows, _ = read_streaming(tmp_path)
    assert sum("-c0" in row["DeviceName"] for _, row in rows) == 50 * 2 * 10
