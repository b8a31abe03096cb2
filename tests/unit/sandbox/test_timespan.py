from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.sandbox.timespan import TimespanFault, read_duration, read_timespan

NOW = datetime(2026, 1, 19, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        (None, "2025-12-20T12:00:00", "2026-01-19T12:00:00"),
        ("", "2025-12-20T12:00:00", "2026-01-19T12:00:00"),
        ("P7D", "2026-01-12T12:00:00", "2026-01-19T12:00:00"),
        ("2026-01-01T08:00:00Z", "2026-01-01T08:00:00", "2026-01-19T12:00:00"),
        ("2026-01-01T08:00:00Z/2026-01-02T08:00:00.5Z", "2026-01-01T08:00:00", "2026-01-02T08:00:00.500000"),
        ("P1D/2026-01-02T08:00:00+01:00", "2026-01-01T07:00:00", "2026-01-02T07:00:00"),
        ("2026-01-01/PT36H", "2026-01-01T00:00:00", "2026-01-02T12:00:00"),
    ],
)
def test_every_form(text: str | None, begin: str, end: str) -> None:
    assert read_timespan(text, NOW) == (at(begin), at(end))


def test_durations() -> None:
    assert read_duration("P1Y2M3W4DT5H6M7.5S") == timedelta(
        days=365 + 60 + 21 + 4, hours=5, minutes=6, seconds=7, milliseconds=500
    )
    assert read_duration("pt0.5h") == timedelta(minutes=30)


@pytest.mark.parametrize(
    "text",
    ["7d", "P", "PT", "P1H", "2026-02-30", "2026-01-02/2026-01-01", "P1D/P1D", "P999999Y", "/", "P1D/", "P1D/x/y", "٣"],
)
def test_a_span_that_cannot_be_read(text: str) -> None:
    with pytest.raises(TimespanFault):
        read_timespan(text, NOW)


@given(st.text(alphabet="0123456789PTDHMSYWZ/-:.+ ", max_size=40))
def test_nothing_but_a_fault_is_raised(text: str) -> None:
    with suppress(TimespanFault):
        begin, end = read_timespan(text, NOW)
        assert begin <= end
