from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from earmark.model.trigger import (
    UNSTATED_START,
    Cron,
    Frequency,
    OnDemand,
    Recurrence,
    fires,
    instant_of,
    latest_fire,
    next_fire,
    times_of_day,
)

# Changes of an hour at 1, 2 and midnight, of half an hour, of a whole day, south of the equator, and none at all.
ZONES = [
    "UTC",
    "Europe/London",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Pacific/Apia",
    "Asia/Kolkata",
]
zones = st.sampled_from(ZONES)
local_times = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1)).map(lambda d: d.replace(microsecond=0))
instants = local_times.map(lambda d: d.replace(tzinfo=UTC))
times = st.tuples(st.integers(0, 23), st.integers(0, 59))
time_lists = st.lists(times, unique=True, max_size=3).map(lambda t: tuple(sorted(t)))


@st.composite
def calendar_recurrences(draw: st.DrawFn) -> Recurrence:
    frequency = draw(st.sampled_from([Frequency.DAY, Frequency.WEEK, Frequency.MONTH]))
    weekly = frequency is Frequency.WEEK
    return Recurrence(
        frequency=frequency,
        interval=draw(st.integers(1, 5)),
        days=tuple(sorted(draw(st.sets(st.integers(0, 6), max_size=3)))) if weekly else (),
        at=() if frequency is Frequency.MONTH else draw(time_lists),
        time_zone=draw(zones),
        start=draw(st.none() | local_times),
    )


@st.composite
def elapsed_recurrences(draw: st.DrawFn) -> Recurrence:
    frequency = draw(st.sampled_from([Frequency.SECOND, Frequency.MINUTE, Frequency.HOUR]))
    interval = draw(st.integers(1, 12_000))
    return Recurrence(
        frequency=frequency, interval=interval, time_zone=draw(zones), start=draw(st.none() | local_times)
    )


cron_fields = st.sampled_from(
    ["30 1 * * *", "0 6 * * 0", "15,45 0-3 * * 0,6", "0 0 1 * *", "*/20 * * * *", "5 */2 * * *"]
)
crons = st.builds(lambda expression, zone: Cron(expression=expression, time_zone=zone), cron_fields, zones)
triggers = calendar_recurrences() | elapsed_recurrences() | crons


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def is_day_of(recurrence: Recurrence, day: date) -> bool:
    """Whether a day belongs to a recurrence, said without counting forward."""
    first = (recurrence.start or UNSTATED_START).date()
    if day < first:
        return False
    match recurrence.frequency:
        case Frequency.DAY:
            return (day - first).days % recurrence.interval == 0
        case Frequency.WEEK:
            weeks = ((day - timedelta(days=day.weekday())) - (first - timedelta(days=first.weekday()))).days // 7
            return weeks % recurrence.interval == 0 and day.weekday() in (recurrence.days or (first.weekday(),))
        case _:
            months = (day.year - first.year) * 12 + day.month - first.month
            last = calendar.monthrange(day.year, day.month)[1]
            return months % recurrence.interval == 0 and day.day == min(first.day, last)


@cache
def shown_minutes(zone: ZoneInfo, since: datetime, until: datetime) -> dict[datetime, datetime]:
    """Each time that clocks show, with the first instant that shows it; a skipped time with the instant of the jump."""
    first_shown: dict[datetime, datetime] = {}
    instant, expected = since, since.astimezone(zone).replace(tzinfo=None)
    while instant <= until:
        shown = instant.astimezone(zone).replace(tzinfo=None)
        while expected < shown:
            first_shown.setdefault(expected, instant)
            expected += timedelta(minutes=1)
        first_shown.setdefault(shown, instant)
        expected = shown + timedelta(minutes=1)
        instant += timedelta(minutes=1)
    return first_shown


@given(triggers, instants)
def test_fires_rise_and_lie_after_the_moment_asked_for(trigger: Recurrence | Cron, after: datetime) -> None:
    found = list(islice(fires(trigger, since=after, until=after + timedelta(days=2000)), 8))
    assert all(earlier < later for earlier, later in pairwise([after, *found]))
    assert all(fire.tzinfo is UTC and fire.microsecond == 0 for fire in found)


@given(calendar_recurrences(), instants, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_nothing_lies_between_a_moment_and_its_next_fire(
    recurrence: Recurrence, after: datetime, wait: timedelta
) -> None:
    fire = next_fire(recurrence, after)
    assert fire is not None
    between = min(after + wait, fire - timedelta.resolution)
    assert next_fire(recurrence, max(between, after)) == fire


@given(calendar_recurrences(), instants)
def test_each_fire_shows_the_fields_or_is_the_jump_over_them(recurrence: Recurrence, after: datetime) -> None:
    zone, start = ZoneInfo(recurrence.time_zone), recurrence.start or UNSTATED_START
    expected = {time(*at) for at in recurrence.at} or {start.time()}
    for fire in islice(fires(recurrence, since=after, until=after + timedelta(days=2000)), 5):
        shown = fire.astimezone(zone).replace(tzinfo=None)
        before = (fire - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) + timedelta(seconds=1)
        skipped = [before + timedelta(seconds=s) for s in range(int((shown - before).total_seconds()))]
        assert any(is_day_of(recurrence, d.date()) and d.time() in expected for d in (shown, *skipped))
        assert fire >= instant_of(start, zone)


CHANGES = [
    ("Europe/London", "2026-03-29", "2026-10-25"),
    ("America/New_York", "2026-03-08", "2026-11-01"),
    ("America/Santiago", "2026-09-06", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04", "2026-04-05"),
    ("Africa/Cairo", "2026-04-24", "2026-10-30"),
    ("Pacific/Apia", "2011-12-30", "2012-04-01"),
]


@given(
    st.sampled_from([(zone, day) for zone, *days in CHANGES for day in days]),
    st.integers(1, 2),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 15, 30, 59])), min_size=1, max_size=4, unique=True),
    st.integers(0, 48 * 60),
)
@example(("Europe/London", "2026-03-29"), 1, [(1, 0), (1, 30), (2, 0)], 0)
@example(("Europe/London", "2026-10-25"), 1, [(1, 30)], 25 * 60 + 45)
def test_brute_force_over_clock_changes(
    change: tuple[str, str], interval: int, at: list[tuple[int, int]], m: int
) -> None:
    zone, day = ZoneInfo(change[0]), datetime.fromisoformat(change[1])
    recurrence = Recurrence(
        frequency=Frequency.DAY,
        interval=interval,
        at=tuple(sorted(at)),
        time_zone=zone.key,
        start=day - timedelta(days=2 * interval),
    )
    since = (day - timedelta(days=1, hours=12)).replace(tzinfo=UTC)
    until = since + timedelta(days=3)
    shown = shown_minutes(zone, since - timedelta(days=2), until)
    brute = sorted(
        {
            instant
            for local, instant in shown.items()
            if is_day_of(recurrence, local.date()) and (local.hour, local.minute) in at
        }
    )
    asked = since + timedelta(minutes=m)
    assert list(fires(recurrence, since=asked, until=until)) == [f for f in brute if asked < f <= until]


@given(zones.filter(lambda z: z != "Pacific/Apia"), times, st.integers(2012, 2029))
def test_one_time_of_day_fires_once_each_local_day(zone: str, at: tuple[int, int], year: int) -> None:
    recurrence = Recurrence(frequency=Frequency.DAY, at=(at,), time_zone=zone, start=datetime(year, 1, 1))
    until = instant_of(datetime(year, 12, 31, 23, 59), ZoneInfo(zone))
    days = [fire.astimezone(ZoneInfo(zone)).date() for fire in fires(recurrence, since=utc("2000-01-01"), until=until)]
    assert days == [date(year, 1, 1) + timedelta(days=n) for n in range(366 if calendar.isleap(year) else 365)]


@given(triggers, instants, st.timedeltas(timedelta(0), timedelta(days=20)))
def test_latest_fire_is_the_last_of_all(trigger: Recurrence | Cron, since: datetime, span: timedelta) -> None:
    until = since + min(span, timedelta(seconds=400) if isinstance(trigger, Recurrence) else span)
    every = list(fires(trigger, since=since, until=until))
    assert latest_fire(trigger, since=since, until=until) == (every[-1] if every else None)


@given(calendar_recurrences(), instants, st.timedeltas(timedelta(0), timedelta(days=300)))
def test_latest_fire_of_a_calendar_is_the_last_of_all(recurrence: Recurrence, since: datetime, span: timedelta) -> None:
    every = list(fires(recurrence, since=since, until=since + span))
    assert latest_fire(recurrence, since=since, until=since + span) == (every[-1] if every else None)


@given(elapsed_recurrences(), instants)
def test_elapsed_units_keep_their_length_through_clock_changes(recurrence: Recurrence, after: datetime) -> None:
    first, second = islice(fires(recurrence, since=after, until=after + timedelta(days=20_000)), 2)
    assert second - first == timedelta(**{f"{recurrence.frequency}s": recurrence.interval})
    start_at = instant_of(recurrence.start or UNSTATED_START, ZoneInfo(recurrence.time_zone))
    assert (first - start_at) % (second - first) == timedelta(0)
    assert first >= start_at


@given(
    st.sampled_from(["30 1 * * *", "0,30 1-2 * * *", "15 0,2 * * *"]), st.sampled_from(CHANGES), st.integers(0, 4320)
)
def test_cron_at_fixed_times_agrees_with_the_recurrence(
    expression: str, change: tuple[str, str, str], minutes: int
) -> None:
    zone, *days = change
    at = {
        "30 1 * * *": ((1, 30),),
        "0,30 1-2 * * *": ((1, 0), (1, 30), (2, 0), (2, 30)),
        "15 0,2 * * *": ((0, 15), (2, 15)),
    }[expression]
    for day in days:
        since = (datetime.fromisoformat(day) - timedelta(days=1)).replace(tzinfo=UTC) + timedelta(minutes=minutes)
        until = since + timedelta(days=2)
        daily = Recurrence(frequency=Frequency.DAY, at=at, time_zone=zone)
        cron = Cron(expression=expression, time_zone=zone)
        assert list(fires(cron, since=since, until=until)) == list(fires(daily, since=since, until=until))


def test_sunday_at_six_in_london_on_both_sides_of_summer() -> None:
    weekly = Recurrence(
        frequency=Frequency.WEEK, days=(6,), at=((6, 0),), time_zone="Europe/London", start=datetime(2026, 1, 4)
    )
    found = list(fires(weekly, since=utc("2026-03-20"), until=utc("2026-04-06")))
    assert found == [utc("2026-03-22T06:00"), utc("2026-03-29T05:00"), utc("2026-04-05T05:00")]


def test_a_start_in_the_past_gives_the_first_future_time_computed_from_it() -> None:
    every_other_day = Recurrence(frequency=Frequency.DAY, interval=2, start=datetime(2017, 9, 7, 14))
    assert next_fire(every_other_day, utc("2017-09-08T13:00")) == utc("2017-09-09T14:00")


def test_the_start_itself_is_a_fire_and_nothing_comes_before() -> None:
    hourly = Recurrence(frequency=Frequency.HOUR, interval=6, start=datetime(2026, 1, 1, 7, 30))
    assert next_fire(hourly, utc("1999-01-01")) == utc("2026-01-01T07:30")
    mondays = Recurrence(frequency=Frequency.WEEK, days=(0,), at=((10, 30),), start=datetime(2020, 9, 18, 8))
    assert next_fire(mondays, utc("2020-09-04")) == utc("2020-09-21T10:30")


def test_every_other_week_runs_monday_to_sunday_from_the_week_of_the_start() -> None:
    recurrence = Recurrence(frequency=Frequency.WEEK, interval=2, days=(0, 4), start=datetime(2026, 1, 7, 9))
    found = [f.date() for f in fires(recurrence, since=utc("2026-01-01"), until=utc("2026-02-07"))]
    assert found == [date(2026, 1, 9), date(2026, 1, 19), date(2026, 1, 23), date(2026, 2, 2), date(2026, 2, 6)]


def test_a_month_from_the_31st_ends_with_each_month() -> None:
    monthly = Recurrence(frequency=Frequency.MONTH, start=datetime(2028, 1, 31, 8))
    found = [f.date() for f in fires(monthly, since=utc("2028-01-01"), until=utc("2028-05-01"))]
    assert found == [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30)]


def test_a_skipped_time_fires_at_the_jump_and_a_repeated_one_the_first_time() -> None:
    daily = Recurrence(frequency=Frequency.DAY, at=((1, 30),), time_zone="Europe/London")
    assert next_fire(daily, utc("2026-03-28T12:00")) == utc("2026-03-29T01:00")
    assert next_fire(daily, utc("2026-03-29T01:00")) == utc("2026-03-30T00:30")
    assert next_fire(daily, utc("2026-10-24T12:00")) == utc("2026-10-25T00:30")
    assert next_fire(daily, utc("2026-10-25T00:30")) == utc("2026-10-26T01:30")


def test_cron_in_a_repeated_hour_fires_once_and_in_a_skipped_one_at_the_jump() -> None:
    cron = Cron(expression="30 1 * * *", time_zone="Europe/London")
    assert next_fire(cron, utc("2026-10-25T01:10")) == utc("2026-10-26T01:30")
    assert next_fire(cron, utc("2026-03-28T12:00")) == utc("2026-03-29T01:00")


def test_without_start_the_file_alone_decides() -> None:
    assert next_fire(Recurrence(frequency=Frequency.DAY), utc("2026-01-01T00:00")) == utc("2026-01-02T00:00")
    assert next_fire(Recurrence(frequency=Frequency.WEEK), utc("2026-01-01")) == utc("2026-01-05")
    assert next_fire(Recurrence(frequency=Frequency.MONTH), utc("2026-01-15")) == utc("2026-02-01")


def test_ten_years_of_missed_seconds_give_the_last_at_once() -> None:
    every_second = Recurrence(frequency=Frequency.SECOND)
    assert latest_fire(every_second, since=utc("2016-01-01"), until=utc("2026-01-01")) == utc("2026-01-01")


@pytest.mark.parametrize("zone", ZONES)
def test_since_the_beginning_of_time(zone: str) -> None:
    until = utc("2026-01-01T12:00")
    cron = Cron(expression="0 6 * * *", time_zone=zone)
    daily = Recurrence(frequency=Frequency.DAY, at=((6, 0),), time_zone=zone)
    expected = latest_fire(daily, since=utc("2025-12-30"), until=until)
    assert expected is not None
    for trigger in (cron, daily):
        assert latest_fire(trigger, since=datetime(1, 1, 2, tzinfo=UTC), until=until) == expected


def test_on_demand_is_never_due() -> None:
    assert next_fire(OnDemand(), utc("2026-01-01")) is None
    assert latest_fire(OnDemand(), since=utc("2026-01-01"), until=utc("2030-01-01")) is None


def test_the_calendar_ends() -> None:
    for frequency in Frequency:
        assert next_fire(Recurrence(frequency=frequency, interval=16), utc("9999-12-31T23:59:59")) is None


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        next_fire(OnDemand(), datetime(2026, 1, 1))


def test_hours_and_minutes_as_power_automate_means_them() -> None:
    start = datetime(2026, 1, 4, 7, 25)
    assert times_of_day([], [], start) == ()
    assert times_of_day([16, 8], [45, 30], start) == ((8, 30), (8, 45), (16, 30), (16, 45))
    assert times_of_day([8], [], start) == ((8, 25),)
    assert times_of_day([], [30], start) == ((7, 30),)
    assert times_of_day([8], [], None) == ((8, 0),)
