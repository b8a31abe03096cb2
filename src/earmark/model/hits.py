"""From the rows of a hunt to the pairs it names.

In: a flow, the columns and rows of its hunt, and the estate's devices. Out: `Hits`: the evidence of every (device, tag)
named, the skips for rows that name no single known device, and the pairs that stay in doubt. The order of rows decides
nothing: where several rows name one pair, the smallest in a fixed order is its evidence.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from earmark.errors import ProjectError
from earmark.model.device import Device, Origin
from earmark.model.flow import Flow, TagRule
from earmark.model.hunt import Column
from earmark.model.ledger import Pair
from earmark.model.plan import Change, ChangeAction, Reason

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_NOBODY: frozenset[str] = frozenset()


class DeviceIndex:
    """The estate's devices, looked up by id, by whole name and by manual tag; built once for all flows."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self.by_id: dict[str, Device] = {device.id: device for device in devices}

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for device in self.by_id.values():
            if device.name:
                names.setdefault(device.name.casefold(), []).append(device.id)
        return names

    @cached_property
    def _holders(self) -> dict[str, set[str]]:
        holders: dict[str, set[str]] = {}
        for device in self.by_id.values():
            for tag in device.tags:
                if tag.origin is Origin.MANUAL:
                    holders.setdefault(tag.value, set()).add(device.id)
        return holders

    def identified(self, given: str) -> tuple[str, ...]:
        """The id that this is, or that it is in lower case: a tenant's list and its events need not write it alike."""
        return next(((id_,) for id_ in (given, given.lower()) if id_ in self.by_id), ())

    def named(self, name: str) -> Sequence[str]:
        """The ids of the devices whose whole name this is, letter case aside."""
        return self._by_name.get(name.casefold(), ())

    def holders(self, tag: str) -> set[str] | frozenset[str]:
        """The ids of the devices that carry `tag` with origin manual."""
        return self._holders.get(tag, _NOBODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """What a hunt names."""

    evidence: Mapping[Pair, Mapping[str, Any]] = field(default_factory=dict)
    """The pairs named, each with the columns kept as the reason."""
    doubts: Mapping[Pair, str] = field(default_factory=dict)
    """Pairs that the hunt may mean, by a name that fits several devices: unknown; the text says why."""
    skips: tuple[Change, ...] = ()
    """Rows that could not be turned into a pair."""
    unnamed: int = 0
    """Rows whose device column is empty."""

    @property
    def matched(self) -> int:
        """How many devices of the estate the hunt names."""
        return len({pair.device for pair in self.evidence})


def tag_columns(value: str) -> tuple[str, ...]:
    """The columns a tag's template reads, in order; empty for a plain tag."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(value)))


def declared_tags(rule: TagRule) -> frozenset[str]:
    """Every tag that a flow may write."""
    if not tag_columns(rule.value):
        return frozenset({rule.value})
    return frozenset(_PLACEHOLDER.sub(value.replace("\\", r"\\"), rule.value) for value in rule.values)


def resolve_hits(flow: Flow, columns: Sequence[Column], rows: Iterable[Sequence[Any]], devices: DeviceIndex) -> Hits:
    """Turn rows into pairs."""
    reader = _Rows(flow, [column.name for column in columns], devices)
    for row in rows:
        reader.read(row)
    return Hits(
        evidence={pair: reader.evidence_of(row) for pair, row in reader.named.items()},
        doubts={pair: text for pair, text in reader.doubts.items() if pair not in reader.named},
        skips=(*(reader.skips[key] for key in sorted(reader.skips)), *_unnamed(flow, reader.unnamed)),
        unnamed=reader.unnamed,
    )


def _unnamed(flow: Flow, count: int) -> tuple[Change, ...]:
    """One skip for all rows that name no device: they are said, not dropped."""
    if not count:
        return ()
    rows = "1 row names" if count == 1 else f"{count} rows name"
    text = f"{rows} no device: {flow.hunt.device} is empty"
    return (
        Change(
            action=ChangeAction.SKIP,
            device="",
            name="(no device)",
            tag=flow.tag.value,
            reason=Reason.NOT_IN_ESTATE,
            text=text,
        ),
    )


class _Rows:
    """The rows read so far; everything it keeps is independent of their order."""

    def __init__(self, flow: Flow, names: Sequence[str], devices: DeviceIndex) -> None:
        self.devices = devices
        self.named: dict[Pair, Sequence[Any]] = {}
        self.doubts: dict[Pair, str] = {}
        self.skips: dict[tuple[str, str, str], Change] = {}
        self.unnamed = 0
        self._column = flow.hunt.device
        self._device_at = _position(flow, names, flow.hunt.device, "hunt.device")
        self._template = flow.tag.value
        self._tag_at = {name: _position(flow, names, name, "tag.value") for name in tag_columns(flow.tag.value)}
        self._values = frozenset(flow.tag.values)
        wanted = names if flow.hunt.evidence is None else flow.hunt.evidence
        self._evidence_at = [(name, names.index(name)) for name in wanted if name in names]

    def read(self, row: Sequence[Any]) -> None:
        """Take one row in."""
        given = row[self._device_at]
        if given is None or given == "":
            self.unnamed += 1
            return
        given = str(given)
        tag = self._tag_of(row, given)
        if tag is None:
            return
        found = self._devices_of(given)
        if len(found) == 1:
            self._keep(Pair(found[0], tag), row)
        elif not found:
            self._skip(given, tag, Reason.NOT_IN_ESTATE, f'the hunt names "{given}", which the estate does not know')
        else:
            text = f'the hunt names "{given}", which fits {len(found)} devices; name devices by DeviceId'
            self._skip(given, tag, Reason.AMBIGUOUS_NAME, text)
            self.doubts.update((Pair(device, tag), text) for device in found)

    def evidence_of(self, row: Sequence[Any]) -> dict[str, Any]:
        """The columns kept as the reason."""
        return {name: _plain(row[at]) for name, at in self._evidence_at}

    def _tag_of(self, row: Sequence[Any], given: str) -> str | None:
        if not self._tag_at:
            return self._template
        cells = {name: _text(row[at]) for name, at in self._tag_at.items()}
        tag = _PLACEHOLDER.sub(lambda match: cells[match[1]], self._template)
        stray = [f'{name} "{cell}"' for name, cell in cells.items() if cell not in self._values]
        if stray:
            text = f"{', '.join(stray)} is none of the {len(self._values)} values that the flow lists"
            found = self._devices_of(given)
            self._skip(found[0] if len(found) == 1 else given, tag, Reason.VALUE_NOT_LISTED, text)
            return None
        return tag

    def _devices_of(self, given: str) -> Sequence[str]:
        by_id = () if self._column == "DeviceName" else self.devices.identified(given)
        if self._column == "DeviceId":
            return by_id
        return tuple(dict.fromkeys((*by_id, *self.devices.named(given))))

    def _keep(self, pair: Pair, row: Sequence[Any]) -> None:
        before = self.named.get(pair)
        if before is None or self._order(row) < self._order(before):
            self.named[pair] = row

    def _order(self, row: Sequence[Any]) -> str:
        return json.dumps(self.evidence_of(row), sort_keys=True)

    def _skip(self, device: str, tag: str, reason: Reason, text: str) -> None:
        known = self.devices.by_id.get(device)
        self.skips[device, tag, reason] = Change(
            action=ChangeAction.SKIP,
            device=device,
            name=known.name if known else device,
            tag=tag,
            reason=reason,
            text=text,
        )


def _position(flow: Flow, names: Sequence[str], name: str, key: str) -> int:
    if name not in names:
        raise ProjectError(
            f'flow {flow.name}: {key} names the column "{name}", which the hunt does not give '
            f"(it gives {', '.join(names) or 'none'}).",
            hint=f'Add "{name}" to the query\'s last project, or name another column in {key} of {flow.file}.',
        )
    return names.index(name)


def _text(cell: Any) -> str:
    """A cell as a part of a tag, as KQL's `tostring` has it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else str(cell)


def _plain(cell: Any) -> Any:
    """A cell that JSON can carry without loss."""
    if isinstance(cell, Decimal) or (isinstance(cell, float) and not math.isfinite(cell)):
        return str(cell)
    return cell
