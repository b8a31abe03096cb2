"""When a flow is due: recurrence, cron or on demand.

In: a trigger that `trigger_rules` found no fault with, and moments. Out: the moments at which it fires, aware and UTC.
Nothing here reads a clock or remembers a run: what was missed follows from `since` and `until`, and saving a file fires
nothing.

A recurrence means what Power Automate's does, with these points settled where that documentation is silent or depends
on the moment of saving (https://learn.microsoft.com/azure/connectors/connectors-native-recurrence):

- Without `start`, intervals count from Monday 2001-01-01 00:00 in the trigger's zone: the file alone decides.
- Seconds, minutes and hours are elapsed time: every 6 hours is 6 hours, also in the night when clocks change.
- Days, weeks and months are read off the wall clock. A time that the clocks skip fires once, at the instant they jump;
  a time that they show twice fires the first time only.
- Weeks run from Monday to Sunday (as in iCalendar), and the week that holds `start` is the first.
- Months keep the start's day; in a shorter month that is its last day, and the next long month has the day again.
- Without `at`, the time of day is that of `start`; without `days`, the weekday is that of `start`.

Cron is Debian's, by cronsim: fixed times fire as above; with a star in the minutes or hours, real time counts, in both
passes of a repeated hour.
"""

from __future__ import annotations

import calendar
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import count
from zoneinfo import ZoneInfo

from cronsim import CronSim

UNSTATED_START = datetime(2001, 1, 1)
"""What intervals count from when a recurrence names no start: a Monday, the first of a month and of a year."""


class Frequency(StrEnum):
    """The unit of a recurrence."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


ELAPSED = {
    Frequency.SECOND: timedelta(seconds=1),
    Frequency.MINUTE: timedelta(minutes=1),
    Frequency.HOUR: timedelta(hours=1),
}
"""The units that are lengths of time; the others are read off a calendar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """Every `interval` of `frequency`, on some days, at some times of day."""

    frequency: Frequency
    interval: int = 1
    days: tuple[int, ...] = ()
    """Monday 0 to Sunday 6; only with week."""
    at: tuple[tuple[int, int], ...] = ()
    """(hour, minute) times of day, sorted; only with day or week."""
    time_zone: str = "UTC"
    """IANA name."""
    start: datetime | None = None
    """Naive, in `time_zone`: nothing fires before it and intervals count from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Five cron fields, read in `time_zone`."""

    expression: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDemand:
    """Never due by itself."""


Trigger = Recurrence | Cron | OnDemand


def next_fire(trigger: Trigger, after: datetime) -> datetime | None:
    """The first fire strictly after `after`; None when there is none."""
    if after.tzinfo is None:
        raise ValueError(f"an instant carries its zone, and {after.isoformat()} has none")
    try:
        match trigger:
            case Recurrence():
                return _next_recurrence(trigger, after.astimezone(UTC))
            case Cron():
                return _next_cron(trigger, after.astimezone(UTC))
            case OnDemand():
                return None
    except OverflowError:  # past the last day that a date can name
        return None


def fires(trigger: Trigger, *, since: datetime, until: datetime) -> Iterator[datetime]:
    """Every fire after `since` up to and including `until`, in order."""
    fire = next_fire(trigger, since)
    while fire is not None and fire <= until:
        yield fire
        fire = next_fire(trigger, fire)


def latest_fire(trigger: Trigger, *, since: datetime, until: datetime) -> datetime | None:
    """The latest fire after `since` up to and including `until`: the one that is due; earlier ones are not made up.

    `next_fire` never falls while its argument rises, and fires fall on whole seconds, so a bisection finds it, however
    many were missed.
    """
    first = next_fire(trigger, since)
    if first is None or first > until:
        return None

    def none_left(seconds: int) -> bool:
        following = next_fire(trigger, first + timedelta(seconds=seconds))
        return following is None or following > until

    span = range((until - first) // timedelta(seconds=1))
    return first + timedelta(seconds=bisect_left(span, True, key=none_left))


def times_of_day(hours: Iterable[int], minutes: Iterable[int], start: datetime | None) -> tuple[tuple[int, int], ...]:
    """Power Automate's hours and minutes as `at`: each minute of each hour; what is not given is the start's."""
    hours, minutes, start = set(hours), set(minutes), start or UNSTATED_START
    if not hours and not minutes:
        return ()
    return tuple(
        (hour, minute) for hour in sorted(hours or {start.hour}) for minute in sorted(minutes or {start.minute})
    )


def _next_recurrence(recurrence: Recurrence, after: datetime) -> datetime | None:
    zone = ZoneInfo(recurrence.time_zone)
    start = (recurrence.start or UNSTATED_START).replace(microsecond=0)
    start_at = instant_of(start, zone)
    after = max(after, start_at - timedelta.resolution)
    if recurrence.frequency in ELAPSED:
        step = ELAPSED[recurrence.frequency] * recurrence.interval
        return start_at + ((after - start_at) // step + 1) * step
    times = [time(*hour_minute) for hour_minute in sorted(recurrence.at)] or [start.time()]
    for day in _days(recurrence, start.date(), after.astimezone(zone).date()):
        for time_of_day in times:
            fire = instant_of(datetime.combine(day, time_of_day), zone)
            if fire > after:
                return fire
    return None


def _days(recurrence: Recurrence, first: date, since: date) -> Iterator[date]:
    """The days of a recurrence that started on `first`, from `since` on."""
    since, interval = max(first, since), recurrence.interval
    match recurrence.frequency:
        case Frequency.WEEK:
            monday = first - timedelta(days=first.weekday())
            weekdays = sorted(recurrence.days) or [first.weekday()]
            elapsed = (since - monday).days // 7
            days = (
                monday + timedelta(weeks=week, days=weekday)
                for week in count(elapsed - elapsed % interval, interval)
                for weekday in weekdays
            )
        case Frequency.MONTH:
            elapsed = (since.year - first.year) * 12 + since.month - first.month
            days = (_months_later(first, months) for months in count(elapsed - elapsed % interval, interval))
        case _:
            elapsed = (since - first).days
            days = (first + timedelta(days=day) for day in count(elapsed - elapsed % interval, interval))
    return (day for day in days if day >= since)


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or the last day of that month where it is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if year > MAXYEAR:
        raise OverflowError(f"year {year}")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which clocks in `zone` show the naive `local`; if they skip it, that at which they jump."""
    usual = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if usual.astimezone(zone).replace(tzinfo=None) == local:
        return usual
    # In a skipped time, fold 0 counts with the offset before the jump and lands after it; fold 1 the other way round.
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    new_offset = usual.astimezone(zone).utcoffset()

    def has_jumped(seconds: int) -> bool:
        return (before + timedelta(seconds=seconds)).astimezone(zone).utcoffset() == new_offset

    span = range((usual - before) // timedelta(seconds=1))
    return before + timedelta(seconds=bisect_left(span, True, key=has_jumped))


def _next_cron(cron: Cron, after: datetime) -> datetime | None:
    local = after if cron.time_zone == "UTC" else after.astimezone(ZoneInfo(cron.time_zone))
    # In the second pass of a repeated hour cronsim may name the first pass once more.
    instants = (fire.astimezone(UTC) for fire in CronSim(cron.expression, local))
    return next((fire for fire in instants if fire > after), None)
