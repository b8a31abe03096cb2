"""Run: plan and apply in one go, by name or because a flow is due.

A fire time is taken by exactly one process, by a unique key in the state. A process that dies leaves its fire
unfinished and the flow's lease free: the next one takes it over.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

from earmark.errors import EarmarkError
from earmark.model.flow import Flow
from earmark.model.plan import ApprovalState
from earmark.model.run import FlowRun, FlowState, Run
from earmark.model.trigger import Cron, OnDemand, latest_fire
from earmark.services.apply import apply_plan, hold_leases, new_run_id
from earmark.services.fresh_state import require_known_state
from earmark.services.plan import keep_plan, make_plan, select_flows
from earmark.services.workspace import Workspace
from earmark.store.base import Fire, LeaseHeldError

FIRST_SIGHT = "first-sight"
"""Stands for the run of a fire that is none: the moment at which a flow that was not due was first seen."""
BEGINNING = datetime(1, 1, 2, tzinfo=UTC)


def run_flows(
    workspace: Workspace,
    flows: Sequence[str],
    *,
    trigger: str,
    due_at: datetime | None = None,
    run_id: str = "",
    accept_empty_state: bool = False,
) -> Run:
    """Hunt, plan and apply for some flows, as one run."""
    names = [flow.name for flow in select_flows(workspace, flows)]
    workspace.require_write()
    require_known_state(workspace, accept_empty=accept_empty_state)
    with ExitStack() as leases:
        hold_leases(workspace, names, leases)
        plan = make_plan(workspace, names)
        if any(s.approval is ApprovalState.WAITING for s in plan.sections):
            keep_plan(workspace, plan)
        return apply_plan(workspace, plan, trigger=trigger, due_at=due_at, run_id=run_id)


def run_due(workspace: Workspace, *, accept_empty_state: bool = False) -> list[Run]:
    """Run every flow that is due, each as a run of its own; flows that another process runs already are left to it."""
    workspace.require_write()
    require_known_state(workspace, accept_empty=accept_empty_state)
    runs = []
    for flow in select_flows(workspace, ()):
        ran = None if isinstance(flow.trigger, OnDemand) else _run_if_due(workspace, flow)
        runs += [ran] if ran else []
    return runs


def _run_if_due(workspace: Workspace, flow: Flow) -> Run | None:
    """Run the newest fire that is due and that nobody took, or one that a killed process left; None when there is
    none.
    """
    estate, now = workspace.estate.id, workspace.clock.effective()
    last = workspace.store.last_fire(estate, flow.name)
    due = latest_fire(flow.trigger, since=last or _stood_since(workspace, flow), until=now)
    if due is None and last is None:
        _note_first_sight(workspace, flow, now)
    taken = Fire(estate=estate, flow=flow.name, fire_at=due, run=new_run_id()) if due else None
    if taken is not None and not workspace.store.claim_fire(taken):
        return None
    if taken is None and not _unfinished(workspace, flow):
        return None
    try:
        with workspace.store.lease(f"fire-{flow.name}"):
            fire = _still_open(workspace, flow, taken)
            return _run_fire(workspace, flow, fire) if fire else None
    except LeaseHeldError:
        return None


def _stood_since(workspace: Workspace, flow: Flow) -> datetime:
    """Since when a flow that never fired counts: nothing runs merely because its file was saved.

    On a pinned clock the files are taken to have stood always.
    """
    if workspace.clock.pinned_at is not None:
        return BEGINNING
    return datetime.fromtimestamp((workspace.project.folder / flow.file).stat().st_mtime, UTC)


def _note_first_sight(workspace: Workspace, flow: Flow, now: datetime) -> None:
    """From now on the flow counts from here: where each run starts from a fresh checkout, its file is always new."""
    sight = Fire(estate=workspace.estate.id, flow=flow.name, fire_at=now, run=FIRST_SIGHT)
    if workspace.store.claim_fire(sight):
        workspace.store.finish_fire(sight)


def _unfinished(workspace: Workspace, flow: Flow) -> list[Fire]:
    return [fire for fire in workspace.store.unfinished_fires(workspace.estate.id) if fire.flow == flow.name]


def _still_open(workspace: Workspace, flow: Flow, taken: Fire | None) -> Fire | None:
    """The fire to run, now that its lease is held: ours unless somebody took it over, else the newest that the dead
    left.
    """
    unfinished = _unfinished(workspace, flow)
    if taken is not None:
        return taken if taken in unfinished else None
    if not unfinished:
        return None
    run = new_run_id()
    return replace(unfinished[-1], run=run) if workspace.store.take_over_fire(unfinished[-1], run) else None


def _run_fire(workspace: Workspace, flow: Flow, fire: Fire) -> Run:
    kind = "cron" if isinstance(flow.trigger, Cron) else "recurrence"
    try:
        ran = run_flows(workspace, [flow.name], trigger=kind, due_at=fire.fire_at, run_id=fire.run)
    except EarmarkError as error:
        # One flow's failure must not keep the others from running; the fire stays open and is tried again.
        now = workspace.clock.effective()
        failed = FlowRun(flow=flow.name, state=FlowState.PARTLY, failed=1, why=error.message)
        return Run(
            id=fire.run,
            estate=fire.estate,
            trigger=kind,
            due_at=fire.fire_at,
            started_at=now,
            ended_at=now,
            flows=(failed,),
        )
    for done in _unfinished(workspace, flow):
        if done.fire_at <= fire.fire_at:
            workspace.store.finish_fire(done)  # older ones are not made up
    return ran
