"""KQL constants: Python value ↔ SQL, and the text of literals → Python value.

Text that KQL's engine might read in another way than we do raises `LiteralError`; nothing is guessed.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from earmark.kql.base import EPOCH_TICKS, PHYSICAL
from earmark.kql.compiler.scalar import Scalar, null, quoted

TICKS: Final = {
    "d": 864_000_000_000,
    "h": 36_000_000_000,
    "m": 600_000_000,
    "s": 10_000_000,
    "ms": 10_000,
    "us": 10,
    "tick": 1,
}
"""Ticks in each unit of a timespan."""
LAST_TICK: Final = 3_155_378_975_999_999_999
"""9999-12-31T23:59:59.9999999, the last datetime."""

_UNITS: Final = {
    "d": "d", "day": "d", "days": "d",
    "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "m": "m", "min": "m", "minute": "m", "minutes": "m",
    "s": "s", "sec": "s", "second": "s", "seconds": "s",
    "ms": "ms", "milli": "ms", "millis": "ms", "millisec": "ms", "millisecond": "ms", "milliseconds": "ms",
    "us": "us", "micro": "us", "micros": "us", "microsec": "us", "microsecond": "us", "microseconds": "us",
    "tick": "tick", "ticks": "tick",
}  # fmt: skip
_SHORT_SPAN = re.compile(r"\s*(-?)\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_LONG_SPAN = re.compile(r"\s*(-?)(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?\s*")
_ISO = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:T|\s+)(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?\s*",
    re.IGNORECASE,
)
_COMMAS = re.compile(r"\s*(\d{4})\s*,\s*(\d{1,2})\s*,\s*(\d{1,2})\s*")
_AMERICAN = re.compile(r"\s*(\d{1,2})[-/](\d{1,2})[-/](\d{4})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*")


class LiteralError(ValueError):
    """A literal that is not understood."""


def ticks_of(moment: datetime) -> int:
    """Ticks of an aware moment."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10 + EPOCH_TICKS


def read_datetime(text: str) -> int:
    """Ticks of the text inside `datetime(…)`, without quotes."""
    if found := _ISO.fullmatch(text):
        year, month, day, hour, minute, second, fraction, zone = found.groups()
    elif found := _COMMAS.fullmatch(text):
        (year, month, day), hour, minute, second, fraction, zone = found.groups(), None, None, None, None, None
    elif found := _AMERICAN.fullmatch(text):
        month, day, year, hour, minute, second = found.groups()
        fraction, zone = None, None
    else:
        raise LiteralError(f"'{text}' is not a date that is read here; write it as yyyy-mm-dd or yyyy-mm-dd hh:mm:ss")
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=_zone(zone)
        )
    except ValueError as fault:
        raise LiteralError(f"'{text}' is not a date: {fault}") from None
    ticks = ticks_of(moment) + int((fraction or "").ljust(7, "0")[:7])
    if not 0 <= ticks <= LAST_TICK:
        raise LiteralError(f"'{text}' lies outside the years 1 to 9999")
    return ticks


def _zone(text: str | None) -> timezone:
    if not text or text in "zZ":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def read_timespan(text: str) -> int:
    """Ticks of a timespan: `7d`, `1.5h`, or what stands inside `timespan(…)`."""
    if found := _SHORT_SPAN.fullmatch(text):
        sign, number, unit = found.groups()
        if unit not in _UNITS:
            raise LiteralError(f"'{text}' has no unit that is known; use d, h, m, s, ms, microsecond or tick")
        ticks = int(Decimal(number) * TICKS[_UNITS[unit]])
    elif found := _LONG_SPAN.fullmatch(text):
        sign, days, hours, minutes, seconds, fraction = found.groups()
        if int(hours) > 23 or int(minutes) > 59 or int(seconds or 0) > 59:
            raise LiteralError(f"'{text}' is not a timespan: hours end at 23, minutes and seconds at 59")
        whole = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds or 0)
        ticks = whole * TICKS["s"] + int((fraction or "").ljust(7, "0"))
    elif re.fullmatch(r"\s*-?\d+\s*", text):
        sign, ticks = ("-" if "-" in text else ""), abs(int(text)) * TICKS["d"]
    else:
        raise LiteralError(f"'{text}' is not a timespan; write 7d, 12h, 30m or d.hh:mm:ss")
    return -ticks if sign else ticks


def read_guid(text: str) -> str:
    """The guid in its usual form."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        raise LiteralError(f"'{text}' is not a guid") from None


def read_number(text: str, kql_type: str) -> Any:
    """The number of an int, long, real or decimal literal."""
    text = text.strip()
    try:
        if kql_type in ("int", "long"):
            number = int(text, 16 if text.lower().lstrip("+-").startswith("0x") else 10)
            bits = 31 if kql_type == "int" else 63
            if not -(2**bits) <= number < 2**bits:
                raise LiteralError(f"'{text}' does not fit into {kql_type}")
            return number
        return Decimal(text) if kql_type == "decimal" else float(text)
    except (ValueError, ArithmeticError) as fault:
        if isinstance(fault, LiteralError):
            raise
        raise LiteralError(f"'{text}' is not a number of type {kql_type}") from None


def constant(value: Any, kql_type: str) -> Scalar:
    """A constant of a type as SQL; None is its null."""
    if value is None:
        return null(kql_type)
    return Scalar(sql=_sql(value, kql_type), type=kql_type, nullable=False, const=value, atomic=True)


def _sql(value: Any, kql_type: str) -> str:
    match kql_type:
        case "bool":
            return "TRUE" if value else "FALSE"
        case "string" | "guid":
            return quoted(value)
        case "dynamic":
            return quoted(json_text(value))
        case "real":
            text = (
                "NaN"
                if math.isnan(value)
                else "Infinity"
                if value == math.inf
                else "-Infinity"
                if value == -math.inf
                else repr(value)
            )
            return f"'{text}'::DOUBLE"
        case _:
            return (
                f"'{value}'::{PHYSICAL[kql_type]}"
                if value < 0 or kql_type == "decimal"
                else f"{value}::{PHYSICAL[kql_type]}"
            )


def json_text(value: Any) -> str:
    """A decoded dynamic as compact JSON, characters as they are."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if "\0" in text or "\\u0000" in text:
        raise LiteralError("a string cannot hold the character U+0000 here")
    return text


def timespan_text(ticks: int) -> str:
    """A timespan as Kusto writes it: `[-][d.]hh:mm:ss[.fffffff]`."""
    sign, ticks = ("-", -ticks) if ticks < 0 else ("", ticks)
    seconds, fraction = divmod(ticks, TICKS["s"])
    days, seconds = divmod(seconds, 86_400)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return sign + (f"{days}." if days else "") + text + (f".{fraction:07}" if fraction else "")


def datetime_text(ticks: int) -> str:
    """A datetime as Kusto writes it: seven fractional digits and Z."""
    seconds, fraction = divmod(ticks, TICKS["s"])
    moment = datetime(1, 1, 1) + timedelta(seconds=seconds)
    return f"{moment.isoformat()}.{fraction:07}Z"
