"""Devices with their tags, and what the ledger adds: which flow owns a tag, since when and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from earmark.errors import EstateError, UsageError
from earmark.model.device import Device, Origin
from earmark.model.flow import TagRule
from earmark.model.instant import instant_text
from earmark.model.ledger import Pair, PairState
from earmark.model.nearest import did_you_mean
from earmark.services.workspace import Workspace
from earmark.store.base import Owned

_WHOLE_NAMES = "Names are whole: `earmark devices` lists them."


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTag:
    """A tag on a device."""

    value: str
    origin: Origin
    flow: str | None
    """The flow that owns it; None when Earmark does not."""
    since: datetime | None
    """Since when it is owned."""
    until: datetime | None
    """When its grace or its time ends, as far as is known now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDevice:
    """A device as `devices` lists it."""

    id: str
    name: str
    last_seen_at: datetime | None
    tags: tuple[ListedTag, ...]


def list_devices(workspace: Workspace, *, device: str | None = None, tag: str | None = None) -> list[ListedDevice]:
    """Every device, or one by id or name, or those that carry a tag; sorted by name."""
    found = find_devices(workspace, device)
    if tag is not None:
        found = [d for d in found if any(t.value == tag for t in d.tags)]
    owned = {o.pair: o for o in workspace.store.read_owned(workspace.estate.id)}
    listed = [_listed(workspace, d, owned) for d in found]
    return sorted(listed, key=lambda d: (d.name.casefold(), d.id))


def find_devices(workspace: Workspace, device: str | None) -> Sequence[Device]:
    """All devices as of the effective moment, or those whose id or whole name this is."""
    inventory = workspace.estate.fetch_inventory(now=workspace.clock.effective())
    devices = inventory.devices
    if device is None:
        return devices
    wanted = device.casefold()
    found = [d for d in devices if d.id == device] or [d for d in devices if d.name.casefold() == wanted]
    if not found and not inventory.complete:
        why = inventory.why_not or "not every device could be read"
        raise EstateError(
            f"whether there is a device {device!r} is unknown: {why}.",
            hint="Try again when the estate answers in full.",
        )
    if not found:
        meant = did_you_mean(device, (d.name for d in devices)).strip()
        raise UsageError(f"the estate knows no device {device!r}.", hint=meant or _WHOLE_NAMES)
    return found


def _listed(workspace: Workspace, device: Device, owned: dict[Pair, Owned]) -> ListedDevice:
    tags = []
    for tag in device.tags:
        mine = owned.get(Pair(device.id, tag.value)) if tag.origin is Origin.MANUAL else None
        rule = workspace.project.tag_rules.get(mine.flow) if mine else None
        tags.append(
            ListedTag(
                value=tag.value,
                origin=tag.origin,
                flow=mine.flow if mine else None,
                since=mine.state.owned_since if mine else None,
                until=until(rule, mine.state) if rule and mine else None,
            )
        )
    return ListedDevice(id=device.id, name=device.name, last_seen_at=device.last_seen_at, tags=tuple(tags))


def until(rule: TagRule, state: PairState) -> datetime | None:
    """When the tag of a pair goes if nothing changes: the end of its grace, or of its time; None when neither runs."""
    ends = [rule.expires_at]
    if state.unmatched_since is not None:
        ends.append(state.unmatched_since + rule.keep_for)
    if rule.expires_after is not None and state.owned_since is not None:
        ends.append(state.owned_since + rule.expires_after)
    return min((end for end in ends if end is not None), default=None)


def devices_document(devices: Sequence[ListedDevice]) -> list[dict[str, Any]]:
    """The `devices` document."""
    return [
        {
            "device": d.id,
            "name": d.name,
            "last_seen": instant_text(d.last_seen_at),
            "tags": [
                {
                    "tag": t.value,
                    "origin": t.origin.value,
                    "flow": t.flow,
                    "since": instant_text(t.since),
                    "until": instant_text(t.until),
                }
                for t in d.tags
            ],
        }
        for d in devices
    ]
