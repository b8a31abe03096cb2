from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from earmark.model.trigger import Cron, Frequency, OnDemand, Recurrence
from earmark.model.trigger_rules import MOST_INTERVAL, check_trigger, resolve_zone
from earmark.model.windows_zones import WINDOWS_ZONES, iana_zone

WEEKLY = Recurrence(frequency=Frequency.WEEK, days=(6,), at=((6, 0),), time_zone="Europe/London")


def test_sound_triggers_have_no_fault() -> None:
    assert check_trigger(WEEKLY) == []
    assert check_trigger(Cron(expression="0 6 * * 0", time_zone="Europe/London")) == []
    assert check_trigger(OnDemand()) == []


@pytest.mark.parametrize("frequency", list(Frequency))
def test_intervals_have_limits(frequency: Frequency) -> None:
    most = MOST_INTERVAL[frequency]
    for interval in (1, most):
        assert check_trigger(Recurrence(frequency=frequency, interval=interval)) == []
    for interval in (-1, 0, most + 1):
        (fault,) = check_trigger(Recurrence(frequency=frequency, interval=interval))
        assert fault.field == "interval"
        assert f"1 to {most:,}" in fault.message


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"frequency": Frequency.DAY}, "days", "week only"),
        ({"days": (7,)}, "days", "monday"),
        ({"days": (1, 1)}, "days", "twice"),
        ({"frequency": Frequency.HOUR, "days": ()}, "at", "day or week only"),
        ({"at": ((24, 0),)}, "at", "24:00"),
        ({"at": ((6, 0), (6, 0))}, "at", "twice"),
        ({"time_zone": "Europe/Lodnon"}, "time_zone", "Europe/London"),
        ({"time_zone": "gmt standard tme"}, "time_zone", "GMT Standard Time"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "not known"),
        ({"time_zone": ""}, "time_zone", "not known"),
        ({"time_zone": "Europe"}, "time_zone", "not known"),
        ({"start": datetime(1, 1, 1)}, "start", "1970"),
        ({"start": datetime(2026, 1, 1, tzinfo=UTC)}, "start", "zone of its own"),
    ],
)
def test_each_fault_is_named(change: dict[str, Any], field: str, words: str) -> None:
    (fault,) = check_trigger(replace(WEEKLY, **change))
    assert fault.field == field
    assert words in fault.message


def test_all_faults_are_named_at_once() -> None:
    faults = check_trigger(replace(WEEKLY, frequency=Frequency.MONTH, interval=17, time_zone="Mars/Olympus"))
    assert [fault.field for fault in faults] == ["interval", "days", "at", "time_zone"]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "0 fields"),
        ("@daily", "1 fields"),
        ("0 0 6 * * 0", "6 fields"),
        ("61 6 * * 0", "minute"),
        ("0 6 * * 9", "day of week"),
        ("0 6 31 2 *", "day of month"),
        ("0 6 x * *", "day of month"),
    ],
)
def test_cron_that_cannot_be_read_is_refused(expression: str, words: str) -> None:
    (fault,) = check_trigger(Cron(expression=expression))
    assert fault.field == "cron"
    assert words in fault.message


def test_every_windows_name_stands_for_a_zone_that_exists() -> None:
    assert len(WINDOWS_ZONES) >= 139
    for name, zone in WINDOWS_ZONES.items():
        assert ZoneInfo(zone).key == zone
        assert resolve_zone(name) == zone


def test_windows_names_are_found_in_any_case() -> None:
    assert iana_zone("gmt standard time") == "Europe/London"
    assert resolve_zone("W. Europe Standard Time") == "Europe/Berlin"
    assert resolve_zone("Europe/London") == "Europe/London"
    assert iana_zone("Europe/London") is None
