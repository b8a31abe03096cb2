"""The documents that programs read: plans, runs and hunts as JSON values, and a saved plan read back.

A plan document carries all that applying it needs, so that a file can be applied where it was not made. What is read
back is checked field by field: a file may come from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from earmark.errors import StalePlanError, UsageError
from earmark.model.evidence import shown_evidence
from earmark.model.guard import Breach, GuardResult, Verdict
from earmark.model.hunt import HuntResult
from earmark.model.instant import instant_text
from earmark.model.plan import FORMAT, ApprovalState, Change, ChangeAction, Plan, Reason, Section
from earmark.model.run import FlowRun, Run

_Enum = TypeVar("_Enum", bound=StrEnum)
_Item = TypeVar("_Item")
_WRITE_ONE = "Give a file that `earmark plan --out FILE` wrote, unchanged."


def plan_document(plan: Plan, *, redact: Collection[str]) -> dict[str, Any]:
    """A plan as JSON; the evidence columns named in `redact`, letter case aside, are left out."""
    return {
        "format": FORMAT,
        "plan": plan.id,
        "estate": plan.estate,
        "made_at": instant_text(plan.made_at),
        "effective_at": instant_text(plan.effective_at),
        "expires_at": instant_text(plan.expires_at),
        "flows": [_section_document(section, redact) for section in plan.sections],
        "totals": {action.value: sum(s.count(action) for s in plan.sections) for action in ChangeAction},
        "cost": {"calls": plan.calls, "seconds": plan.seconds},
    }


def _section_document(section: Section, redact: Collection[str]) -> dict[str, Any]:
    return {
        "flow": section.flow,
        "query_digest": section.query_digest,
        "flow_digest": section.flow_digest,
        "change_digest": section.change_digest,
        "hunt": {
            "complete": section.complete,
            "why_not": section.why_not,
            "rows": section.rows,
            "matched": section.matched,
        },
        "guard": {
            "verdict": section.guard.verdict.value,
            "limits": [{"limit": b.limit, "allowed": b.allowed, "found": b.found} for b in section.guard.breaches],
        },
        "approval": section.approval.value,
        "changes": [_change_document(change, redact) for change in section.changes],
    }


def _change_document(change: Change, redact: Collection[str]) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "device": change.device,
        "name": change.name,
        "tag": change.tag,
        "reason": {"code": change.reason.value, "text": change.text},
        "evidence": None if change.evidence is None else shown_evidence(change.evidence, redact),
        "until": instant_text(change.until),
    }


def run_document(run: Run) -> dict[str, Any]:
    """What `apply` and `run` print."""
    return {"run": run.id, "flows": [_flow_run_document(flow) for flow in run.flows]}


def runs_document(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """What `runs` prints."""
    return [
        {
            **run_document(run),
            "trigger": run.trigger,
            "due_at": instant_text(run.due_at),
            "started_at": instant_text(run.started_at),
            "ended_at": instant_text(run.ended_at),
            "interrupted": run.interrupted,
        }
        for run in runs
    ]


def _flow_run_document(flow: FlowRun) -> dict[str, Any]:
    return {
        "flow": flow.flow,
        "state": flow.state.value,
        "added": flow.added,
        "removed": flow.removed,
        "skipped": flow.skipped,
        "failed": flow.failed,
        "matched": flow.matched,
        "why": flow.why,
    }


def hunt_document(result: HuntResult) -> dict[str, Any]:
    """What `hunt` prints."""
    return {
        "columns": [{"name": column.name, "type": column.type} for column in result.columns],
        "rows": [list(row) for row in result.rows],
        "complete": result.complete,
        "why_not": result.why_not,
        "engine": result.engine,
        "data_until": instant_text(result.data_until),
        "seconds": result.seconds,
    }


def parse_plan(document: object) -> Plan:
    """A plan from its document; what is no plan raises UsageError, one of another format StalePlanError."""
    if not isinstance(document, Mapping) or not str(document.get("format", "")).startswith("earmark-plan/"):
        raise UsageError('this is no plan: it lacks "format": "earmark-plan/…".', hint=_WRITE_ONE)
    if document["format"] != FORMAT:
        raise StalePlanError(
            f'the plan is in the format "{document["format"]}"; this version of Earmark applies {FORMAT}.',
            hint="Plan anew with this version.",
        )
    node = _Node(document, "")
    cost = node.node("cost")
    return Plan(
        id=node.text("plan"),
        estate=node.text("estate"),
        made_at=node.instant("made_at"),
        effective_at=node.instant("effective_at"),
        expires_at=node.instant("expires_at"),
        sections=node.each("flows", _section),
        calls=cost.whole("calls"),
        seconds=cost.number("seconds"),
    )


def _section(node: _Node) -> Section:
    hunt, guard = node.node("hunt"), node.node("guard")
    return Section(
        flow=node.text("flow"),
        query_digest=node.text("query_digest"),
        flow_digest=node.text("flow_digest"),
        change_digest=node.text("change_digest"),
        complete=hunt.flag("complete"),
        why_not=hunt.text_or_none("why_not"),
        rows=hunt.whole("rows"),
        matched=hunt.whole("matched"),
        guard=GuardResult(verdict=guard.one_of("verdict", Verdict), breaches=guard.each("limits", _breach)),
        approval=node.one_of("approval", ApprovalState),
        changes=node.each("changes", _change),
    )


def _breach(node: _Node) -> Breach:
    return Breach(limit=node.text("limit"), allowed=node.number("allowed"), found=node.number("found"))


def _change(node: _Node) -> Change:
    reason = node.node("reason")
    return Change(
        action=node.one_of("action", ChangeAction),
        device=node.text("device"),
        name=node.text("name"),
        tag=node.text("tag"),
        reason=reason.one_of("code", Reason),
        text=reason.text("text"),
        evidence=node.mapping_or_none("evidence"),
        until=node.instant_or_none("until"),
    )


class _Node:
    """A mapping of the document with its place in it; every reading is checked."""

    __slots__ = ("_place", "_value")

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, Mapping):
            _refuse(place, "a mapping", value)
        self._value = value
        self._place = place

    def _read(self, key: str) -> object:
        if key not in self._value:
            raise UsageError(f"the plan is damaged: {self._at(key)} is missing.", hint=_WRITE_ONE)
        return self._value[key]

    def _at(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    def node(self, key: str) -> _Node:
        return _Node(self._read(key), self._at(key))

    def each(self, key: str, read: Callable[[_Node], _Item]) -> tuple[_Item, ...]:
        value = self._read(key)
        if not isinstance(value, Sequence) or isinstance(value, str):
            _refuse(self._at(key), "a list", value)
        return tuple(read(_Node(item, f"{self._at(key)}[{place}]")) for place, item in enumerate(value))

    def text(self, key: str) -> str:
        value = self._read(key)
        return value if isinstance(value, str) else _refuse(self._at(key), "text", value)

    def text_or_none(self, key: str) -> str | None:
        return None if self._read(key) is None else self.text(key)

    def flag(self, key: str) -> bool:
        value = self._read(key)
        return value if isinstance(value, bool) else _refuse(self._at(key), "true or false", value)

    def whole(self, key: str) -> int:
        value = self._read(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
            return value
        _refuse(self._at(key), "a whole number", value)

    def number(self, key: str) -> float:
        value = self._read(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        _refuse(self._at(key), "a number", value)

    def mapping_or_none(self, key: str) -> Mapping[str, Any] | None:
        return None if self._read(key) is None else self.node(key)._value

    def one_of(self, key: str, kind: type[_Enum]) -> _Enum:
        value = self.text(key)
        try:
            return kind(value)
        except ValueError:
            _refuse(self._at(key), f"one of {', '.join(kind)}", value)

    def instant(self, key: str) -> datetime:
        value = self.text(key)
        try:
            at = datetime.fromisoformat(value)
            if at.tzinfo is not None:
                return at.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        _refuse(self._at(key), "an instant such as 2026-03-01T12:00:00Z", value)

    def instant_or_none(self, key: str) -> datetime | None:
        return None if self._read(key) is None else self.instant(key)


def _refuse(place: str, expected: str, found: object) -> NoReturn:
    shown = repr(found)
    shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
    raise UsageError(
        f"the plan is damaged: {place or 'the document'} should be {expected}, not {shown}.", hint=_WRITE_ONE
    )
