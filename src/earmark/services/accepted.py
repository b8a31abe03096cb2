"""Accepted and visible are two states: what the estate took, it may show only later.

Within that time Earmark goes by what the ledger says was accepted: a tag that was added is not missing because it is
not shown yet, and one that was removed does not stand because it still is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from earmark.model.device import Device, Origin, Tag
from earmark.model.ledger import Pair
from earmark.services.workspace import Workspace


def read_accepted(workspace: Workspace) -> dict[Pair, bool]:
    """The pairs added (True) or removed (False) so lately that the estate may not show it yet."""
    visible_within = workspace.estate.visible_within
    if not visible_within:
        return {}
    since = workspace.clock.wall() - visible_within
    recent = workspace.store.recent_writes(workspace.estate.id, since)
    return {pair: added for pair, (added, _) in recent.items()}


def believed_devices(
    devices: Iterable[Device], accepted: Mapping[Pair, bool]
) -> tuple[tuple[Device, ...], frozenset[Pair]]:
    """The devices as the estate will show them, and the pairs added that it does not show yet."""
    by_device: dict[str, dict[str, bool]] = {}
    for pair, added in accepted.items():
        by_device.setdefault(pair.device, {})[pair.tag] = added
    found: list[Device] = []
    unseen = set()
    for device in devices:
        for tag, added in by_device.get(device.id, {}).items():
            if added and not device.has(tag):
                unseen.add(Pair(device.id, tag))
            if added != device.has(tag):
                device = _changed(device, tag, added)
        found.append(device)
    return tuple(found), frozenset(unseen)


def _changed(device: Device, tag: str, added: bool) -> Device:
    tags = {t for t in device.tags if t.value != tag or t.origin is not Origin.MANUAL}
    tags |= {Tag(value=tag)} if added else set()
    return replace(device, tags=tuple(sorted(tags, key=lambda t: (t.value, t.origin))))


def believed_tags(standing: Mapping[str, frozenset[str]], accepted: Mapping[Pair, bool]) -> dict[str, frozenset[str]]:
    """The manual tags of devices as the estate will show them."""
    tags = dict(standing)
    for pair, added in accepted.items():
        if pair.device in tags:
            tags[pair.device] = tags[pair.device] | {pair.tag} if added else tags[pair.device] - {pair.tag}
    return tags
