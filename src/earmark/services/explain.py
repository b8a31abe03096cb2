"""Why? For each tag on a device: the flow, the version of its query, the evidence, since when, until when, and its
history.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from earmark.model.device import Device, Origin
from earmark.model.evidence import shown_evidence
from earmark.model.instant import instant_text
from earmark.model.ledger import UNOWNED, Pair, PairState, replay
from earmark.services.devices import find_devices, until
from earmark.services.workspace import Workspace
from earmark.store.base import Match, Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the ledger about a tag on a device."""

    at: datetime
    """Effective time."""
    what: str
    run: str
    who: str
    reason: str
    """The code of the reason; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedTag:
    """Everything known of one tag on one device."""

    tag: str
    origin: Origin | None
    """None when the device does not carry it (any more)."""
    owned: bool
    flow: str | None
    """The flow that owns it, hunted it last, or changed it last; None for a tag Earmark never had to do with."""
    query_digest: str | None
    evidence: Mapping[str, Any] | None
    first_match_at: datetime | None
    last_match_at: datetime | None
    until: datetime | None
    history: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A device with its tags, explained."""

    device: str
    name: str
    tags: tuple[ExplainedTag, ...]


def explain(workspace: Workspace, *, device: str, tag: str | None = None) -> list[Explained]:
    """Explain one tag, or every tag that is or was on a device; one result for each device of that name."""
    return [_explained(workspace, found, tag) for found in find_devices(workspace, device)]


def _explained(workspace: Workspace, device: Device, tag: str | None) -> Explained:
    estate = workspace.estate.id
    entries: dict[str, list[Recorded]] = {}
    for recorded in workspace.store.read_entries(estate, device=device.id, tag=tag):
        entries.setdefault(recorded.entry.tag, []).append(recorded)
    matches = {m.pair.tag: m for m in workspace.store.read_matches(estate, device=device.id, tag=tag)}
    standing = [(t.value, t.origin) for t in device.tags if tag is None or t.value == tag]
    gone = sorted((set(entries) | set(matches)) - {value for value, _ in standing})
    tags = [
        _tag(workspace, device, value, origin, entries.get(value, []), matches.get(value))
        if origin is Origin.MANUAL or origin is None
        else _foreign(value, origin)
        for value, origin in [*standing, *((value, None) for value in gone)]
    ]
    return Explained(device=device.id, name=device.name, tags=tuple(tags))


def _tag(
    workspace: Workspace,
    device: Device,
    tag: str,
    origin: Origin | None,
    entries: Sequence[Recorded],
    match: Match | None,
) -> ExplainedTag:
    flow_name = entries[-1].entry.flow if entries else match.flow if match else None
    rule = workspace.project.tag_rules.get(flow_name) if flow_name else None
    state = _state(entries, flow_name, Pair(device.id, tag))
    return ExplainedTag(
        tag=tag,
        origin=origin,
        owned=state.owned_since is not None,
        flow=flow_name,
        query_digest=match.query_digest if match else None,
        evidence=match.evidence if match else None,
        first_match_at=match.first_match_at if match else None,
        last_match_at=match.last_match_at if match else None,
        until=until(rule, state) if rule and state.owned_since else None,
        history=tuple(_event(recorded) for recorded in entries),
    )


def _state(entries: Sequence[Recorded], flow: str | None, pair: Pair) -> PairState:
    states = replay(recorded.entry for recorded in entries)
    return next((state for (_, name, p), state in states.items() if name == flow and p == pair), UNOWNED)


def _event(recorded: Recorded) -> Event:
    entry = recorded.entry
    return Event(
        at=entry.effective_at,
        what=entry.what.value,
        run=entry.run,
        who=entry.who,
        reason=str(entry.detail.get("reason", "")),
    )


def _foreign(tag: str, origin: Origin) -> ExplainedTag:
    """A dynamic or registry tag: seen, never written, so there is nothing of ours to tell."""
    return ExplainedTag(
        tag=tag,
        origin=origin,
        owned=False,
        flow=None,
        query_digest=None,
        evidence=None,
        first_match_at=None,
        last_match_at=None,
        until=None,
        history=(),
    )


def explain_document(explained: Explained, *, redact: Collection[str]) -> dict[str, Any]:
    """The `explain` document of one device; evidence columns named in `redact`, letter case aside, are left out."""
    return {
        "device": explained.device,
        "name": explained.name,
        "tags": [_tag_document(tag, redact) for tag in explained.tags],
    }


def _tag_document(tag: ExplainedTag, redact: Collection[str]) -> dict[str, Any]:
    return {
        "tag": tag.tag,
        "origin": tag.origin.value if tag.origin else None,
        "owned": tag.owned,
        "flow": tag.flow,
        "query_digest": tag.query_digest,
        "evidence": None if tag.evidence is None else shown_evidence(tag.evidence, redact),
        "first_match": instant_text(tag.first_match_at),
        "last_match": instant_text(tag.last_match_at),
        "until": instant_text(tag.until),
        "history": [
            {"at": instant_text(e.at), "what": e.what, "run": e.run, "who": e.who, "reason": e.reason}
            for e in tag.history
        ],
    }
