"""The embedded estate, as the rest of Earmark sees it: an `estates.base.Estate` over one folder."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from earmark.errors import EstateError, PermissionDenied, UsageError, is_denied
from earmark.estates.base import Cost, Inventory, Outcome, OutcomeState, TagAction
from earmark.estates.embedded.devices import DeviceStore, named
from earmark.estates.embedded.events import EventStore
from earmark.estates.embedded.physical import instant_of, ticks_of
from earmark.model.device import Device, Origin, Tag


class EmbeddedEstate:
    """Devices, tags and events below one folder, which is made when it is not there."""

    batch_size = 500
    visible_within = timedelta(0)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise (PermissionDenied if is_denied(error) else EstateError)(
                f"{folder} cannot be the estate's folder: {error.strerror}.",
                hint="Correct estate.path in earmark.yaml.",
            ) from error
        self.devices = DeviceStore(folder / "devices.db")
        self.events = EventStore(folder / "events")
        self.id = self.devices.estate_id

    def fetch_inventory(self, *, now: datetime) -> Inventory:
        """Read every device with its tags as of `now`; devices first seen later are left out unless they carry tags."""
        until = ticks_of(now)
        rows = self.devices.devices(until=until)
        tags: dict[str, list[Tag]] = {}
        origins = {origin.value: origin for origin in Origin}
        for device, tag, origin in self.devices.tags():
            tags.setdefault(device, []).append(Tag(value=tag, origin=origins[origin]))
        past = {}
        if any(last is not None and last > until for _, _, last in rows):
            past = self.events.last_seen(until=until)
        devices = []
        for key, name, last in rows:
            seen = past.get(key) if last is not None and last > until else last
            at = None if seen is None else instant_of(seen)
            devices.append(Device(id=key, name=name, last_seen_at=at, tags=tuple(tags.get(key, ()))))
        return Inventory(devices=tuple(devices))

    def count_holders(self, tags: Collection[str]) -> dict[str, int]:
        """On how many devices each tag stands with origin manual; a tag that stands on none is left out."""
        return self.devices.count_manual(tags)

    def fetch_tags(self, devices: Sequence[str]) -> dict[str, frozenset[str]]:
        """The manual tags of some devices at this moment, by id; an id that the estate does not know is left out."""
        return self.devices.manual_tags(devices)

    def write_tag(
        self, action: TagAction, tag: str, devices: Sequence[str], *, now: datetime
    ) -> Iterator[tuple[Outcome, ...]]:
        """Add or remove one manual tag on up to `batch_size` devices; an outcome for each, as soon as it is known.

        Adding what stands, or removing what does not, is applied.
        """
        if len(devices) > self.batch_size:
            raise ValueError(f"{len(devices)} devices in one batch; the most is {self.batch_size}")
        known = self.devices.change_tag(tag, devices, add=action is TagAction.ADD, at=ticks_of(now))
        yield tuple(
            Outcome(device=device, state=OutcomeState.APPLIED)
            if there
            else Outcome(device=device, state=OutcomeState.REJECTED, message="The estate does not know this device.")
            for device, there in zip(devices, known, strict=True)
        )

    def cost(self, changes: Mapping[tuple[TagAction, str], int]) -> Cost:
        """What some changes would take: a call for each batch, and no time worth speaking of."""
        return Cost(calls=sum(-(-count // self.batch_size) for count in changes.values()), seconds=0.0)

    def tag_by_hand(self, device: str, tag: str, *, now: datetime) -> Device:
        """Add a manual tag as a person does in the portal; `device` is an id or a name that fits one device."""
        return self._change_by_hand(device, tag, add=True, now=now)

    def untag_by_hand(self, device: str, tag: str, *, now: datetime) -> Device:
        """Remove a manual tag as a person does in the portal; a tag that does not stand is wrong usage."""
        return self._change_by_hand(device, tag, add=False, now=now)

    def _change_by_hand(self, device: str, tag: str, *, add: bool, now: datetime) -> Device:
        if not tag.strip():
            raise UsageError("The tag is empty.", hint="Give the tag as it is to stand on the device.")
        found = self.devices.find(device)
        if not found:
            raise UsageError(
                f"The estate knows no device with the id or name {device!r}.",
                hint="`earmark devices` lists those it knows; names are whole names.",
            )
        if len(found) > 1:
            raise UsageError(
                f"{len(found)} devices are named {device!r}: {named(dict(found))}.",
                hint="Give the id instead of the name.",
            )
        ((key, name),) = found
        if not add and tag not in self.devices.manual_tags([key])[key]:
            raise UsageError(
                f"{name or key} does not carry the manual tag {tag!r}.",
                hint=f"`earmark devices {name or key}` shows its tags; only manual ones can be removed.",
            )
        self.devices.change_tag(tag, [key], add=add, at=ticks_of(now))
        tags = sorted(self.devices.manual_tags([key])[key])
        return Device(id=key, name=name, tags=tuple(Tag(value=value) for value in tags))
