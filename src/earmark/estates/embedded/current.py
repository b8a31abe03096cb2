"""What a tenant says of its devices at this moment, laid over the DeviceInfo that sensors reported.

Tags change in the tenant, not on the device, so the newest report of a device shows the tags of today, and a device
that never reported shows up with a report of its own. The rows lie in one Parquet file beside the events, under a name
that no reader of events looks at, so that a locked hunt can read them and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from earmark.estates.embedded.events import connect
from earmark.estates.embedded.physical import columns_of, empty_sql, name_sql, quoted
from earmark.estates.embedded.publish import put_in_place

TABLE = "DeviceInfo"
_FOLDER = ".current"
_KEPT_SECONDS = 3_600
"""A file of the past may still be read by a hunt that runs."""
_OVERLAID = ("DeviceManualTags", "DeviceDynamicTags", "RegistryDeviceTag", "AssetValue")


class CurrentDevice(NamedTuple):
    """One device as the tenant has it: a tuple, because there may be a hundred thousand."""

    id: str
    name: str
    seen_at: int
    """When it was last heard of, in ticks; the time of its report where the sensor gave none."""
    manual: str
    """A JSON array as text; empty when there is none."""
    dynamic: str
    registry: str
    value: str
    """Low, Normal or High; empty: as reported."""


def write_current(events: Path, devices: Sequence[CurrentDevice]) -> Path:
    """Write the devices beside the events; the file, which is named by its content."""
    folder = events / _FOLDER
    columns = [list(column) for column in zip(*devices, strict=True)] or [[] for _ in CurrentDevice._fields]
    target = folder / f"devices-{sha256(repr(columns).encode()).hexdigest()[:16]}.parquet"
    if target.exists():
        target.touch()
        return target
    folder.mkdir(parents=True, exist_ok=True)
    _tidy(folder)
    half = folder / f"half-{uuid4().hex}"
    kinds = ["BIGINT" if name == "seen_at" else "VARCHAR" for name in CurrentDevice._fields]
    chosen = ", ".join(
        f"unnest(${place}::{kind}[]) AS {name}"
        for place, (name, kind) in enumerate(zip(CurrentDevice._fields, kinds, strict=True), start=1)
    )
    with connect() as connection:
        connection.execute(f"COPY (SELECT {chosen}) TO {quoted(str(half))} (FORMAT parquet)", columns)
    put_in_place(half, target)
    return target


def _tidy(folder: Path) -> None:
    past = time.time() - _KEPT_SECONDS
    for path in folder.iterdir():
        if path.stat().st_mtime < past:
            path.unlink(missing_ok=True)


def overlay_sql(current: Path, reported: str | None, newest: str | None, until: int) -> str:
    """DeviceInfo as a relation with its columns in order and the day: reports, and what the tenant says now.

    `reported` gives the rows that are hunted in, `newest` those among which a device's newest report is looked for.
    """
    columns = columns_of(TABLE)
    place = {name: number for number, (name, _) in enumerate(columns)}
    file = f"(SELECT * FROM read_parquet({quoted(str(current))}) WHERE seen_at <= {until})"
    listed = ", ".join(f"c{number}" for number in range(len(columns)))
    unreported = f"SELECT {', '.join(_of_unreported(name, kind) for name, kind in columns)}, {_DAY} FROM {file} AS o"
    if reported is None or newest is None:
        return f"({unreported})"
    key, at = f"c{place['DeviceId']}", f"c{place['Timestamp']}"
    last = f"(SELECT {key} AS id, max({at}) AS at FROM {newest} AS s({listed}, day) GROUP BY ALL)"
    chosen = ", ".join(_of_reported(name, number) for number, (name, _) in enumerate(columns))
    return f"""(SELECT {chosen}, s.day AS "~day" FROM {reported} AS s({listed}, day)
        LEFT JOIN (SELECT o.*, n.at FROM {last} AS n JOIN {file} AS o ON n.id = o.id) AS o
        ON s.{key} = o.id AND s.{at} = o.at
        UNION ALL {unreported} WHERE o.id NOT IN (SELECT id FROM {last}))"""


_DAY = """strftime(make_timestamp((seen_at - 621355968000000000) // 10), '%Y-%m-%d') AS "~day\""""
_MINE = {
    "DeviceManualTags": "o.manual",
    "DeviceDynamicTags": "o.dynamic",
    "RegistryDeviceTag": "o.registry",
    "AssetValue": "o.value",
}


def _of_reported(name: str, number: int) -> str:
    value = f"s.c{number}"
    if name == "AssetValue":
        value = f"CASE WHEN o.id IS NULL OR o.value = '' THEN {value} ELSE o.value END"
    elif name in _OVERLAID:
        value = f"CASE WHEN o.id IS NULL THEN {value} ELSE {_MINE[name]} END"
    return f"{value} AS {name_sql(name)}"


def _of_unreported(name: str, kind: str) -> str:
    value = {
        "Timestamp": "o.seen_at",
        "DeviceId": "o.id",
        "DeviceName": "o.name",
        "ReportId": "0::BIGINT",
        "OnboardingStatus": "'Onboarded'",
        "SensorHealthState": "'Active'",
        "DeviceCategory": "'Endpoint'",
        "IsExcluded": "FALSE",
        "IsTransient": "FALSE",
        **_MINE,
    }.get(name, empty_sql(kind))
    return f"{value} AS {name_sql(name)}"
