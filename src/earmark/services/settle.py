"""Settle: find out by reading back what became of changes that a killed process, or a request without an answer, left
open.
"""

from __future__ import annotations

from collections.abc import Collection

from earmark.model.ledger import Entry, Pair, What
from earmark.services.workspace import Workspace


def settle(workspace: Workspace, flows: Collection[str]) -> dict[Pair, bool]:
    """Write the outcome of every open intent of some flows, whose leases must be held; whether each took effect.

    An intent without effect stays open for as long as its effect may not show yet.
    """
    open_intents = [r.entry for r in workspace.store.unsettled(workspace.estate.id) if r.entry.flow in flows]
    if not open_intents:
        return {}
    standing = workspace.estate.fetch_tags(sorted({e.device for e in open_intents}))
    shown_since = workspace.clock.wall() - workspace.estate.visible_within
    took_effect: dict[Pair, bool] = {}
    outcomes = []
    for intent in open_intents:
        # A device that the estate no longer knows shows no effect, whichever was meant.
        has = (
            intent.tag in standing[intent.device] if intent.device in standing else intent.what is What.REMOVE_INTENDED
        )
        effect = has == (intent.what is What.ADD_INTENDED)
        if not effect and intent.device in standing and intent.at > shown_since:
            continue  # it may have taken effect and not show yet: it stays open, and repeating it is safe
        took_effect[Pair(intent.device, intent.tag)] = effect
        outcomes.append(_outcome(workspace, intent, effect))
    workspace.store.append(outcomes)
    return took_effect


def _outcome(workspace: Workspace, intent: Entry, effect: bool) -> Entry:
    adding = intent.what is What.ADD_INTENDED
    done, failed = (What.ADDED, What.ADD_REJECTED) if adding else (What.REMOVED, What.REMOVE_REJECTED)
    return Entry(
        what=done if effect else failed,
        estate=intent.estate,
        at=workspace.clock.wall(),
        effective_at=max(intent.effective_at, workspace.clock.effective()),
        run=intent.run,
        who=workspace.who,
        flow=intent.flow,
        device=intent.device,
        tag=intent.tag,
        detail={**intent.detail, "settled": "read back"},
    )
