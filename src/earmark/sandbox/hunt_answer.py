"""The rows of a hunt as Defender's and Graph's JSON.

What clients must cope with is kept: a bool is an SByte, 0 or 1; a null datetime and a null dynamic are `{}`; a long is
written with all its digits; timespans and decimals are text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from typing import Any

from earmark.model.hunt import HuntResult

TYPES = {
    "bool": "SByte",
    "int": "Int32",
    "long": "Int64",
    "real": "Double",
    "decimal": "SqlDecimal",
    "string": "String",
    "datetime": "DateTime",
    "timespan": "TimeSpan",
    "guid": "Guid",
    "dynamic": "Object",
}
"""KQL type → the name that the API gives it."""
MOST_BYTES = 50 * 2**20
"""A result of more bytes is an error."""


class TooBig(Exception):
    """The result is larger than the API answers."""


def graph_answer(result: HuntResult, context: str) -> bytes:
    """The body that Graph answers."""
    schema = [{"name": column.name, "type": TYPES[column.type]} for column in result.columns]
    return _encoded({"@odata.context": context, "schema": schema, "results": rows_of(result)})


def old_answer(result: HuntResult) -> bytes:
    """The body that the older endpoints answer."""
    schema = [{"Name": column.name, "Type": TYPES[column.type]} for column in result.columns]
    rows = rows_of(result)
    return _encoded({"Stats": _statistics(result, len(rows)), "Schema": schema, "Results": rows})


def rows_of(result: HuntResult) -> list[dict[str, Any]]:
    """The rows as JSON objects."""
    names = [column.name for column in result.columns]
    readers = [_READERS.get(column.type, _as_it_is) for column in result.columns]
    return [{name: reader(cell) for name, reader, cell in zip(names, readers, row, strict=True)} for row in result.rows]


def _as_it_is(cell: Any) -> Any:
    return cell


def _empty_object(cell: Any) -> Any:
    return {} if cell is None else cell


_READERS: dict[str, Callable[[Any], Any]] = {
    "bool": lambda cell: None if cell is None else int(cell),
    "datetime": _empty_object,
    "dynamic": _empty_object,
    "decimal": lambda cell: None if cell is None else str(cell),
}


def _encoded(body: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_without_infinity(body), ensure_ascii=False, separators=(",", ":"))
    content = text.encode("utf-8", "backslashreplace")  # half a surrogate pair, as a dynamic may hold
    if len(content) > MOST_BYTES:
        raise TooBig
    return content


def _without_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_infinity(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_infinity(inner) for inner in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _statistics(result: HuntResult, rows: int) -> dict[str, Any]:
    seconds = round(result.seconds, 7)
    whole = int(seconds)
    spent = f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{round(seconds % 1 * 10**7) % 10**7:07}"
    return {
        "ExecutionTime": seconds,
        "resource_usage": {
            "cache": {part: {"hits": 0, "misses": 0, "total": 0} for part in ("memory", "disk")},
            "cpu": {"user": spent, "kernel": "00:00:00", "total cpu": spent},
            "memory": {"peak_per_node": 0},
        },
        "dataset_statistics": [{"table_row_count": rows, "table_size": 0}],
    }
