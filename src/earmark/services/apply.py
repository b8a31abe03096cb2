"""Apply: exactly what a plan says, section by section, as one run that the state keeps.

The leases of its flows are held throughout; what a killed process left open is settled before anything is written.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from earmark.errors import StalePlanError
from earmark.model.document import parse_plan
from earmark.model.plan import ChangeAction, Plan
from earmark.model.run import BY_FILE, FlowRun, FlowState, Run
from earmark.services.fresh_state import require_known_state
from earmark.services.saved_plan import as_kept, read_plan_file, require_in_time
from earmark.services.section import apply_section
from earmark.services.settle import settle
from earmark.services.workspace import Workspace

LEASE_PATIENCE = 60.0
"""Seconds to wait for another process that runs the same flow."""


def apply_file(workspace: Workspace, file: Path, *, accept_empty_state: bool = False) -> Run:
    """Apply a saved plan, with the evidence that the state kept where the file leaves it out."""
    plan = read_plan_file(file)
    workspace.require_write()
    now = workspace.clock.effective()
    if plan.estate != workspace.estate.id:
        raise StalePlanError(
            f"the plan was made for the estate {plan.estate}, and this project's is {workspace.estate.id}.",
            hint="Apply it in the project it was made in, or plan anew.",
        )
    require_known_state(workspace, accept_empty=accept_empty_state)
    with ExitStack() as leases:
        hold_leases(workspace, {s.flow for s in plan.sections} & set(workspace.project.flows), leases)
        saved = workspace.store.read_plan(plan.id)
        if saved is not None and saved.applied_at is not None:
            return _applied_before(plan)
        if saved is not None:
            plan = as_kept(plan, parse_plan(saved.document))
        require_in_time(plan, now)
        run = apply_plan(workspace, plan, trigger=BY_FILE)
        if all(flow.state in (FlowState.DONE, FlowState.UNKNOWN) for flow in run.flows):
            # What was held, stale or failed may be applied again: approved, or with the estate answering.
            workspace.store.mark_applied(plan.id, run=run.id, at=workspace.clock.wall())
    return run


def _applied_before(plan: Plan) -> Run:
    flows = tuple(
        FlowRun(
            flow=s.flow,
            state=FlowState.DONE,
            skipped=s.count(ChangeAction.SKIP),
            why="this plan was applied before; nothing to do",
        )
        for s in plan.sections
    )
    return Run(
        id="",
        estate=plan.estate,
        trigger=BY_FILE,
        due_at=None,
        started_at=plan.effective_at,
        ended_at=plan.effective_at,
        flows=flows,
    )


def flow_lease(flow: str) -> str:
    """The lease that a run holds for as long as it works on a flow."""
    return f"flow-{flow}"


def hold_leases(workspace: Workspace, flows: Iterable[str], leases: ExitStack) -> None:
    """Hold the lease of every flow, always in the same order, and settle what killed processes left of them."""
    names = sorted(set(flows))
    for name in names:
        leases.enter_context(workspace.store.lease(flow_lease(name), timeout=LEASE_PATIENCE))
    workspace.require_write()
    settle(workspace, names)


def apply_plan(
    workspace: Workspace, plan: Plan, *, trigger: str, due_at: datetime | None = None, run_id: str = ""
) -> Run:
    """Apply every section that may be applied. The leases of its flows must be held."""
    run = Run(
        id=run_id or new_run_id(),
        estate=plan.estate,
        trigger=trigger,
        due_at=due_at,
        started_at=workspace.clock.effective(),
        ended_at=None,
    )
    workspace.store.start_run(run)
    flows = tuple(apply_section(workspace, plan, section, run) for section in plan.sections)
    ended_at = workspace.clock.effective()
    workspace.store.end_run(run.id, ended_at=ended_at, flows=flows)
    workspace.store.forget_matches(workspace.estate.id, ended_at - workspace.project.settings.evidence.keep)
    return replace(run, ended_at=ended_at, flows=flows)


def new_run_id() -> str:
    """An identifier that no other run has."""
    return f"r-{secrets.token_hex(6)}"
