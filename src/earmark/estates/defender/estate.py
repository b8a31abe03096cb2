"""A Defender tenant, as the rest of Earmark sees it: an `estates.base.Estate` over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from earmark.errors import EstateError
from earmark.estates.base import Cost, Inventory, Outcome, TagAction
from earmark.estates.defender.client import Client
from earmark.estates.defender.hunts import Hunts
from earmark.estates.defender.machines import Machine, PartialList, get_machine, list_machines
from earmark.estates.defender.operations import TAG_MANY, TAG_ONE
from earmark.estates.defender.origins import Kinds, fetch_kinds, tags_of, unites
from earmark.estates.defender.tags import MOST, TagWriter
from earmark.model.device import Device, Origin

FEW = 3
"""Devices up to which each is asked for by itself; beyond, a list of ten thousand costs fewer calls."""
KINDS_FOR = timedelta(minutes=15)
"""How long origins are taken to be as they were read: the tenant renews DeviceInfo every quarter of an hour."""
AHEAD = timedelta(minutes=15)
"""How far the tenant's clock may be ahead of ours before a device counts as first seen later."""
SECONDS_A_CALL = {"bulk": 1.5, "single": 0.4}
"""What a call takes, roughly, when no limit holds it back; for estimates alone."""
DELEGATED = "signed in as a person (method cli), who may see only some of the tenant's devices"


class DefenderEstate:
    """Machines and tags of one tenant."""

    batch_size = MOST
    visible_within = timedelta(hours=1)

    def __init__(
        self,
        client: Client,
        *,
        tenant: str,
        hunts: Hunts | None = None,
        delegated: bool = False,
        told: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        """With `hunts`, tags are told apart by origin; `delegated`: the inventory is never known to be whole; `told`
        hears that it is not.
        """
        self._told = told
        self.id = f"defender:{tenant}"
        self._client = client
        self._hunts = hunts
        self._delegated = delegated
        self._writer = TagWriter(client)
        self._kinds: tuple[datetime, dict[str, Kinds]] | None = None
        self._united = True

    def fetch_inventory(self, *, now: datetime) -> Inventory:
        """Read every device with its tags as of `now`; devices first seen later are left out unless they carry tags."""
        why_not = DELEGATED if self._delegated else None
        try:
            machines = list_machines(self._client)
        except PartialList as partial:
            machines, why_not = partial.machines, partial.message
        if why_not is not None:
            self._told(f"some devices may be missing: {why_not}")
        kinds = self._fetch_kinds(now)
        self._united = unites(machines, kinds)
        devices = [
            self._device(machines[key], kinds.get(key), now)
            for key in sorted(machines)
            if machines[key].tags or not _later(machines[key].first_seen_at, now + AHEAD)
        ]
        return Inventory(devices=tuple(devices), complete=why_not is None, why_not=why_not)

    def fetch_tags(self, devices: Sequence[str]) -> dict[str, frozenset[str]]:
        """The manual tags of some devices at this moment, by id; an id that the estate does not know is left out."""
        wanted = set(devices)
        if not wanted:
            return {}
        if len(wanted) <= FEW:
            found = {key: get_machine(self._client, key) for key in sorted(wanted)}
            machines = {key: machine for key, machine in found.items() if machine is not None}
        else:
            listed = list_machines(self._client)
            machines = {key: listed[key] for key in wanted if key in listed}
        kinds = self._fetch_kinds(self._client.pace.now()) if machines else {}
        return {key: self._manual(machine, kinds.get(key)) for key, machine in machines.items()}

    def count_holders(self, tags: Collection[str]) -> dict[str, int]:
        """On how many devices each tag stands with origin manual; a tag that stands on none is left out.

        EstateError where a device could not be read: it may carry the tags.
        """
        if not tags:
            return {}
        inventory = self.fetch_inventory(now=self._client.pace.now())
        if not inventory.complete and inventory.why_not != DELEGATED:
            raise EstateError(f"not every device could be read: {inventory.why_not}")
        devices = inventory.devices
        counts = Counter(t.value for d in devices for t in d.tags if t.origin is Origin.MANUAL and t.value in tags)
        return dict(counts)

    def write_tag(
        self, action: TagAction, tag: str, devices: Sequence[str], *, now: datetime
    ) -> Iterator[tuple[Outcome, ...]]:
        """Add or remove one manual tag on up to `batch_size` devices; an outcome for each, as soon as it is known.

        Adding what stands, or removing what does not, is applied.
        """
        if len(devices) > self.batch_size:
            raise ValueError(f"{len(devices)} devices in one batch; the most is {self.batch_size}")
        yield from self._writer.write(action, tag, devices)

    def cost(self, changes: Mapping[tuple[TagAction, str], int]) -> Cost:
        """What some changes take: calls, and seconds under the limits, from what they hold now."""
        if self._writer.bulk:
            calls, operation, each = sum(-(-n // MOST) for n in changes.values()), TAG_MANY, SECONDS_A_CALL["bulk"]
        else:
            calls, operation, each = sum(changes.values()), TAG_ONE, SECONDS_A_CALL["single"]
        return Cost(calls=calls, seconds=self._client.quota.seconds_for(operation, calls, each=each))

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _fetch_kinds(self, now: datetime) -> dict[str, Kinds]:
        if self._hunts is None:
            return {}
        if self._kinds is None or not timedelta() <= now - self._kinds[0] < KINDS_FOR:
            self._kinds = (now, fetch_kinds(self._hunts, now=now))
        return self._kinds[1]

    def _device(self, machine: Machine, kind: Kinds | None, now: datetime) -> Device:
        seen = machine.last_seen_at
        return Device(
            id=machine.id,
            name=machine.name,
            last_seen_at=None if seen is None else min(seen, now),
            tags=tags_of(machine, kind, united=self._united),
        )

    def _manual(self, machine: Machine, kind: Kinds | None) -> frozenset[str]:
        tags = tags_of(machine, kind, united=self._united)
        return frozenset(tag.value for tag in tags if tag.origin is Origin.MANUAL)


def _later(at: datetime | None, moment: datetime) -> bool:
    return at is not None and at > moment
