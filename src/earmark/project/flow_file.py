"""The shape of a flow's file: every key that may stand in it, as pydantic models that also give the JSON Schema.

Only shape and single values are judged here; what binds keys together (a template needs values, one of query, file and
list) is in `flow_rules`, so that one fault never hides another.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from earmark.model.flow import Action, Adopt, Approval, OnDrift, Silent
from earmark.model.trigger import Frequency
from earmark.project.scalars import (
    Duration,
    Expiry,
    Moment,
    Name,
    PathText,
    PositiveDuration,
    Share,
    TagText,
    Text,
    TimeOfDay,
)
from earmark.project.shape import Strict

WEEK_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _any_case(words: tuple[str, ...]) -> tuple[BeforeValidator, WithJsonSchema]:
    """Words that Power Automate writes with a capital."""
    schema = {"enum": [*words, *(word.capitalize() for word in words)]}
    return BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value), WithJsonSchema(schema)


def _digits(value: object) -> object:
    """Power Automate exports hours and minutes as text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 3 else value


WeekDay = Annotated[
    Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], *_any_case(WEEK_DAYS)
]
FrequencyWord = Annotated[Frequency, Field(strict=False), *_any_case(tuple(f.value for f in Frequency))]


def _number_or_digits(most: int, pattern: str) -> WithJsonSchema:
    number = {"type": "integer", "minimum": 0, "maximum": most}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": f"^({pattern})$"}]})


HourNumber = Annotated[int, Field(ge=0, le=23), BeforeValidator(_digits), _number_or_digits(23, "[01]?[0-9]|2[0-3]")]
MinuteNumber = Annotated[int, Field(ge=0, le=59), BeforeValidator(_digits), _number_or_digits(59, "[0-5]?[0-9]")]


def _one_of(*keys: str) -> dict[str, Any]:
    return {"oneOf": [{"required": [key]} for key in keys]}


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class ScheduleFile(Strict):
    """Power Automate's `schedule`."""

    weekDays: Annotated[tuple[WeekDay, ...], BeforeValidator(_as_tuple)] = ()
    """Days of the week; only with week."""
    hours: Annotated[tuple[HourNumber, ...], BeforeValidator(_as_tuple)] = ()
    """Hours of the day, 0 to 23; only with day or week."""
    minutes: Annotated[tuple[MinuteNumber, ...], BeforeValidator(_as_tuple)] = ()
    """Minutes of those hours, 0 to 59; only with day or week."""


class RecurrenceFile(Strict):
    """Every so many seconds, minutes, hours, days, weeks or months."""

    frequency: FrequencyWord
    """The unit: second, minute, hour, day, week or month."""
    interval: Annotated[int, Field(ge=1)] = 1
    """How many units lie between two runs."""
    days: Annotated[tuple[WeekDay, ...], BeforeValidator(_as_tuple)] = ()
    """Days of the week; only with week."""
    at: Annotated[tuple[TimeOfDay, ...], BeforeValidator(_as_tuple)] = ()
    """Times of day, such as ["06:00"]; only with day or week."""
    time_zone: Text | None = None
    """An IANA zone (Europe/London) or a Windows zone (GMT Standard Time); UTC when not given."""
    start: Moment | None = None
    """Nothing runs before it, and intervals count from it."""
    timeZone: Text | None = None
    """Power Automate's name for `time_zone`."""
    startTime: Moment | None = None
    """Power Automate's name for `start`."""
    schedule: ScheduleFile | None = None
    """Power Automate's way of giving days and times."""


class TriggerFile(Strict):
    """When the flow is due: one of recurrence, cron, on_demand."""

    model_config = ConfigDict(json_schema_extra=_one_of("recurrence", "cron", "on_demand"))

    recurrence: RecurrenceFile | None = None
    """Every so often."""
    cron: Text | None = None
    """Five cron fields, such as "0 6 * * 0"."""
    on_demand: Literal[True] | None = None
    """Never due by itself."""
    time_zone: Text | None = None
    """The zone of `cron`; UTC when not given."""


class HuntFile(Strict):
    """Where the devices come from: one of query, file, list."""

    model_config = ConfigDict(json_schema_extra=_one_of("query", "file", "list"))

    query: Text | None = None
    """KQL."""
    file: PathText | None = None
    """A .kql file, relative to the flow's own file."""
    list: Text | None = None
    """A list that is itself the source of devices."""
    device: Text = "DeviceId"
    """The column that names the device; DeviceName where names are unambiguous."""
    evidence: Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)] | None = None
    """Columns kept as the reason; all of them when not given."""
    window: PositiveDuration | None = None
    """How far back the hunt looks; read from the query where that can be done."""


class ValuesFromList(Strict):
    """A template's values from a list's column."""

    list: Text
    """The list's name."""
    column: Text
    """Its column."""


def _values_arm(value: object) -> str:
    return "(from list)" if isinstance(value, dict) else "(names)"


Values = Annotated[
    Annotated[tuple[TagText, ...], BeforeValidator(_as_tuple), Field(min_length=1), Tag("(names)")]
    | Annotated[ValuesFromList, Tag("(from list)")],
    Discriminator(_values_arm),
]


class TagFile(Strict):
    """Which tag, and what is done with it."""

    value: TagText
    """The tag, or a template over a column of the hunt: "Department: {Department}"."""
    values: Values | None = None
    """What the template's column may hold."""
    action: Annotated[Action, Field(strict=False)] = Action.SYNC
    """sync adds and removes; add only adds; remove takes the tag from the devices found."""
    adopt: Annotated[Adopt, Field(strict=False)] = Adopt.NEVER
    """Tags that stood before: never owned, owned where the hunt confirms them (matching), or all, stale ones too."""
    on_drift: Annotated[OnDrift, Field(strict=False)] = OnDrift.REPORT
    """A tag removed by hand: report it, reassert it, or accept."""
    keep_for: Duration | None = None
    """Grace, counted from the first complete "no match"; none when not given."""
    expires: Expiry | None = None
    """A date or a duration after which the tag goes, whatever hunts say."""
    exclusive: None = None
    """Not supported in this version: must be null."""
    foreign: bool = False
    """With action remove: also tags that Earmark does not own; always held for approval."""


class GuardFile(Strict):
    """Limits on what one plan may change for the flow; the project's where not given."""

    max_additions: Annotated[int, Field(ge=0)] | None = None
    """Most tags one plan may add."""
    max_removals: Annotated[int, Field(ge=0)] | None = None
    """Most tags one plan may remove."""
    max_removal_share: Share | None = None
    """Most of the flow's owned tags that one plan may remove, such as 20%."""
    max_shrink: Share | None = None
    """How far the number of devices found may fall below that of the last complete run, such as 50%."""


class FlowFile(Strict):
    """A flow: trigger, hunt, tag and guard."""

    flow: Name
    """The flow's name."""
    description: str | None = None
    """What it is for."""
    owner: str | None = None
    """Who answers for it."""
    trigger: TriggerFile
    """When it is due."""
    hunt: HuntFile
    """Which devices it finds."""
    tag: TagFile
    """Which tag they get."""
    silent: Annotated[Silent, Field(strict=False)] = Silent.KEEP
    """A device that sent nothing within the window: keep its tag, or remove it."""
    guard: GuardFile | None = None
    """Limits on what one plan may change."""
    approval: Annotated[Approval, Field(strict=False)] = Approval.NONE
    """Which changes wait for a person: none, removals or always."""
