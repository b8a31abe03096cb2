"""ISO 8601 spans of time, as the `Timespan` of a hunt takes them.

Five forms: start/end, duration/end, start/duration, a duration back from now, a start up to now
(https://learn.microsoft.com/graph/api/security-security-runhuntingquery).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from earmark.estates.embedded.physical import ticks_of

DEFAULT = timedelta(days=30)
"""How far back a hunt looks that says nothing of it."""
_DURATION = re.compile(
    r"P(?=.)(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})W)?(?:(\d{1,6}(?:\.\d{1,7})?)D)?"
    r"(?:T(?=.)(?:(\d{1,9}(?:\.\d{1,7})?)H)?(?:(\d{1,9}(?:\.\d{1,7})?)M)?(?:(\d{1,12}(?:\.\d{1,7})?)S)?)?",
    re.ASCII,
)
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)


class TimespanFault(Exception):
    """A span of time that cannot be read, as a sentence."""


def read_timespan(text: str | None, now: datetime) -> tuple[datetime, datetime]:
    """Begin and end of a span; without one, the last 30 days."""
    if text is None or not text.strip():
        return now - DEFAULT, now
    first, slash, second = text.strip().partition("/")
    try:
        begin, end = _span(first.strip(), second.strip() if slash else None, now)
    except OverflowError:
        raise TimespanFault(f"The timespan '{text[:100]}' reaches out of the calendar.") from None
    if begin > end:
        raise TimespanFault(f"The timespan '{text[:100]}' ends before it begins.")
    return begin, end


def _span(first: str, second: str | None, now: datetime) -> tuple[datetime, datetime]:
    if second is None:
        return (now - read_duration(first), now) if first[:1] in ("P", "p") else (read_instant(first), now)
    if first[:1] in ("P", "p"):
        end = read_instant(second)
        return end - read_duration(first), end
    begin = read_instant(first)
    if second[:1] in ("P", "p"):
        return begin, begin + read_duration(second)
    return begin, read_instant(second)


def read_duration(text: str) -> timedelta:
    """`P30D`, `PT1H30M`, `P1W`; a year counts as 365 days and a month as 30."""
    match = _DURATION.fullmatch(text.upper())
    if match is None:
        raise TimespanFault(f"'{text[:100]}' is not an ISO 8601 duration; write one like P30D or PT12H.")
    years, months, weeks, days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return timedelta(days=years * 365 + months * 30 + weeks * 7 + days, hours=hours, minutes=minutes, seconds=seconds)


def read_instant(text: str) -> datetime:
    """An ISO 8601 date, with or without a time; without a zone in UTC."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise TimespanFault(f"'{text[:100]}' is not an ISO 8601 date and time; write one like 2026-01-05T08:00:00Z.")
    day, clock, seconds, fraction, zone = match.groups(default="")
    zone = "+00:00" if zone in ("", "Z", "z") else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}:{seconds or '00'}.{fraction:0<6.6}{zone}")
    except ValueError:
        raise TimespanFault(f"'{text[:100]}' is not a date and time that exists.") from None
    return moment.astimezone(UTC)


def read_ticks(text: str) -> int:
    """The ticks of an instant, exact to all seven digits of a second."""
    moment = read_instant(text)
    fraction = re.search(r"\.(\d{1,7})", text)
    digits = f"{fraction[1]:0<7}" if fraction else "0000000"
    return ticks_of(moment.replace(microsecond=0)) + int(digits)
