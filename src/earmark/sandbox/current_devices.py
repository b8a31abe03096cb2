"""The tenant's devices as hunting's DeviceInfo shows them: which there are, and the tags that stand on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from earmark.estates.embedded.current import CurrentDevice
from earmark.estates.embedded.devices import DeviceRow
from earmark.estates.embedded.physical import ticks_of
from earmark.model.device import Origin

Tags = Mapping[str, Sequence[tuple[str, Origin]]]
"""Device → its tags, each with its origin."""


def current_devices(
    rows: Iterable[DeviceRow], tags: Tags, values: Mapping[str, str], *, now: datetime
) -> list[CurrentDevice]:
    """The devices that there are at a moment; those first seen later are left out unless they carry tags."""
    until = ticks_of(now)
    found = []
    for row in rows:
        carried = tags.get(row.id, ())
        later = row.first_seen is not None and row.first_seen > until
        if later and not row.listed and not carried:
            continue
        seen = row.last_seen if row.last_seen is not None else row.first_seen
        found.append(
            CurrentDevice(
                id=row.id,
                name=row.name,
                seen_at=until if seen is None else min(seen, until),
                manual=_array(carried, Origin.MANUAL),
                dynamic=_array(carried, Origin.DYNAMIC),
                registry=";".join(tag for tag, origin in carried if origin is Origin.REGISTRY),
                value=values.get(row.id, ""),
            )
        )
    return found


def _array(tags: Sequence[tuple[str, Origin]], origin: Origin) -> str:
    found = [tag for tag, kind in tags if kind is origin]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else ""
