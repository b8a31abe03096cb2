"""A lost ledger must not look like a fresh start, nor must a lost estate: what stands already while the state knows
nothing of it is said, and so is an estate that the state does not know while it knows others.
"""

from __future__ import annotations

from earmark.model.hits import declared_tags
from earmark.services.workspace import Workspace


def fresh_state_warning(workspace: Workspace) -> str | None:
    """What to say when the state knows nothing of the estate and one of the two may have been lost; None when all is
    well.
    """
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
    declared = {tag for rule in workspace.project.tag_rules.values() for tag in declared_tags(rule)}
    standing = workspace.estate.count_holders(declared)
    if not standing:
        return None
    listed = ", ".join(f"{tag} on {count}" for tag, count in sorted(standing.items())[:5])
    return (
        f"the state is empty, but tags of the flows stand already ({listed}). Earmark owns none of them and will "
        "remove none. Was the state lost? Restore it. Were they set by hand or by an older flow? `adopt` in a flow "
        "takes them over."
    )
