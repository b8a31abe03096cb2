"""Approvals: what people say of the changes in a plan. They bind to the changes, so that planning the same again
keeps them.
"""

from __future__ import annotations

from earmark.errors import UsageError
from earmark.model.document import parse_plan
from earmark.model.plan import ApprovalState, Plan
from earmark.services.workspace import Workspace
from earmark.store.base import Decision


def decide(workspace: Workspace, plan_id: str, *, approved: bool, comment: str) -> list[str]:
    """Approve or reject a kept plan by its id: the flows whose changes that concerns."""
    plan = _kept(workspace, plan_id)
    concerned = [s for s in plan.sections if s.approval is not ApprovalState.NONE]
    if not concerned:
        raise UsageError(f"nothing in the plan {plan_id} needs approval.", hint="Apply it.")
    for section in concerned:
        workspace.store.decide(
            Decision(
                estate=plan.estate,
                flow=section.flow,
                change_digest=section.change_digest,
                state=ApprovalState.APPROVED if approved else ApprovalState.REJECTED,
                who=workspace.who,
                at=workspace.clock.wall(),
                comment=comment,
            )
        )
    return [section.flow for section in concerned]


def _kept(workspace: Workspace, plan_id: str) -> Plan:
    saved = workspace.store.read_plan(plan_id)
    if saved is None or saved.estate != workspace.estate.id:
        raise UsageError(
            f"the state keeps no plan {plan_id!r} for this estate.",
            hint="Plans are kept by `plan --out FILE`, and by runs that need approval.",
        )
    return parse_plan(saved.document)
