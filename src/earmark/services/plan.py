"""Plan: hunt for each flow, hold the answers against the estate and the ledger, and say what would change. Nothing is
changed.

Each flow gets its section whatever becomes of the others: a hunt that is refused, fails or is cut makes its own
section unknown.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from earmark.errors import EarmarkError, HuntError, ProjectError, UsageError
from earmark.estates.base import Inventory, TagAction
from earmark.model.document import plan_document
from earmark.model.finding import Finding, Severity
from earmark.model.flow import Flow
from earmark.model.guard import GuardResult, Verdict, judge
from earmark.model.hits import DeviceIndex, Hits, resolve_hits
from earmark.model.hunt import HuntResult
from earmark.model.ledger import Pair
from earmark.model.plan import ApprovalState, Change, ChangeAction, Plan, Section, change_digest, needs_approval
from earmark.model.reconcile import count_standing, reconcile, unknown_whole
from earmark.project.whole_file import write_whole
from earmark.services.accepted import believed_devices, read_accepted
from earmark.services.workspace import Workspace
from earmark.store.base import SavedPlan

VALID_FOR = timedelta(hours=24)
"""How long a saved plan may be applied, on the effective clock."""


def make_plan(workspace: Workspace, flows: Sequence[str] = ()) -> Plan:
    """A plan for the flows named, or for all of them."""
    now = workspace.clock.effective()
    inventory = workspace.estate.fetch_inventory(now=now)
    devices, unseen = believed_devices(inventory.devices, read_accepted(workspace))
    planner = _Planner(workspace, inventory, DeviceIndex(devices), unseen, now)
    sections = [planner.section(flow) for flow in select_flows(workspace, flows)]
    if not flows:
        sections += [_broken(file, findings) for file, findings in sorted(workspace.project.broken.items())]
    cost = workspace.estate.cost(_counts(sections))
    return Plan(
        id=f"p-{secrets.token_hex(6)}",
        estate=workspace.estate.id,
        made_at=workspace.clock.wall(),
        effective_at=now,
        expires_at=now + VALID_FOR,
        sections=tuple(sections),
        calls=cost.calls,
        seconds=cost.seconds,
    )


def select_flows(workspace: Workspace, names: Sequence[str]) -> list[Flow]:
    """The flows named, once each and in the order of their names, or all."""
    project = workspace.project
    return [project.flow(name) for name in sorted(set(names) or project.flows)]


@dataclass(frozen=True, slots=True)
class _Planner:
    workspace: Workspace
    inventory: Inventory
    devices: DeviceIndex
    unseen: frozenset[Pair]
    now: datetime

    def section(self, flow: Flow) -> Section:
        """One flow's part of the plan."""
        result, hits, why_not = self._hunt(flow)
        pairs = self.workspace.store.read_pairs(self.workspace.estate.id, flow.name)
        unknown = unknown_whole(
            complete=why_not is None,
            why_not=why_not,
            inventory_complete=self.inventory.complete,
            inventory_why_not=self.inventory.why_not,
        )
        changes = reconcile(
            flow, hits=hits, unknown=unknown, devices=self.devices, pairs=pairs, at=self.now, unseen=self.unseen
        )
        return Section(
            flow=flow.name,
            query_digest=flow.query_digest,
            flow_digest=flow.flow_digest,
            change_digest=(digest := change_digest(self.workspace.estate.id, flow, changes)),
            complete=unknown is None,
            why_not=unknown.text if unknown else None,
            rows=len(result.rows) if result else 0,
            matched=hits.matched,
            guard=judge_section(
                self.workspace,
                flow,
                changes,
                standing=count_standing(self.devices, pairs),
                matched=None if unknown else hits.matched,
            ),
            approval=approval_of(self.workspace, flow, changes, digest),
            changes=changes,
        )

    def _hunt(self, flow: Flow) -> tuple[HuntResult | None, Hits, str | None]:
        """The hunt's result and what it names, or why there is nothing to conclude from it."""
        try:
            result = self.workspace.hunt(flow.hunt.query, at=self.now, window=flow.hunt.window)
            if not result.complete:
                return result, Hits(), result.why_not or "the engine gave no reason"
            hits = resolve_hits(flow, result.columns, result.rows, self.devices)
            if result.rows and hits.unnamed == len(result.rows):
                # Every device may be meant, or none: that is not a no.
                return (
                    result,
                    Hits(),
                    f"none of its {len(result.rows)} rows names a device: {flow.hunt.device} is empty",
                )
            return result, hits, None
        except (HuntError, ProjectError) as error:
            return None, Hits(), _sentence(error)


def judge_section(
    workspace: Workspace, flow: Flow, changes: Sequence[Change], *, standing: int, matched: int | None
) -> GuardResult:
    """The guard's verdict; `matched` is None where the hunt was not complete, and then says nothing of shrinkage."""
    before = workspace.store.last_matched(workspace.estate.id, flow.name) if matched is not None else None
    return judge(
        flow.guard,
        additions=sum(1 for c in changes if c.action is ChangeAction.ADD),
        removals=sum(1 for c in changes if c.action is ChangeAction.REMOVE),
        standing=standing,
        matched=matched or 0,
        matched_before=before,
    )


def approval_of(workspace: Workspace, flow: Flow, changes: Sequence[Change], digest: str) -> ApprovalState:
    """Where these changes stand with the people who approve them."""
    if not needs_approval(flow, changes):
        return ApprovalState.NONE
    decision = workspace.store.read_decision(workspace.estate.id, flow.name, digest)
    return decision.state if decision else ApprovalState.WAITING


def _broken(file: str, findings: Sequence[Finding]) -> Section:
    """A flow file that cannot be used has a section, too: unknown is said, not left out."""
    first = next(finding for finding in findings if finding.severity is Severity.ERROR)
    return Section(
        flow=file,
        query_digest="",
        flow_digest="",
        change_digest="",
        complete=False,
        why_not=f"the flow's file has errors, the first in line {first.line}: {first.message}",
        rows=0,
        matched=0,
        guard=GuardResult(verdict=Verdict.PASS),
        approval=ApprovalState.NONE,
        changes=(),
    )


def _sentence(error: EarmarkError) -> str:
    return f"{error.message} {error.hint}".strip()


def _counts(sections: Sequence[Section]) -> dict[tuple[TagAction, str], int]:
    """How many devices each tag is added to, and removed from."""
    counts: dict[tuple[TagAction, str], int] = {}
    for section in sections:
        for change in section.changes:
            if change.action in (ChangeAction.ADD, ChangeAction.REMOVE):
                key = (TagAction(change.action.value), change.tag)
                counts[key] = counts.get(key, 0) + 1
    return counts


def keep_plan(workspace: Workspace, plan: Plan) -> None:
    """Keep a plan whole in the state, so that it can be approved by its id and applied with all its evidence."""
    workspace.store.save_plan(
        SavedPlan(
            id=plan.id,
            estate=plan.estate,
            made_at=plan.made_at,
            expires_at=plan.expires_at,
            document=plan_document(plan, redact=()),
        )
    )


def save_plan(workspace: Workspace, plan: Plan, file: Path, *, redact: Collection[str]) -> None:
    """Write a plan to a file, whole or not at all, and keep it in the state."""
    keep_plan(workspace, plan)
    text = json.dumps(plan_document(plan, redact=redact), ensure_ascii=False, indent=1)
    try:
        write_whole(file, text.encode())
    except OSError as error:
        raise UsageError(
            f"the plan could not be written to {file}: {error.strerror or error}.",
            hint="Name a file in a folder that can be written to.",
        ) from error
