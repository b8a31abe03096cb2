"""The shape of tags.yaml, and the catalogue that it states."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from earmark.model.catalogue import Catalogue, CatalogueEntry, TagKind, TriageEffect
from earmark.project.scalars import Colour, TagText
from earmark.project.shape import Strict


class TagEntryFile(Strict):
    """What one tag means."""

    kind: Annotated[TagKind, Field(strict=False)] = TagKind.OTHER
    """What sort of thing it says: person, role, use, activity or other."""
    owner: str | None = None
    """Who answers for its meaning."""
    colour: Colour = ""
    """Its colour, in quotes: "#b4232a"."""
    description: str | None = None
    """What it says of a device."""
    triage: Annotated[TriageEffect, Field(strict=False)] = TriageEffect.NONE
    """What it means for an alert on the device: raise, lower or none."""


class TagsFile(Strict):
    """The catalogue: what each tag means."""

    tags: dict[TagText, TagEntryFile]
    """Each tag, or a flow's template, with what it means."""


def catalogue_of(file: TagsFile) -> Catalogue:
    """The catalogue that a file states."""
    return Catalogue(
        entries={
            tag: CatalogueEntry(
                tag=tag,
                kind=entry.kind,
                owner=entry.owner or "",
                colour=entry.colour,
                description=entry.description or "",
                triage=entry.triage,
            )
            for tag, entry in file.tags.items()
        }
    )
