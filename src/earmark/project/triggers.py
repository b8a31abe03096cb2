"""The trigger of a flow's file: one of three notations in, a `Trigger` or findings at their places out.

Power Automate's names are read as ours: `startTime` is `start`, `timeZone` is `time_zone`, `schedule` gives days and
times. What a trigger may be is judged in the model; here its faults get their places.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from earmark.model.finding import Finding
from earmark.model.trigger import Cron, OnDemand, Recurrence, Trigger, times_of_day
from earmark.model.trigger_rules import check_trigger, resolve_zone
from earmark.project.codes import Code
from earmark.project.flow_file import WEEK_DAYS, RecurrenceFile, TriggerFile
from earmark.project.yaml_nodes import MappingNode, Node, find

_SAME = (("time_zone", "timeZone"), ("start", "startTime"), ("days", "schedule"), ("at", "schedule"))
_PLACES = {
    "frequency": (("frequency",),),
    "interval": (("interval",),),
    "days": (("days",), ("schedule", "weekDays")),
    "at": (("at",), ("schedule", "hours"), ("schedule", "minutes")),
    "time_zone": (("time_zone",), ("timeZone",)),
    "start": (("start",), ("startTime",)),
    "cron": (("cron",),),
}
"""Where a field of the model stands in a file."""
_CODES = {"time_zone": Code.TIME_ZONE, "cron": Code.CRON}


def read_trigger(file: TriggerFile, node: Node) -> tuple[Trigger | None, list[Finding]]:
    """The trigger that a file states; how many of the three notations stand there is judged elsewhere."""
    findings: list[Finding] = []
    trigger: Trigger | None = OnDemand() if file.on_demand else None
    if file.recurrence is not None and (recurrence := find(node, "recurrence")) is not None:
        node, findings = recurrence, _check_twice(recurrence)
        findings += _check_zoned_start(file.recurrence, recurrence) + _check_minutes(file.recurrence, recurrence)
        trigger = _recurrence(file.recurrence)
    elif file.cron is not None:
        trigger = Cron(expression=file.cron, time_zone=_zone(file.time_zone))
    for fault in check_trigger(trigger) if trigger is not None else ():
        place = next((found for path in _PLACES[fault.field] if (found := find(node, *path)) is not None), node)
        findings.append(place.finding(_CODES.get(fault.field, Code.RECURRENCE), fault.message))
    return trigger, findings


def _zone(name: str | None) -> str:
    """The IANA name; an unknown one is kept, for the model to refuse."""
    return resolve_zone(name) or name if name is not None else "UTC"


def _recurrence(file: RecurrenceFile) -> Recurrence:
    zone = _zone(file.time_zone or file.timeZone)
    start = file.start or file.startTime
    if start is not None and start.tzinfo is not None:
        # as in Power Automate: a start in UTC makes the whole schedule run in UTC
        zone = "UTC" if not start.utcoffset() else zone
        start = start.astimezone(ZoneInfo(resolve_zone(zone) or "UTC")).replace(tzinfo=None)
    days = file.days or (file.schedule.weekDays if file.schedule else ())
    return Recurrence(
        frequency=file.frequency,
        interval=file.interval,
        days=tuple(sorted({WEEK_DAYS.index(day) for day in days})),
        at=_times(file, start),
        time_zone=zone,
        start=start,
    )


def _times(file: RecurrenceFile, start: datetime | None) -> tuple[tuple[int, int], ...]:
    if file.schedule is not None and (file.schedule.hours or file.schedule.minutes):
        return times_of_day(file.schedule.hours, file.schedule.minutes, start)
    return tuple(sorted({(moment.hour, moment.minute) for moment in file.at}))


def _check_twice(node: Node) -> list[Finding]:
    findings = []
    for ours, theirs in _SAME:
        key = node.key(theirs) if isinstance(node, MappingNode) else None
        if key is not None and find(node, ours) is not None:
            message = f"`{ours}` and `{theirs}` say the same thing twice."
            findings.append(key.finding(Code.EXCLUSIVE_KEYS, message, "Keep one of them."))
    return findings


def _check_zoned_start(file: RecurrenceFile, node: Node) -> list[Finding]:
    start, zone = file.start or file.startTime, file.time_zone or file.timeZone
    place = find(node, "time_zone") or find(node, "timeZone")
    if start is None or start.utcoffset() is None or start.utcoffset() or zone is None or place is None:
        return []
    if resolve_zone(zone) in ("UTC", "Etc/UTC"):
        return []
    message = f"The start is given in UTC, so that the schedule runs in UTC and the time zone `{zone}` has no effect."
    return [place.finding(Code.NO_EFFECT, message, "Take the Z from the start, or remove the time zone.")]


def _check_minutes(file: RecurrenceFile, node: Node) -> list[Finding]:
    schedule = file.schedule
    if schedule is None or schedule.hours or not schedule.minutes or file.start or file.startTime:
        return []
    message = "`schedule.minutes` without `schedule.hours` or a start does not say at which hour."
    return [(find(node, "schedule", "minutes") or node).finding(Code.RECURRENCE, message, "Add hours.")]
