"""A lost ledger must not look like a fresh start: tags of the flows that stand already, while the state knows
nothing, are said.
"""

from __future__ import annotations

from earmark.model.hits import declared_tags
from earmark.services.workspace import Workspace


def fresh_state_warning(workspace: Workspace) -> str | None:
    """What to say when the state is empty although tags of the flows stand on devices; None when all is well."""
    if workspace.store.last_effective_at(workspace.estate.id) is not None:
        return None
    declared = {tag for flow in workspace.project.flows.values() for tag in declared_tags(flow.tag)}
    standing = workspace.estate.count_holders(declared)
    if not standing:
        return None
    listed = ", ".join(f"{tag} on {count}" for tag, count in sorted(standing.items())[:5])
    return (
        f"the state is empty, but tags of the flows stand already ({listed}). Earmark owns none of them and will "
        "remove none. Was the state lost? Restore it. Were they set by hand or by an older flow? `adopt` in a flow "
        "takes them over."
    )
