"""From DuckDB's values to the cells of a hunt's result."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite, isnan
from typing import Any

from earmark.kql.base import EPOCH_TICKS, TICKS_PER_SECOND

Reader = Callable[[Any], Any]
_LAST_TICK = 3_155_378_975_999_999_999


def ticks_of(moment: datetime) -> int:
    """Ticks of an aware moment."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return EPOCH_TICKS + (since.days * 86_400 + since.seconds) * TICKS_PER_SECOND + since.microseconds * 10


def moment_of(ticks: int) -> datetime:
    """The moment at these ticks, cut to microseconds."""
    return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)


def cells_of(row: Sequence[Any], readers: Sequence[Reader | None]) -> tuple[Any, ...]:
    """A row of DuckDB's values as cells."""
    return tuple(
        value if reader is None or value is None else reader(value) for value, reader in zip(row, readers, strict=True)
    )


def reader_of(kql_type: str) -> Reader | None:
    """How values of a type become cells; None where they are cells already."""
    match kql_type:
        case "datetime":
            return datetime_cell
        case "timespan":
            return timespan_cell
        case "dynamic":
            return dynamic_cell
        case "decimal":
            return decimal_cell
        case _:
            return None


def real_cell(value: float) -> float | str:
    """The number; what JSON has no number for by its name, as Kusto's own results have it."""
    if isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def datetime_cell(ticks: int) -> str:
    """ISO 8601 with as many of the seven fractional digits as needed, and Z."""
    seconds, fraction = divmod(min(max(ticks, 0), _LAST_TICK), TICKS_PER_SECOND)
    text = (datetime(1, 1, 1) + timedelta(seconds=seconds)).isoformat()
    return f"{text}.{fraction:07}".rstrip("0").rstrip(".") + "Z" if fraction else text + "Z"


def timespan_cell(ticks: int) -> str:
    """Kusto's `[-][d.]hh:mm:ss[.fffffff]`."""
    sign, ticks = ("-", -ticks) if ticks < 0 else ("", ticks)
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    days, seconds = divmod(seconds, 86_400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return sign + (f"{days}." if days else "") + clock + (f".{fraction:07}" if fraction else "")


def dynamic_cell(text: str) -> Any:
    """The decoded JSON value; what is no JSON stays text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def decimal_cell(value: Decimal) -> Decimal:
    """Without the zeros that come from the engine's scale."""
    return Decimal(f"{value.normalize():f}")
