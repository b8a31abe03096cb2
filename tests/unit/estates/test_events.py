"""The event store: which rows a scan shows, and how it finds the newest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from earmark.estates.embedded.events import EventStore, query
from earmark.estates.embedded.physical import day_of, instant_of, ticks_of
from earmark.kql.defender.tables import TABLES
from tests.unit.estates.conftest import ALWAYS, Trial, record

NOON = ticks_of(datetime(2026, 1, 4, 12, tzinfo=UTC))


def at(day: int, hour: int = 12, number: int = 0) -> dict[str, object]:
    return record(Timestamp=f"2026-01-{day:02}T{hour:02}:00:00Z", ReportId=day * 100 + hour + number)


@pytest.fixture
def filled(trial: Trial) -> Trial:
    trial.take_one("blob.json", [at(3), at(4, 11), at(4, 12), at(4, 13), at(5), record("DeviceInfo", ReportId=9)])
    return trial


def test_an_empty_store(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "events")
    assert store.tables() == ()
    assert store.scan_sql("DeviceLogonEvents", until=ALWAYS) is None
    assert store.newest(until=ALWAYS) is None


def test_columns_come_in_order_and_then_the_day(filled: Trial) -> None:
    scan = filled.estate.events.scan_sql("DeviceLogonEvents", until=ALWAYS)
    described = query(f"DESCRIBE SELECT * FROM {scan}")
    assert [row[0] for row in described] == [*(name for name, _ in TABLES["DeviceLogonEvents"]), "~day"]
    physical = {row[0]: row[1] for row in described}
    assert (physical["Timestamp"], physical["IsLocalAdmin"], physical["RemotePort"], physical["~day"]) == (
        "BIGINT",
        "BOOLEAN",
        "INTEGER",
        "VARCHAR",
    )


def test_later_rows_are_hidden(filled: Trial) -> None:
    assert filled.rows("DeviceLogonEvents", "ReportId", until=NOON) == [312, 411, 412]
    assert filled.rows("DeviceLogonEvents", "ReportId", until=NOON - 1) == [312, 411]
    assert filled.rows("DeviceLogonEvents", "ReportId") == [312, 411, 412, 413, 512]


def test_days_after_the_moment_are_not_even_looked_at(filled: Trial) -> None:
    scan = filled.estate.events.scan_sql("DeviceLogonEvents", until=NOON)
    assert scan is not None
    assert "day=2026-01-05" not in scan
    assert filled.estate.events.scan_sql("DeviceLogonEvents", until=ticks_of(datetime(2026, 1, 1, tzinfo=UTC))) is None


def test_the_newest_event(filled: Trial) -> None:
    newest = filled.estate.events.newest
    assert newest(until=ALWAYS) == ticks_of(datetime(2026, 1, 5, 12, tzinfo=UTC))
    assert newest(until=NOON + 1) == NOON
    assert newest(["DeviceInfo"], until=ALWAYS) == ticks_of(datetime(2026, 1, 4, 6, 0, 0, 123456, tzinfo=UTC)) + 7
    assert newest(["DeviceInfo", "DeviceLogonEvents"], until=NOON - 1) == NOON - 36_000_000_000
    assert newest(["AlertInfo"], until=ALWAYS) is None
    assert newest(until=ticks_of(datetime(2026, 1, 3, tzinfo=UTC))) is None


def test_the_newest_event_when_the_last_day_begins_later(filled: Trial) -> None:
    assert filled.estate.events.newest(until=ticks_of(datetime(2026, 1, 5, 1, tzinfo=UTC))) == NOON + 36_000_000_000


def test_tables(filled: Trial) -> None:
    assert filled.estate.events.tables() == ("DeviceInfo", "DeviceLogonEvents")


def test_files_put_there_by_hand_are_read(filled: Trial) -> None:
    folder = filled.estate.events.day_folder("DeviceLogonEvents", "2026-01-04")
    query(
        f'COPY (SELECT CAST({NOON} AS BIGINT) AS "Timestamp", \'x\' AS "DeviceId", '
        '7 AS "ReportId", 80 AS "RemotePort") '
        f"TO '{folder / 'mine.parquet'}' (FORMAT parquet)"
    )
    assert filled.rows("DeviceLogonEvents", "ReportId", "DeviceId", "AccountName", "RemotePort", until=NOON)[0] == (
        7,
        "x",
        "",
        80,
    )
    # An import into that day looks at them, too.
    report = filled.take_one("blob.json", [at(4, 12), at(4, 14)])
    assert (report.stored, report.duplicates) == (1, 1)


def test_files_that_a_base_file_replaced_are_passed_over(filled: Trial) -> None:
    folder = filled.estate.events.day_folder("DeviceLogonEvents", "2026-01-04")
    (part,) = folder.glob("part-*.parquet")
    (folder / part.name.replace("part-000001", "base-000002")).write_bytes(part.read_bytes())
    assert filled.rows("DeviceLogonEvents", "ReportId", until=NOON) == [312, 411, 412]
    filled.take_one("blob.json", [at(4, 15)])
    assert not part.exists(), "the next import tidies up"
    assert filled.rows("DeviceLogonEvents", "ReportId")[1:5] == [411, 412, 413, 415]


def test_ticks_there_and_back() -> None:
    instant = datetime(2026, 1, 4, 6, 7, 8, 9, tzinfo=UTC)
    assert instant_of(ticks_of(instant)) == instant
    assert day_of(ticks_of(instant)) == "2026-01-04"
    assert day_of(0) == "0001-01-01"
    assert ticks_of(datetime(1, 1, 1, tzinfo=UTC)) == 0


def test_a_day_of_many_large_imports_is_written_anew_as_one(trial: Trial) -> None:
    """Small days are written anew each time; this day is too large for that, until it has many files."""
    folder = trial.folder / "in"
    folder.mkdir()
    for part in range(11):
        first, rows = part * 300_000, 300_000 if part == 0 else 10
        query(
            f'COPY (SELECT CAST({NOON} AS BIGINT) AS "Timestamp", \'a\' AS "DeviceId", {first} + i AS "ReportId" '
            f"FROM range({rows}) r(i)) TO '{folder / f'DeviceInfo-{part:02}.parquet'}' (FORMAT parquet)"
        )
        assert trial.take(folder / f"DeviceInfo-{part:02}.parquet").total("stored") == rows
    assert trial.take(folder).total("duplicates") == 300_100
    day = trial.estate.events.day_folder("DeviceInfo", "2026-01-04")
    assert len(trial.rows("DeviceInfo", "ReportId")) == 300_100
    assert len(list(day.iterdir())) < 8
    assert any(path.name.startswith("base-") for path in day.iterdir())
