"""A lost ledger must not look like a fresh start, nor must a lost estate: what stands already while the state knows
nothing of it is said, and so is an estate that the state does not know while it knows others.

An embedded estate only warns; on a Defender tenant nothing is changed before a person has decided.
"""

from __future__ import annotations

from earmark.errors import EstateError, HeldError
from earmark.model.flow import Adopt
from earmark.model.hits import declared_tags
from earmark.model.ledger import Entry, What
from earmark.project.settings import EstateKind
from earmark.services.workspace import Workspace


def fresh_state_warning(workspace: Workspace, *, changing: bool = False) -> str | None:
    """What to say when the state knows nothing of the estate and one of the two may have been lost; None when all is
    well.

    `changing`: `require_known_state` comes next, and says it where it refuses.
    """
    if changing and workspace.project.settings.estate.kind is EstateKind.DEFENDER:
        return None
    if workspace.store.last_effective_at(workspace.estate.id) is not None:
        return None
    others = workspace.store.known_estates()
    return _of_another_estate(workspace.estate.id, others) if others else _empty_state(workspace)


def _of_another_estate(estate: str, others: list[str]) -> str:
    return (
        f"the state knows nothing of this estate ({estate}), only of {', '.join(others)}. Earmark owns no tag here and "
        "will remove none. Is the estate new? Then all is well. Was its devices.db lost, or does earmark.yaml name "
        "another folder or state? Restore or correct it."
    )


def _empty_state(workspace: Workspace) -> str | None:
    try:
        standing = _standing(workspace)
    except EstateError:
        return None  # not every device can be read: what is planned is unknown, and says so
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
        others = workspace.store.known_estates()
        known = f"knows nothing of {workspace.estate.id}, only of {', '.join(others)}" if others else "is empty"
        renamed = "Is it the same tenant by another name? Name it as before. " if others else ""
        raise HeldError(
            f"the state {known}, but tags of the flows stand in the tenant already ({_listed(standing)}).",
            hint=f"{renamed}Was the state lost? Restore it. Are they left from an older flow? Set `adopt` in these "
            "flows. Are they to be left alone? Say so once with --accept-empty-state.",
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
    declared = {
        tag
        for rule in workspace.project.tag_rules.values()
        for tag in declared_tags(rule)
        if adopting or rule.adopt is Adopt.NEVER
    }
    return workspace.estate.count_holders(declared)


def _listed(standing: dict[str, int]) -> str:
    more = f" and {len(standing) - 5} more" if len(standing) > 5 else ""
    return ", ".join(f"{tag} on {count}" for tag, count in sorted(standing.items())[:5]) + more
