"""The tags of the tenant's devices: changed in the estate at once, shown to callers when the latency has passed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from threading import Lock

from earmark.estates.embedded.devices import DeviceStore
from earmark.estates.embedded.physical import ticks_of
from earmark.model.device import Origin

HUNTED_LATER = timedelta(minutes=15)
"""A change that shows late in the API shows later still in hunting, whose tables of entities are refreshed this often
(https://learn.microsoft.com/defender-xdr/advanced-hunting-overview).
"""


class UnknownDevices(Exception):
    """Some ids are none of the tenant's; nothing was changed."""

    def __init__(self, ids: list[str]) -> None:
        super().__init__(f"unknown: {', '.join(ids)}")
        self.ids = ids


class TagBook:
    """Reads and changes tags; every method is whole, whoever else is at it."""

    def __init__(self, devices: DeviceStore) -> None:
        self._devices = devices
        self._late: dict[str, dict[str, tuple[datetime, bool]]] = {}
        """Device → tag → until when the old state is shown, and whether the tag stood in it."""
        self._lock = Lock()
        self._at_first = devices.whole_tags()

    def change(
        self, tag: str, devices: Sequence[str], *, add: bool, now: datetime, shows_after: timedelta = timedelta()
    ) -> list[str]:
        """Add or remove a manual tag on all of these devices: those on which it changed; or raise UnknownDevices."""
        unknown, changed = self._devices.change_known(tag, devices, add=add, at=ticks_of(now))
        if unknown:
            raise UnknownDevices(unknown)
        self._note(tag, changed, stood=not add, now=now, shows_after=shows_after)
        return changed

    def replace(self, device: str, tags: Iterable[str], *, now: datetime) -> None:
        """Let exactly these manual tags stand on a device."""
        self._devices.replace_manual_tags(device, tags, at=ticks_of(now))
        with self._lock:
            self._late.pop(device, None)

    def forget(self) -> None:
        """Show everything as it is."""
        with self._lock:
            self._late.clear()

    def restore(self) -> None:
        """Every tag as it was when this book was opened."""
        self._devices.restore_tags(self._at_first)
        self.forget()

    def standing(self, devices: Sequence[str]) -> dict[str, list[tuple[str, Origin]]]:
        """The tags of some devices as they stand, whether or not they show."""
        found: dict[str, list[tuple[str, Origin]]] = {device: [] for device in devices}
        for device, tag, origin in self._devices.tags_of(devices):
            found[device].append((tag, _ORIGINS[origin]))
        return found

    def shown(
        self, devices: Sequence[str], *, now: datetime, later_by: timedelta = timedelta()
    ) -> dict[str, list[tuple[str, Origin]]]:
        """The tags of some devices as the API shows them, or what sees late changes `later_by` later."""
        found = self.standing(devices)
        with self._lock:
            late = {device: self._still_late(device, now, later_by) for device in list(self._late) if device in found}
        for device, tags in late.items():
            for tag, stood in tags.items():
                pair = (tag, Origin.MANUAL)
                if stood and pair not in found[device]:
                    found[device].append(pair)
                elif not stood and pair in found[device]:
                    found[device].remove(pair)
        return found

    def carriers(self, fits: Callable[[str], bool]) -> list[str]:
        """The ids of devices that may show a tag that fits, sorted."""
        with self._lock:
            found = {device for device, tags in self._late.items() if any(map(fits, tags))}
        found |= {device for device, tag, _ in self._devices.tags() if fits(tag)}
        return sorted(found)

    def _note(self, tag: str, devices: Iterable[str], *, stood: bool, now: datetime, shows_after: timedelta) -> None:
        with self._lock:
            for device in devices:
                waiting = self._late.get(device, {})
                until, before = waiting.get(tag, (now, stood))
                if shows_after:
                    # What was shown so far goes on being shown, however often it changes underneath.
                    kept = before if until > now else stood
                    self._late.setdefault(device, {})[tag] = (now + shows_after, kept)
                else:
                    waiting.pop(tag, None)

    def _still_late(self, device: str, now: datetime, later_by: timedelta) -> dict[str, bool]:
        tags = self._late[device]
        for tag in [tag for tag, (until, _) in tags.items() if until + HUNTED_LATER <= now]:
            del tags[tag]
        if not tags:
            del self._late[device]
        return {tag: stood for tag, (until, stood) in tags.items() if until + later_by > now}


_ORIGINS = {origin.value: origin for origin in Origin}
