"""Who put a tag on a device: DeviceInfo knows it, the list of machines does not.

https://learn.microsoft.com/defender-xdr/advanced-hunting-deviceinfo-table: RegistryDeviceTag, DeviceManualTags,
DeviceDynamicTags. Whether `machineTags` unites the three kinds is not documented, so that is read off the data. A tag
whose origin is not known is taken for manual: nothing but what the ledger owns is ever removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.defender.hunts import MOST_ROWS, Hunts
from earmark.estates.defender.machines import Machine
from earmark.model.device import Origin, Tag

LOOK_BACK = timedelta(days=7)
QUERY = """DeviceInfo
| summarize arg_max(Timestamp, RegistryDeviceTag, DeviceManualTags, DeviceDynamicTags) by DeviceId
| extend Registry = tostring(RegistryDeviceTag), Manual = tostring(DeviceManualTags)
| project DeviceId, Registry, Manual, Dynamic = tostring(DeviceDynamicTags)
| where isnotempty(Registry) or (isnotempty(Dynamic) and Dynamic != "[]")"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """What DeviceInfo says of one device's tags."""

    manual: frozenset[str]
    dynamic: frozenset[str]
    registry: frozenset[str]

    @property
    def others(self) -> frozenset[str]:
        """Tags that are not manual alone."""
        return self.dynamic | self.registry


def fetch_kinds(hunts: Hunts, *, now: datetime) -> dict[str, Kinds]:
    """What DeviceInfo says of the devices that carry tags other than manual ones; empty where it cannot be had."""
    try:
        found = hunts.run(QUERY, since=now - LOOK_BACK, end=now, until=hunts.client.pace.monotonic() + 60)
    except (EstateError, PermissionDenied):
        return {}
    if len(found.rows) >= MOST_ROWS:
        return {}
    kinds = {}
    for row in found.rows:
        device = row.get("DeviceId")
        if isinstance(device, str) and device:
            kinds[device.lower()] = Kinds(
                manual=_texts(row.get("Manual")),
                dynamic=_texts(row.get("Dynamic")),
                registry=_texts(row.get("Registry")),
            )
    return kinds


def _texts(value: Any) -> frozenset[str]:
    """Tags from a cell: a JSON array, that array as text, or one tag."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return frozenset()
    if isinstance(value, str):
        value = [value]
    return frozenset(v for v in value if isinstance(v, str) and v) if isinstance(value, list) else frozenset()


def unites(machines: Mapping[str, Machine], kinds: Mapping[str, Kinds]) -> bool:
    """Whether the list of machines shows tags of every origin: most tags that are not manual stand in it."""
    shown = hidden = 0
    for device, kind in kinds.items():
        if device in machines:
            own = kind.others - kind.manual
            shown += len(own & set(machines[device].tags))
            hidden += len(own - set(machines[device].tags))
    return shown >= hidden


def tags_of(machine: Machine, kind: Kinds | None, *, united: bool) -> tuple[Tag, ...]:
    """A machine's tags with their origins, sorted."""
    if kind is None:
        return _sorted(Tag(value=value) for value in machine.tags)
    tags = {Tag(value=v, origin=Origin.DYNAMIC) for v in kind.dynamic}
    tags |= {Tag(value=v, origin=Origin.REGISTRY) for v in kind.registry}
    others = kind.others - kind.manual if united else frozenset()
    tags |= {Tag(value=value) for value in machine.tags if value not in others}
    return _sorted(tags)


def _sorted(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    return tuple(sorted(set(tags), key=lambda tag: (tag.value, tag.origin)))
