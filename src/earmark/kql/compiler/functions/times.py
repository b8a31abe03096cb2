"""Functions of time: everything is counted in ticks."""

from __future__ import annotations

import zoneinfo
from typing import Final

from earmark.kql.base import PHYSICAL
from earmark.kql.compiler.conversions import convert
from earmark.kql.compiler.functions.base import Builder, Call, template
from earmark.kql.compiler.functions.formats import date_pieces, span_pieces
from earmark.kql.compiler.literals import TICKS
from earmark.kql.compiler.scalar import Scalar, quoted

_DAY = TICKS["d"]
_UNITS: Final = {
    "week": 7 * _DAY, "day": _DAY, "hour": TICKS["h"], "minute": TICKS["m"], "second": TICKS["s"],
    "millisecond": TICKS["ms"], "microsecond": TICKS["us"],
}  # fmt: skip
_MONTHS: Final = {"year": 12, "quarter": 3, "month": 1}
_CENTURY = 36_525 * _DAY


def _now(call: Call) -> Scalar:
    if not len(call):
        return Scalar(sql=call.scope.now_sql, type="datetime", nullable=False, atomic=True)
    return shifted(
        call,
        Scalar(sql=call.scope.now_sql, type="datetime", nullable=False, atomic=True),
        "+",
        call.as_type(0, "timespan"),
    )


def _ago(call: Call) -> Scalar:
    return shifted(
        call,
        Scalar(sql=call.scope.now_sql, type="datetime", nullable=False, atomic=True),
        "-",
        call.as_type(0, "timespan"),
    )


def shifted(call: Call, moment: Scalar, operator: str, span: Scalar) -> Scalar:
    """A moment earlier or later; null outside the years 1 to 9999."""
    sql = f"{moment.inner} {operator} {span.inner}"
    if moment.sql == call.scope.now_sql and span.is_const and span.const is not None and abs(span.const) < _CENTURY:
        return call.give(sql, "datetime", nullable=False)
    call.scope.require_macro("k_in_time")
    return call.give(f"k_in_time({sql})", "datetime")


def _start(unit: str, call: Call, extra: int = 0) -> str:
    """SQL for the start of a moment's day, week, month or year, some periods later."""
    moment = call.scope.hoist(call.as_type(0, "datetime")).sql
    offset = f"{call.as_type(1, 'long').inner} + {extra}" if len(call) == 2 else str(extra)
    if unit in ("day", "week"):
        days = f"({moment} // {_DAY})" if unit == "day" else f"({moment} // {_DAY} - ({moment} // {_DAY} + 1) % 7)"
        return f"({days} + ({offset}) * {7 if unit == 'week' else 1}) * {_DAY}"
    call.scope.require_macro("k_ts")
    call.scope.require_macro("k_ticks")
    begun = f"date_trunc('{unit}', k_ts({moment}))"
    later = begun if offset == "0" else f"{begun} + to_months((({offset}) * {_MONTHS[unit]})::INTEGER)"
    return f"TRY(k_ticks({later}))"


def _starting(unit: str) -> Builder:
    return lambda call: call.give(call.macro("k_in_time", _start(unit, call)), "datetime")


def _ending(unit: str) -> Builder:
    return lambda call: call.give(call.macro("k_in_time", f"{_start(unit, call, 1)} - 1"), "datetime")


def _unit(call: Call, position: int = 0) -> str:
    unit = call.constant(position)
    if not isinstance(unit, str):
        raise call.refuse("the unit must be a constant string", position)
    return unit.lower()


def _datetime_add(call: Call) -> Scalar:
    unit, amount, moment = _unit(call), call.as_type(1, "long"), call.as_type(2, "datetime")
    if unit in _UNITS:
        return call.give(call.macro("k_in_time", f"{moment.inner} + {amount.inner} * {_UNITS[unit]}"), "datetime")
    if unit not in _MONTHS:
        raise call.refuse(
            f"the unit '{unit}' is not known; use year, quarter, month, week, day, hour, minute, second …", 0
        )
    call.scope.require_macro("k_ts")
    call.scope.require_macro("k_ticks")
    moment = call.scope.hoist(moment)
    added = f"k_ts({moment.sql}) + to_months(({amount.inner} * {_MONTHS[unit]})::INTEGER)"
    return call.give(call.macro("k_in_time", f"TRY(k_ticks({added})) + {moment.sql} % 10"), "datetime")


def _datetime_diff(call: Call) -> Scalar:
    unit = _unit(call)
    later, earlier = (call.scope.hoist(call.as_type(position, "datetime")) for position in (1, 2))
    null = later.nullable or earlier.nullable
    if unit in _MONTHS:
        call.scope.require_macro("k_ts")
        sides = [f"({_period(unit, side.sql)})" for side in (later, earlier)]
        return whole(call, " - ".join(sides), nullable=null)
    if unit == "week":
        weeks = [f"(({side.sql} // {_DAY} + 1) // 7)" for side in (later, earlier)]
        return whole(call, " - ".join(weeks), nullable=null)
    if unit == "nanosecond":
        return call.give(f"({later.sql} - {earlier.sql}) * 100", "long", nullable=null)
    if unit not in _UNITS:
        raise call.refuse(
            f"the unit '{unit}' is not known; use year, quarter, month, week, day, hour, minute, second …", 0
        )
    sides = [f"{side.sql} // {_UNITS[unit]}" for side in (later, earlier)]
    return call.give(" - ".join(sides), "long", nullable=null)


def _period(unit: str, moment: str) -> str:
    if unit == "year":
        return f"year(k_ts({moment}))"
    return f"year(k_ts({moment})) * {12 // _MONTHS[unit]} + {unit}(k_ts({moment}))"


_PARTS: Final = {
    "year": "year(k_ts({0}))", "quarter": "quarter(k_ts({0}))", "month": "month(k_ts({0}))", "day": "day(k_ts({0}))",
    "dayofyear": "dayofyear(k_ts({0}))", "week_of_year": "weekofyear(k_ts({0}))", "weekofyear": "weekofyear(k_ts({0}))",
    "hour": f"{{0}} // {TICKS['h']} % 24", "minute": f"{{0}} // {TICKS['m']} % 60",
    "second": f"{{0}} // {TICKS['s']} % 60",
    "millisecond": f"{{0}} // {TICKS['ms']} % 1000", "microsecond": "{0} // 10 % 1000000",
    "nanosecond": "{0} % 10000000 * 100",
}  # fmt: skip


def _part(unit: str) -> Builder:
    def build(call: Call) -> Scalar:
        call.scope.require_macro("k_ts")
        moment = call.as_type(0, "datetime")
        return whole(call, _PARTS[unit].format(moment.inner), nullable=moment.nullable)

    return build


def whole(call: Call, sql: str, *, nullable: bool) -> Scalar:
    """A whole number in the type that the language service gives the call; the engine itself may answer in a wider
    one.
    """
    kind = call.type if call.type in ("int", "long", "real") else "long"
    return call.give(f"({sql})::{PHYSICAL[kind]}", kind, nullable=nullable)


def _datetime_part(call: Call) -> Scalar:
    unit = _unit(call)
    if unit not in _PARTS:
        raise call.refuse(
            f"the part '{unit}' is not known; use year, quarter, month, week_of_year, day, dayOfYear, hour …", 0
        )
    call.scope.require_macro("k_ts")
    moment = call.as_type(1, "datetime")
    return whole(call, _PARTS[unit].format(moment.inner), nullable=moment.nullable)


def _make_datetime(call: Call) -> Scalar:
    if len(call) not in (3, 4, 5, 6):
        raise call.refuse("is known here with 3 to 6 arguments")
    numbers = [call.as_type(position, "long").inner for position in range(min(len(call), 5))] + ["0"] * (5 - len(call))
    call.scope.require_macro("k_ticks")
    seconds = call.as_type(5, "real").inner if len(call) == 6 else "0::DOUBLE"
    whole = f"k_ticks(make_timestamp({', '.join(numbers)}, 0))"
    inside = f"CASE WHEN {seconds} >= 0 AND {seconds} < 60 THEN floor({seconds} * {TICKS['s']})::BIGINT END"
    return call.give(f"TRY({whole}) + {inside}", "datetime")


def _make_timespan(call: Call) -> Scalar:
    if len(call) not in (2, 3, 4):
        raise call.refuse("is known here with 2 to 4 arguments")
    units = {2: "hm", 3: "hms", 4: "dhms"}[len(call)]
    terms = [
        f"({call.as_type(position, 'real').inner} * {TICKS[unit]})::BIGINT"
        if unit == "s"
        else f"{call.as_type(position, 'long').inner} * {TICKS[unit]}"
        for position, unit in enumerate(units)
    ]
    return call.give(" + ".join(terms), "timespan")


def _format_datetime(call: Call) -> Scalar:
    moment = call.scope.hoist(call.as_type(0, "datetime"))
    pieces = date_pieces(_format(call), moment.sql)
    call.scope.require_macro("k_ts")
    return call.give(f"coalesce({' || '.join(pieces)}, '')", "string")


def _format_timespan(call: Call) -> Scalar:
    span = call.scope.hoist(call.as_type(0, "timespan"))
    return call.give(f"coalesce({' || '.join(span_pieces(_format(call), span.sql))}, '')", "string")


def _format(call: Call) -> str:
    text = call.constant(1)
    if not isinstance(text, str) or not text:
        raise call.refuse("the format must be a constant string, not empty", 1)
    return text


def _bin(call: Call) -> Scalar:
    if len(call) != 2:
        raise call.refuse("takes a value and a size")
    return binned(call, call[0], call[1], None)


def _bin_at(call: Call) -> Scalar:
    return binned(call, call[0], call[1], call[2])


def binned(call: Call, value: Scalar, size: Scalar, origin: Scalar | None) -> Scalar:
    """The value rounded down to a multiple of `size`, counted from `origin`."""
    kind = "long" if value.type == "int" and call.type in ("int", "long") else value.type
    if "real" in (value.type, size.type) and value.type in ("int", "long", "real"):
        kind = "real"
    if kind not in ("long", "real", "datetime", "timespan"):
        raise call.refuse(f"values of type {value.type} are not put into bins here", 0)
    value = call.scope.hoist(convert(value, kind, call.scope, call.node))
    step = convert(size, "timespan" if kind in ("datetime", "timespan") else kind, call.scope, call.node)
    if not step.is_const or step.const is None or step.const <= 0:
        raise call.refuse("the size must be a constant above zero", 1)
    start = "" if origin is None else convert(origin, kind, call.scope, call.node).inner
    if kind == "real":
        return call.give(_real_bin(value.sql, step.sql, start), kind, nullable=value.nullable)
    if not start and kind == "datetime":
        return call.give(f"{value.sql} - {value.sql} % {step.const}", kind, nullable=value.nullable)
    offset = f"({value.sql} - {start})" if start else value.sql
    return call.give(
        f"{value.sql} - (({offset} % {step.const}) + {step.const}) % {step.const}", kind, nullable=value.nullable
    )


def _real_bin(value: str, step: str, start: str) -> str:
    return f"floor(({value} - {start}) / {step}) * {step} + {start}" if start else f"floor({value} / {step}) * {step}"


def _utc_to_local(call: Call) -> Scalar:
    zone = call.constant(1)
    if not isinstance(zone, str) or zone not in zoneinfo.available_timezones():
        raise call.refuse("the time zone must be a constant such as 'Europe/Berlin'", 1)
    moment = call.scope.hoist(call.as_type(0, "datetime"))
    for name in ("k_ts", "k_ticks"):
        call.scope.require_macro(name)
    local = f"timezone({quoted(zone)}, k_ts({moment.sql})::TIMESTAMPTZ)"
    return call.give(call.macro("k_in_time", f"TRY(k_ticks({local})) + {moment.sql} % 10"), "datetime")


TIMES: Final[dict[str, Builder]] = {
    "now": _now,
    "ago": _ago,
    "bin": _bin,
    "floor": _bin,
    "bin_at": _bin_at,
    "startofday": _starting("day"),
    "startofweek": _starting("week"),
    "startofmonth": _starting("month"),
    "startofyear": _starting("year"),
    "endofday": _ending("day"),
    "endofweek": _ending("week"),
    "endofmonth": _ending("month"),
    "endofyear": _ending("year"),
    "datetime_add": _datetime_add,
    "datetime_utc_to_local": _utc_to_local,
    "datetime_diff": _datetime_diff,
    "datetime_part": _datetime_part,
    "dayofweek": template(f"({{0}} // {_DAY} + 1) % 7 * {_DAY}", ["datetime"], "timespan"),
    "dayofmonth": _part("day"),
    "dayofyear": _part("dayofyear"),
    "hourofday": _part("hour"),
    "monthofyear": _part("month"),
    "getmonth": _part("month"),
    "getyear": _part("year"),
    "week_of_year": _part("week_of_year"),
    "weekofyear": _part("week_of_year"),
    "make_datetime": _make_datetime,
    "make_timespan": _make_timespan,
    "format_datetime": _format_datetime,
    "format_timespan": _format_timespan,
    "unixtime_seconds_todatetime": template(
        "k_in_time({0} * 10000000 + 621355968000000000)", ["long"], "datetime", nullable=True
    ),
    "unixtime_milliseconds_todatetime": template(
        "k_in_time({0} * 10000 + 621355968000000000)", ["long"], "datetime", nullable=True
    ),
    "unixtime_microseconds_todatetime": template(
        "k_in_time({0} * 10 + 621355968000000000)", ["long"], "datetime", nullable=True
    ),
    "unixtime_nanoseconds_todatetime": template(
        "k_in_time({0} // 100 + 621355968000000000)", ["long"], "datetime", nullable=True
    ),
}
"""Name → mapping."""
