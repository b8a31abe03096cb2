"""Parquet in Defender's columns, as other tools write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from earmark.estates.embedded.events import query
from earmark.kql.base import EPOCH_TICKS
from tests.unit.estates.conftest import Trial

TICKS = 639_031_032_001_234_567
"""2026-01-04T06:00:00.1234567Z."""


def write(path: Path, columns: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    query(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)")
    return path


@pytest.mark.parametrize(
    ("time", "ticks"),
    [
        ("'2026-01-04T06:00:00.1234567Z'", TICKS),
        (f"CAST({TICKS} AS BIGINT)", TICKS),
        ("TIMESTAMP '2026-01-04 06:00:00.123456'", TICKS - 7),
        ("TIMESTAMPTZ '2026-01-04 06:00:00.123456+00'", TICKS - 7),
        ("TIMESTAMP_NS '2026-01-04 06:00:00.123456700'", TICKS),
        ("TIMESTAMP_MS '2026-01-04 06:00:00.123'", TICKS - 4567),
        ("TIMESTAMP_S '2026-01-04 06:00:00'", TICKS - 1234567),
    ],
)
def test_times_of_every_kind(trial: Trial, time: str, ticks: int) -> None:
    path = write(
        trial.folder / "DeviceLogonEvents.parquet", f'{time} AS "Timestamp", 1 AS "ReportId", \'a\' AS "DeviceId"'
    )
    report = trial.take(path)
    assert report.total("stored") == 1
    assert trial.rows("DeviceLogonEvents", "Timestamp", "ReportId", "AccountName") == [(ticks, 1, "")]


@pytest.mark.parametrize(
    "name", ["DeviceInfo.parquet", "DeviceInfo-01.parquet", "table=DeviceInfo/day=x/data_0.parquet"]
)
def test_the_table_by_place_or_name(trial: Trial, name: str) -> None:
    trial.take(write(trial.folder / "in" / name, f'CAST({TICKS} AS BIGINT) AS "Timestamp"'))
    assert trial.rows("DeviceInfo", "Timestamp") == [TICKS]


def test_the_table_by_the_caller_or_not_at_all(trial: Trial) -> None:
    path = write(trial.folder / "data.parquet", f'CAST({TICKS} AS BIGINT) AS "Timestamp"')
    report = trial.take(path)
    assert "--table" in report.files[0].failed
    assert trial.take(path, table="DeviceInfo").total("stored") == 1


def test_values_of_other_types(trial: Trial) -> None:
    columns = f"""CAST({TICKS} AS BIGINT) AS "Timestamp", 1 AS "IsAzureADJoined", 22631 AS "OSBuild",
      {{'a': [1]}} AS "AdditionalFields",
      ['x', 'y'] AS "DeviceManualTags", NULL AS "OSPlatform", 'extra' AS "Fresh", 'g' AS "MachineGroup" """
    report = trial.take(write(trial.folder / "DeviceInfo.parquet", columns))
    assert report.files[0].warnings == ["DeviceInfo has no column Fresh; it was left out"]
    columns_back = ("IsAzureADJoined", "OSBuild", "AdditionalFields", "DeviceManualTags", "OSPlatform", "MachineGroup")
    assert trial.rows("DeviceInfo", *columns_back) == [(True, 22631, '{"a":[1]}', '["x","y"]', "", "g")]


def test_bad_rows_by_number(trial: Trial) -> None:
    rows = "unnest(['2026-01-04T06:00:00Z', 'soon', NULL]) AS \"Timestamp\", unnest([1, 2, 3]) AS \"ReportId\""
    report = trial.take(write(trial.folder / "DeviceInfo.parquet", rows))
    assert (report.total("rows"), report.total("stored"), report.total("rejected")) == (3, 1, 2)
    assert [line for line, _ in trial.rejects()] == [2, 3]


def test_a_damaged_file(trial: Trial) -> None:
    whole = write(trial.folder / "DeviceInfo.parquet", f'CAST({TICKS} AS BIGINT) AS "Timestamp"').read_bytes()
    report = trial.take_one("DeviceInfo-cut.parquet", whole[:-20])
    assert "Parquet" in report.failed
    assert report.stored == 0


def test_the_estate_s_own_files_can_be_imported(trial: Trial, tmp_path: Path) -> None:
    trial.take(
        write(trial.folder / "DeviceInfo.parquet", f'CAST({TICKS} AS BIGINT) AS "Timestamp", \'a\' AS "DeviceId"')
    )
    other = Trial(tmp_path / "other")
    other.take(trial.estate.events.folder)
    assert other.rows("DeviceInfo", "Timestamp", "DeviceId") == [(TICKS, "a")]
    assert trial.take(trial.estate.events.folder).total("duplicates") == 1


def test_times_before_1970(trial: Trial) -> None:
    columns = """TIMESTAMP '1960-01-01 00:00:00.5' AS "Timestamp",
      TIMESTAMP '0001-01-01 00:00:00' AS "InitiatingProcessCreationTime" """
    trial.take(write(trial.folder / "DeviceLogonEvents.parquet", columns))
    ((time, created),) = trial.rows("DeviceLogonEvents", "Timestamp", "InitiatingProcessCreationTime")
    assert time < EPOCH_TICKS
    assert (time % 10_000_000, created) == (5_000_000, 0)
