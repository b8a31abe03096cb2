"""Inventories: which devices there are and which tags they carry, as CSV or JSON lines.

An inventory is small beside events (a row a device), so plain Python reads it, row by row, and can say of each what
is wrong with it.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from earmark.estates.embedded.devices import Listing
from earmark.estates.embedded.physical import ticks_of
from earmark.model.device import Origin

_SYNONYMS = {
    "device": {"device", "deviceid", "id", "machineid"},
    "name": {"name", "devicename", "computerdnsname", "hostname", "computername"},
    "last_seen": {"lastseen", "lastdeviceupdate", "lastseenat"},
    "first_seen": {"firstseen", "firstseenat"},
    "os": {"os", "osplatform"},
    "manual_tags": {"manualtags", "devicemanualtags", "machinetags", "manualtag"},
    "dynamic_tags": {"dynamictags", "devicedynamictags", "dynamictag"},
    "registry_tag": {"registrytag", "registrydevicetag", "registrytags"},
    "tags": {"tags"},
}
_ORIGIN_OF = {"manual_tags": Origin.MANUAL, "dynamic_tags": Origin.DYNAMIC, "registry_tag": Origin.REGISTRY}


class BadRow(Exception):
    """A row of an inventory that cannot be taken; says why."""


def known_headers(names: Sequence[str]) -> dict[str, str]:
    """Our name of each column, by name as given; empty when the columns are not those of an inventory."""
    found: dict[str, str] = {}
    for given in names:
        plain = re.sub(r"[^a-z]", "", given.lower())
        found.update((given, ours) for ours, others in _SYNONYMS.items() if plain in others)
    return found if {"device", "name"} & set(found.values()) and len(found) > 1 else {}


def read_csv(text: str) -> Iterator[tuple[int, Listing | BadRow]]:
    """(line, row or what is wrong with it) of a CSV inventory."""
    rows = csv.reader(StringIO(text, newline=""), strict=True)
    header = [name.strip() for name in next(rows)]
    ours = known_headers(header)
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            yield line, BadRow(f"It is not CSV: {error}.")
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            yield line, BadRow(f"It has {len(cells)} cells, and the header has {len(header)}.")
            continue
        yield (
            line,
            _listing_or_bad(
                {ours[name]: cell.strip() for name, cell in zip(header, cells, strict=True) if name in ours}
            ),
        )


def read_lines(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, Listing | BadRow]]:
    """(line, row or what is wrong with it) of an inventory in JSON lines."""
    for number, line in lines:
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield number, BadRow("It is not JSON.")
            continue
        if not isinstance(value, dict):
            yield number, BadRow("It is no object.")
            continue
        ours = known_headers(list(value))
        yield number, _listing_or_bad({ours[name]: cell for name, cell in value.items() if name in ours})


def _listing_or_bad(cells: Mapping[str, Any]) -> Listing | BadRow:
    try:
        return _listing(cells)
    except BadRow as error:
        return error


def _listing(cells: Mapping[str, Any]) -> Listing:
    device, name = _text(cells, "device"), _text(cells, "name")
    if not device and not name:
        raise BadRow("It names no device: both the id and the name are empty.")
    tags: dict[tuple[str, Origin], None] = {}
    for column, origin in _ORIGIN_OF.items():
        for tag in _tag_list(cells.get(column), column):
            tags[tag, origin] = None
    origins = {origin for column, origin in _ORIGIN_OF.items() if column in cells}
    if "tags" in cells:
        origins |= set(Origin)
        for pair in _origin_tags(cells["tags"]):
            tags[pair] = None
    return Listing(
        device=device,
        name=name,
        first_seen=_time(cells, "first_seen"),
        last_seen=_time(cells, "last_seen"),
        tags=tuple(tags),
        origins=frozenset(origins),
    )


def _text(cells: Mapping[str, Any], column: str) -> str:
    value = cells.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRow(f"{column} is not a text: {json.dumps(value)[:80]}.")
    return value.strip()


def _tag_list(value: Any, column: str) -> list[str]:
    """Tags of one cell: separated by semicolons, or a JSON list (as DeviceInfo has them)."""
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            value = value.split(";")
    elif isinstance(value, str):
        value = value.split(";")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise BadRow(f"{column} is no list of tags: {json.dumps(value)[:80]}.")
    return [tag.strip() for tag in value if tag.strip()]


def _origin_tags(value: Any) -> Iterator[tuple[str, Origin]]:
    if isinstance(value, str):
        value = [tag for tag in value.split(";") if tag.strip()]
    if not isinstance(value, list):
        raise BadRow(f"tags is no list: {json.dumps(value)[:80]}.")
    for item in value:
        tag, origin = (item, Origin.MANUAL.value) if isinstance(item, str) else (None, None)
        if isinstance(item, dict):
            tag, origin = item.get("tag"), item.get("origin", Origin.MANUAL.value)
        if not isinstance(tag, str) or not tag.strip():
            raise BadRow(f"tags holds something that is no tag: {json.dumps(item)[:80]}.")
        if origin not in set(Origin):
            raise BadRow(f"The tag {tag!r} has the origin {origin!r}; expected is manual, dynamic or registry.")
        yield tag.strip(), Origin(origin)


def _time(cells: Mapping[str, Any], column: str) -> int | None:
    text = _text(cells, column)
    if not text:
        return None
    instant = _instant(text)
    if instant is None:
        raise BadRow(f"{column} is no time: {text[:80]!r}; expected is ISO 8601, as in 2026-01-04T06:00:00Z.")
    return ticks_of(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def _instant(text: str) -> datetime | None:
    try:  # Python reads at most six fractional digits; Defender writes seven.
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        pass
    try:  # as the portal's exports have it
        return datetime.strptime(text, "%b %d, %Y %I:%M:%S %p")
    except ValueError:
        return None
