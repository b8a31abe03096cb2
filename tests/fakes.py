"""An estate in memory, for tests of what uses an estate; held to the same contract as the real ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from earmark.errors import EstateError
from earmark.estates.base import Cost, Inventory, Outcome, OutcomeState, TagAction
from earmark.model.device import Device, Origin, Tag


class FakeEstate:
    """Devices in a dictionary; the switches make it misbehave as real estates do."""

    def __init__(
        self,
        devices: Iterable[Device] = (),
        *,
        id: str = "fake:1",
        batch_size: int = 500,
        first_seen_at: dict[str, datetime] | None = None,
    ) -> None:
        self.id = id
        self.batch_size = batch_size
        self.devices = {device.id: replace(device, tags=_ordered(device.tags)) for device in devices}
        self.first_seen_at = first_seen_at or {}
        """When a device came into being; a device that is not here has always been."""
        self.last_seen_before: dict[tuple[str, datetime], datetime | None] = {}
        """What `last_seen_at` of a device is as of an instant, where it is not that of the device."""
        self.writes: list[tuple[TagAction, str, tuple[str, ...]]] = []
        """Every write asked for, in order."""
        self.fail_reads = False
        """Reading raises EstateError."""
        self.fail_writes = False
        """Writing raises EstateError, and nothing is changed."""
        self.fail_writes_after: int | None = None
        """As many writes succeed; later ones raise EstateError."""
        self.time_out_after_acting = False
        """A write changes the tags, but its outcome is unknown."""
        self.time_out_before_acting = False
        """A write changes nothing, and its outcome is unknown."""
        self.told_at_once: int | None = None
        """How many outcomes of a write are told together; None for all."""
        self.killed_midway = False
        """The process ends after the first outcomes of a write were told."""
        self.reject: set[str] = set()
        """Ids whose changes are rejected."""
        self.visible_within = timedelta(0)
        """How long a change may take to show; `hidden` says what does not show yet."""
        self.hidden: dict[str, frozenset[str]] = {}
        """Device → the manual tags that reading shows instead of those that stand."""
        self.partial: str | None = None
        """Why the inventory is not complete; None when it is."""

    def tag(self, device: str, value: str, origin: Origin = Origin.MANUAL) -> None:
        """Put a tag on a device behind everyone's back."""
        self._set(device, {*self.devices[device].tags, Tag(value=value, origin=origin)})

    def untag(self, device: str, value: str, origin: Origin = Origin.MANUAL) -> None:
        """Take a tag off a device behind everyone's back."""
        self._set(device, set(self.devices[device].tags) - {Tag(value=value, origin=origin)})

    def fetch_inventory(self, *, now: datetime) -> Inventory:
        self._read()
        seen = [
            replace(self._shown(device), last_seen_at=self._seen(device, now))
            for device in self.devices.values()
            if device.tags or device.id not in self.first_seen_at or self.first_seen_at[device.id] <= now
        ]
        devices = tuple(sorted(seen, key=lambda device: device.id))
        return Inventory(devices=devices, complete=self.partial is None, why_not=self.partial)

    def fetch_tags(self, devices: Sequence[str]) -> dict[str, frozenset[str]]:
        self._read()
        return {
            key: frozenset(tag.value for tag in self._shown(self.devices[key]).tags if tag.origin is Origin.MANUAL)
            for key in devices
            if key in self.devices
        }

    def count_holders(self, tags: Collection[str]) -> dict[str, int]:
        self._read()
        found = [tag.value for d in self.devices.values() for tag in d.tags if tag.origin is Origin.MANUAL]
        return {tag: found.count(tag) for tag in tags if tag in found}

    def write_tag(
        self, action: TagAction, tag: str, devices: Sequence[str], *, now: datetime
    ) -> Iterator[tuple[Outcome, ...]]:
        if len(devices) > self.batch_size:
            raise ValueError(f"{len(devices)} devices in one batch; the most is {self.batch_size}")
        done = len(self.writes)
        self.writes.append((action, tag, tuple(devices)))
        if self.fail_writes or (self.fail_writes_after is not None and done >= self.fail_writes_after):
            raise EstateError("The estate does not answer.", hint="Try again later.")
        told = self.told_at_once or max(len(devices), 1)
        for at in range(0, len(devices), told):
            yield tuple(self._change(action, tag, device) for device in devices[at : at + told])
            if self.killed_midway:
                raise KeyboardInterrupt

    def cost(self, changes: Mapping[tuple[TagAction, str], int]) -> Cost:
        return Cost(calls=sum(-(-count // self.batch_size) for count in changes.values()), seconds=0.0)

    def hide_changes(self) -> None:
        """From now on reading shows the tags as they are at this moment, until `show_changes`."""
        self.hidden = {
            key: frozenset(tag.value for tag in device.tags if tag.origin is Origin.MANUAL)
            for key, device in self.devices.items()
        }

    def show_changes(self) -> None:
        """Reading shows what stands again."""
        self.hidden = {}

    def _shown(self, device: Device) -> Device:
        if device.id not in self.hidden:
            return device
        others = {tag for tag in device.tags if tag.origin is not Origin.MANUAL}
        return replace(device, tags=_ordered(others | {Tag(value=value) for value in self.hidden[device.id]}))

    def _change(self, action: TagAction, tag: str, device: str) -> Outcome:
        if device not in self.devices or device in self.reject:
            return Outcome(device=device, state=OutcomeState.REJECTED, message="The estate does not take this device.")
        if not self.time_out_before_acting:
            (self.tag if action is TagAction.ADD else self.untag)(device, tag)
        if self.time_out_after_acting or self.time_out_before_acting:
            return Outcome(device=device, state=OutcomeState.UNKNOWN, message="The estate did not answer in time.")
        return Outcome(device=device, state=OutcomeState.APPLIED)

    def _seen(self, device: Device, now: datetime) -> datetime | None:
        if (device.id, now) in self.last_seen_before:
            return self.last_seen_before[device.id, now]
        return device.last_seen_at if device.last_seen_at is None or device.last_seen_at <= now else None

    def _set(self, device: str, tags: set[Tag]) -> None:
        self.devices[device] = replace(self.devices[device], tags=_ordered(tags))

    def _read(self) -> None:
        if self.fail_reads:
            raise EstateError("The estate does not answer.", hint="Try again later.")


def _ordered(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    return tuple(sorted(tags, key=lambda tag: (tag.value, tag.origin)))
