"""What is wrong with a trigger as somebody wrote it: a sentence for each fault, beside the field it belongs to.

In: a trigger. Out: every fault, none raised; whoever read the file adds file, line and column. The limits are those of
Power Automate (https://learn.microsoft.com/azure/connectors/connectors-native-recurrence), so that a schedule can move
in either direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from earmark.model.nearest import nearest
from earmark.model.trigger import Cron, Frequency, OnDemand, Recurrence, Trigger
from earmark.model.windows_zones import WINDOWS_ZONES, iana_zone

MOST_INTERVAL = {
    Frequency.SECOND: 9_999_999,
    Frequency.MINUTE: 72_000,
    Frequency.HOUR: 12_000,
    Frequency.DAY: 500,
    Frequency.WEEK: 71,
    Frequency.MONTH: 16,
}
EARLIEST_START, LATEST_START = datetime(1970, 1, 1), datetime(9000, 1, 1)


class TriggerFault(NamedTuple):
    """One fault of a trigger."""

    field: str
    """The field of the flow file: frequency, interval, days, at, time_zone, start or cron."""
    message: str
    """A sentence: the thing, the fault, what is expected."""


def check_trigger(trigger: Trigger) -> list[TriggerFault]:
    """Every fault of a trigger; `next_fire` is for those without any."""
    match trigger:
        case Recurrence():
            return check_recurrence(trigger)
        case Cron():
            return check_cron(trigger)
        case OnDemand():
            return []


def check_recurrence(recurrence: Recurrence) -> list[TriggerFault]:
    """Every fault of a recurrence."""
    return [
        *_interval_faults(recurrence),
        *_day_faults(recurrence),
        *_time_faults(recurrence),
        *_zone_faults(recurrence.time_zone),
        *_start_faults(recurrence.start),
    ]


def check_cron(cron: Cron) -> list[TriggerFault]:
    """Every fault of a cron trigger."""
    return [*_cron_faults(cron.expression), *_zone_faults(cron.time_zone)]


def resolve_zone(name: str) -> str | None:
    """The IANA name of a zone given by its IANA or Windows name; None when there is no such zone."""
    zone = iana_zone(name) or name
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # unknown; and what is no name: empty, a path, a folder of zones
        return None
    return zone


def _interval_faults(recurrence: Recurrence) -> Iterator[TriggerFault]:
    most = MOST_INTERVAL[recurrence.frequency]
    if not 1 <= recurrence.interval <= most:
        unit = recurrence.frequency.value
        yield TriggerFault(
            "interval",
            f"An interval of {recurrence.interval:,} {unit}s is out of range: with {unit} it is 1 to {most:,}.",
        )


def _day_faults(recurrence: Recurrence) -> Iterator[TriggerFault]:
    if recurrence.days and recurrence.frequency is not Frequency.WEEK:
        yield TriggerFault(
            "days", f"Days go with frequency week only, and the frequency is {recurrence.frequency.value}."
        )
    if not set(recurrence.days) <= set(range(7)):
        yield TriggerFault("days", "A day is one of monday, tuesday, wednesday, thursday, friday, saturday and sunday.")
    if len(set(recurrence.days)) < len(recurrence.days):
        yield TriggerFault("days", "A day is named twice; each counts once, so name it once.")


def _time_faults(recurrence: Recurrence) -> Iterator[TriggerFault]:
    if recurrence.at and recurrence.frequency not in (Frequency.DAY, Frequency.WEEK):
        yield TriggerFault(
            "at", f"Times of day go with frequency day or week only, and the frequency is {recurrence.frequency.value}."
        )
    for hour, minute in recurrence.at:
        if not (0 <= hour <= 23 and 0 <= minute <= 59):
            yield TriggerFault("at", f"{hour}:{minute:02} is no time of day; expected 00:00 to 23:59.")
    if len(set(recurrence.at)) < len(recurrence.at):
        yield TriggerFault("at", "A time of day is named twice; each counts once, so name it once.")


def _zone_faults(name: str) -> Iterator[TriggerFault]:
    if resolve_zone(name) is not None:
        return
    near = nearest(name, (*sorted(available_timezones()), *WINDOWS_ZONES))
    guess = f"did you mean {near}?" if near else "write an IANA name such as Europe/London."
    yield TriggerFault("time_zone", f"The time zone {name!r} is not known; {guess}")


def _start_faults(start: datetime | None) -> Iterator[TriggerFault]:
    if start is None:
        return
    if start.tzinfo is not None:
        yield TriggerFault("start", f"The start {start.isoformat()} has a zone of its own; it is read in time_zone.")
    elif not EARLIEST_START <= start < LATEST_START:
        yield TriggerFault(
            "start", f"The start {start.isoformat()} is out of range: it lies in the years 1970 to 8999."
        )


def _cron_faults(expression: str) -> Iterator[TriggerFault]:
    fields = len(expression.split())
    if fields != 5:
        yield TriggerFault(
            "cron",
            f"The cron expression {expression!r} has {fields} fields; expected five: "
            "minute, hour, day of month, month, day of week.",
        )
        return
    try:
        first = next(CronSim(expression, datetime(2001, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        fault = str(error).removeprefix("Bad ").replace("-", " ")
        yield TriggerFault("cron", f"The cron expression {expression!r} has a {fault} that cannot be read.")
        return
    if first is None:
        yield TriggerFault("cron", f"The cron expression {expression!r} names no day that there is, so it never fires.")
