"""Settle: find out by reading back what became of changes that a killed process, or a request without an answer, left
open.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from earmark.model.ledger import Entry, Pair, What
from earmark.services.workspace import Workspace
from earmark.store.base import Recorded


def settle(workspace: Workspace, flows: Collection[str]) -> dict[Pair, bool]:
    """Write the outcome of every open intent of some flows, whose leases must be held; whether each took effect.

    On an estate that shows changes late, an intent without effect is noted as unanswered and stays open for as long as
    its effect may not show: it may have been sent at any moment until now. Repeating it meanwhile is safe.
    """
    open_intents = [r for r in workspace.store.unsettled(workspace.estate.id) if r.entry.flow in flows]
    if not open_intents:
        return {}
    standing = workspace.estate.fetch_tags(sorted({r.entry.device for r in open_intents}))
    took_effect: dict[Pair, bool] = {}
    entries = []
    for recorded in open_intents:
        intent = recorded.entry
        # A device that the estate no longer knows shows no effect, whichever was meant.
        has = (
            intent.tag in standing[intent.device] if intent.device in standing else intent.what is What.REMOVE_INTENDED
        )
        effect = has == (intent.what is What.ADD_INTENDED)
        if not effect and intent.device in standing and workspace.estate.visible_within:
            noted_at = _noted_at(workspace, recorded)
            if noted_at is None:
                entries.append(_entry(workspace, intent, What.UNANSWERED, {}))
            if noted_at is None or noted_at > workspace.clock.wall() - workspace.estate.visible_within:
                continue
        took_effect[Pair(intent.device, intent.tag)] = effect
        entries.append(_outcome(workspace, intent, effect))
    workspace.store.append(entries)
    return took_effect


def _noted_at(workspace: Workspace, intent: Recorded) -> datetime | None:
    """When an intent was first found to show no effect."""
    entries = workspace.store.read_entries(
        intent.entry.estate, device=intent.entry.device, tag=intent.entry.tag, flow=intent.entry.flow
    )
    noted = (r.entry.at for r in entries if r.entry.what is What.UNANSWERED and r.sequence > intent.sequence)
    return next(noted, None)


def _outcome(workspace: Workspace, intent: Entry, effect: bool) -> Entry:
    adding = intent.what is What.ADD_INTENDED
    done, failed = (What.ADDED, What.ADD_REJECTED) if adding else (What.REMOVED, What.REMOVE_REJECTED)
    return _entry(workspace, intent, done if effect else failed, {**intent.detail, "settled": "read back"})


def _entry(workspace: Workspace, intent: Entry, what: What, detail: Mapping[str, Any]) -> Entry:
    return Entry(
        what=what,
        estate=intent.estate,
        at=workspace.clock.wall(),
        effective_at=max(intent.effective_at, workspace.clock.effective()),
        run=intent.run,
        who=workspace.who,
        flow=intent.flow,
        device=intent.device,
        tag=intent.tag,
        detail=detail,
    )
