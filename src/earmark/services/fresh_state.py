"""A lost ledger must not look like a fresh start: tags of the flows that stand already, while the state knows nothing,
are said, and on a Defender tenant nothing is changed before a person has decided.

An embedded estate only warns.
"""

from __future__ import annotations

from earmark.errors import HeldError
from earmark.model.flow import Adopt
from earmark.model.hits import DeviceIndex, declared_tags
from earmark.model.ledger import Entry, What
from earmark.project.settings import EstateKind
from earmark.services.workspace import Workspace


def fresh_state_warning(workspace: Workspace, *, changing: bool = False) -> str | None:
    """What to say when the state is empty although tags of the flows stand on devices; None when all is well.

    `changing`: `require_known_state` comes next, and says it where it refuses.
    """
    if changing and workspace.project.settings.estate.kind is EstateKind.DEFENDER:
        return None
    standing = _standing(workspace)
    if not standing:
        return None
    return (
        f"the state is empty, but tags of the flows stand already ({_listed(standing)}). Earmark owns none of them and "
        "will remove none. Was the state lost? Restore it. Were they set by hand or by an older flow? `adopt` in a "
        "flow takes them over."
    )


def require_known_state(workspace: Workspace, *, accept_empty: bool) -> None:
    """Refuse to change a tenant where the state is empty and tags of the flows stand that no flow adopts.

    With `accept_empty` the decision is recorded, and then stands for all later runs.
    """
    if workspace.project.settings.estate.kind is not EstateKind.DEFENDER:
        return
    standing = _standing(workspace, adopting=False)
    if not standing:
        return
    if not accept_empty:
        raise HeldError(
            f"the state is empty, but tags of the flows stand in the tenant already ({_listed(standing)}).",
            hint="Was the state lost? Restore it. Are they left from an older flow? Set `adopt` in these flows. Are "
            "they to be left alone? Say so once with --accept-empty-state.",
        )
    now = workspace.clock.wall()
    workspace.store.append(
        [
            Entry(
                what=What.EMPTY_STATE_ACCEPTED,
                estate=workspace.estate.id,
                at=now,
                effective_at=workspace.clock.effective(),
                run="",
                who=workspace.who,
                flow="",
                detail={"standing": standing},
            )
        ]
    )


def _standing(workspace: Workspace, *, adopting: bool = True) -> dict[str, int]:
    """The flows' tags that stand, each with its count, where the state is empty; without `adopting` only those that no
    flow takes over.
    """
    if workspace.store.last_effective_at(workspace.estate.id) is not None:
        return {}
    index = DeviceIndex(workspace.estate.fetch_inventory(now=workspace.clock.effective()).devices)
    return {
        tag: len(index.holders(tag))
        for flow in workspace.project.flows.values()
        for tag in sorted(declared_tags(flow.tag))
        if index.holders(tag) and (adopting or flow.tag.adopt is Adopt.NEVER)
    }


def _listed(standing: dict[str, int]) -> str:
    more = f" and {len(standing) - 5} more" if len(standing) > 5 else ""
    return ", ".join(f"{tag} on {count}" for tag, count in sorted(standing.items())[:5]) + more
