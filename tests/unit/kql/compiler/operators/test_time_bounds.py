"""Filters on the time of events skip whole days of files, and say how far back a query looks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from earmark.kql.service import Kql

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("query", "window"),
    [
        ("DeviceEvents | where Timestamp > ago(7d)", 7 * DAY),
        ("DeviceEvents | where ago(7d) <= Timestamp", 7 * DAY),
        ("DeviceEvents | where ActionType == 'x' and Timestamp >= now() - 1h", timedelta(hours=1)),
        ("DeviceEvents | where ActionType == 'x' | where Timestamp between (ago(2d) .. now())", 2 * DAY),
        ("DeviceEvents | project T = Timestamp, DeviceId | where T > ago(3d)", 3 * DAY),
        ("DeviceEvents | extend x = 1 | where Timestamp > ago(3d) | where Timestamp > ago(1d)", DAY),
        ("let start = ago(14d); DeviceEvents | where Timestamp > start", 14 * DAY),
        ("let f = (days:int) { DeviceEvents | where Timestamp > ago(days * 1d) }; f(4)", 4 * DAY),
        ("DeviceEvents | where Timestamp > startofday(ago(1d))", 2 * DAY),
        ("union DeviceEvents, DeviceFileEvents | where Timestamp > ago(5d)", 5 * DAY),
        ("union (DeviceEvents | where Timestamp > ago(5d)), (DeviceFileEvents | where Timestamp > ago(9d))", 9 * DAY),
        (
            "DeviceEvents | where Timestamp > ago(1d) | join (DeviceInfo | where Timestamp > ago(8d)) on DeviceId",
            8 * DAY,
        ),
        ("DeviceEvents | where Timestamp > ago(1d) and AccountName in~ (Executives)", DAY),
        ("DeviceEvents | where Timestamp > ago(1d) | lookup Executives on AccountName", DAY),
        ("DeviceEvents", None),
        ("DeviceEvents | where Timestamp < ago(7d)", None),
        ("DeviceEvents | where Timestamp > ago(7d) or ActionType == 'x'", None),
        ("DeviceEvents | where not(Timestamp > ago(7d))", None),
        ("DeviceEvents | where Timestamp > datetime(2026-01-01)", None),
        ("DeviceEvents | extend Timestamp = now() | where Timestamp > ago(7d)", None),
        ("DeviceEvents | where Timestamp > ago(1d) | join DeviceInfo on DeviceId", None),
        ("DeviceEvents | where Timestamp > ago(1d) and DeviceId in ((DeviceInfo | project DeviceId))", None),
        ("DeviceEvents | where Timestamp > ago(1d) | extend n = toscalar(DeviceInfo | count)", None),
    ],
)
def test_how_far_back_a_query_looks(query: str, window: timedelta | None, kql: Kql) -> None:
    analysis = kql.analyze(query)

    assert analysis.compiled is not None
    assert analysis.window == window


@pytest.mark.parametrize(
    ("query", "bounds"),
    [
        ("DeviceEvents | where Timestamp > ago(7d)", 1),
        ("DeviceEvents | where Timestamp between (ago(2d) .. ago(1d))", 2),
        ("DeviceEvents | where Timestamp >= datetime(2026-01-01) and Timestamp < datetime(2026-01-02)", 2),
        ("union DeviceInfo, DeviceNetworkInfo | where Timestamp > ago(5d) | count", 1),
        ("DeviceEvents | where Timestamp > ago(7d) or ActionType == 'x'", 0),
        ("DeviceEvents | summarize Timestamp = max(Timestamp) by DeviceId | where Timestamp > ago(7d)", 0),
        ("Executives | where AccountName == 'x'", 0),
    ],
)
def test_days_of_files_are_skipped(query: str, bounds: int, kql: Kql) -> None:
    analysis = kql.analyze(query)

    assert analysis.compiled is not None
    assert analysis.compiled.sql(0).count("strftime") == bounds


def test_the_tables_a_query_reads(kql: Kql) -> None:
    analysis = kql.analyze("let unused = DeviceInfo; DeviceEvents | where AccountName in (Executives) | count")

    assert analysis.tables == ("DeviceEvents", "Executives")
