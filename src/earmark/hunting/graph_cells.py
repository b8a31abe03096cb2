"""From the JSON of a tenant's hunt to the cells of a result.

Types are those of .NET: a boolean comes as SByte 0 or 1, and a cell without a value may come as `{}`. Whole numbers are
kept whole, however great.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from earmark.model.hunt import Column

_TYPES = {
    "string": "string",
    "guid": "guid",
    "sbyte": "bool",
    "boolean": "bool",
    "bool": "bool",
    "byte": "int",
    "int16": "int",
    "int32": "int",
    "int": "int",
    "uint32": "long",
    "int64": "long",
    "uint64": "long",
    "long": "long",
    "single": "real",
    "double": "real",
    "real": "real",
    "decimal": "decimal",
    "sqldecimal": "decimal",
    "datetime": "datetime",
    "datetimeoffset": "datetime",
    "timespan": "timespan",
    "object": "dynamic",
    "dynamic": "dynamic",
}
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,7})\d*)?(?:Z|\+00:?00)?")
_WHOLE = re.compile(r"[-+]?\d{1,40}")
_NO_NUMBERS = {"nan": "NaN", "infinity": "Infinity", "-infinity": "-Infinity"}


def columns_of(schema: Sequence[tuple[str, str]]) -> tuple[Column, ...]:
    """Columns with KQL's names of their types; a type that is not known is taken for dynamic."""
    return tuple(
        Column(name=name, type=_TYPES.get(kind.lower().removeprefix("system."), "dynamic")) for name, kind in schema
    )


def cells_of(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[Any, ...], ...]:
    """Rows as cells, in the columns' order."""
    readers = [(column.name, column.name.lower(), _READERS.get(column.type, dynamic_cell)) for column in columns]
    found = []
    for row in rows:
        folded: dict[str, Any] | None = None
        cells = []
        for name, lower, read in readers:
            if name in row:
                value = row[name]
            else:
                folded = folded if folded is not None else {key.lower(): v for key, v in row.items()}
                value = folded.get(lower)
            cells.append(None if value is None or value == {} else read(value))
        found.append(tuple(cells))
    return tuple(found)


def bool_cell(value: Any) -> Any:
    """0 and 1 are false and true."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    return bool(value) if isinstance(value, int | float) else value


def whole_cell(value: Any) -> Any:
    """A whole number, exactly."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, bool) else value


def real_cell(value: Any) -> Any:
    """A number; what is none by its name."""
    if isinstance(value, str):
        if value.lower() in _NO_NUMBERS:
            return _NO_NUMBERS[value.lower()]
        try:
            return float(value)
        except ValueError:
            return value
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    try:
        return float(value) if isinstance(value, int) else value
    except OverflowError:
        return value


def decimal_cell(value: Any) -> Any:
    """A number with all its digits."""
    if not isinstance(value, str | int | float):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value


def text_cell(value: Any) -> Any:
    """Text as it is; anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def datetime_cell(value: Any) -> Any:
    """ISO 8601 with as many of the seven fractional digits as needed, and Z."""
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    fraction = (match[3] or "").rstrip("0")
    return f"{match[1]}T{match[2]}{f'.{fraction}' if fraction else ''}Z"


def dynamic_cell(value: Any) -> Any:
    """The value; JSON that comes as text is decoded."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "string": text_cell,
    "guid": text_cell,
    "timespan": text_cell,
    "bool": bool_cell,
    "int": whole_cell,
    "long": whole_cell,
    "real": real_cell,
    "decimal": decimal_cell,
    "datetime": datetime_cell,
    "dynamic": dynamic_cell,
}
