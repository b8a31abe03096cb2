"""The tags of an estate and of the catalogue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from earmark.model.device import Origin
from earmark.model.hits import declared_tags
from earmark.services.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class TagUse:
    """One tag, of one origin."""

    tag: str
    origin: str
    devices: int
    """On how many devices it stands."""
    owned: int
    """How many of them Earmark owns."""
    flow: str
    """The flow that it belongs to; empty when none declares it."""
    kind: str
    """From the catalogue; empty when it is not there."""
    description: str


def list_tags(workspace: Workspace) -> list[TagUse]:
    """Every tag that stands somewhere, that a flow declares or that the catalogue knows."""
    inventory = workspace.estate.fetch_inventory(now=workspace.clock.effective())
    standing = Counter((tag.value, tag.origin) for device in inventory.devices for tag in device.tags)
    owned = Counter(o.pair.tag for o in workspace.store.read_owned(workspace.estate.id))
    flow_of = {tag: flow for flow, rule in workspace.project.tag_rules.items() for tag in declared_tags(rule)}
    known = {(tag, Origin.MANUAL) for tag in (*flow_of, *workspace.project.catalogue.entries)}
    known -= {(tag, Origin.MANUAL) for tag, origin in standing if origin is not Origin.MANUAL}
    uses = []
    for tag, origin in sorted(set(standing) | known):
        entry = workspace.project.catalogue.entry(tag)
        manual = origin is Origin.MANUAL
        uses.append(
            TagUse(
                tag=tag,
                origin=origin.value,
                devices=standing[tag, origin],
                owned=owned[tag] if manual else 0,
                flow=flow_of.get(tag, "") if manual else "",
                kind=entry.kind.value if entry else "",
                description=entry.description if entry else "",
            )
        )
    return uses
