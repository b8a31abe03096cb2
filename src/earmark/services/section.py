"""One section of a plan on its way into the estate, each change recorded before and after.

Intent enters the ledger before the request, outcome after it. What gave no answer is settled by reading the estate
back, never assumed. A section that is held or unknown changes nothing; what it observed (grace begun, matched again)
is noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.base import Outcome, OutcomeState, TagAction
from earmark.model.flow import Flow
from earmark.model.guard import Verdict
from earmark.model.ledger import UNOWNED, Entry, Pair, PairState, What
from earmark.model.plan import ApprovalState, Change, ChangeAction, Plan, Reason, Section, change_digest
from earmark.model.reconcile import effects
from earmark.model.run import BY_FILE, FlowRun, FlowState, Run
from earmark.services.accepted import believed_tags, read_accepted
from earmark.services.plan import approval_of, judge_section
from earmark.services.saved_plan import overtaken
from earmark.services.settle import settle
from earmark.services.workspace import Applying, Workspace

_ESTATE_FAULTS = (EstateError, PermissionDenied)
"""What ends a section and not its neighbours."""
_INTENT = {ChangeAction.ADD: What.ADD_INTENDED, ChangeAction.REMOVE: What.REMOVE_INTENDED}
_OUTCOME = {
    (ChangeAction.ADD, OutcomeState.APPLIED): What.ADDED,
    (ChangeAction.ADD, OutcomeState.REJECTED): What.ADD_REJECTED,
    (ChangeAction.REMOVE, OutcomeState.APPLIED): What.REMOVED,
    (ChangeAction.REMOVE, OutcomeState.REJECTED): What.REMOVE_REJECTED,
}
MOST_SAID = 20
"""Problems of one flow that are told; a hundred thousand devices may have one each."""
_UNOWNED_REMOVALS = frozenset({Reason.FOREIGN, Reason.ADOPTED_STALE})
"""Removals of tags that need not be owned yet when the plan is applied."""


def apply_section(workspace: Workspace, plan: Plan, section: Section, run: Run) -> FlowRun:
    """Apply what may be applied of one section, and say how it ended. The lease of its flow must be held."""
    return _Section(workspace, plan, section, run).apply()


@dataclass(slots=True)
class _Counts:
    added: int = 0
    removed: int = 0
    skipped: int = 0
    failed: int = 0
    problems: list[str] = field(default_factory=list)
    """What went wrong, a sentence each."""
    moved: list[str] = field(default_factory=list)
    """Devices that are no longer as the plan saw them, each with what changed."""


class _Section:
    """One section of a plan on its way into the estate."""

    def __init__(self, workspace: Workspace, plan: Plan, section: Section, run: Run) -> None:
        self.workspace = workspace
        self.plan = plan
        self.section = section
        self.run = run
        self.counts = _Counts(skipped=section.count(ChangeAction.SKIP))

    def apply(self) -> FlowRun:
        """Apply what may be applied, and say how it ended."""
        if not self.section.flow_digest:  # the flow's file had errors when the plan was made
            return self._ended(FlowState.UNKNOWN, self.section.why_not or "the flow's file has errors")
        stale = self._stale()
        if stale:
            return self._ended(FlowState.STALE, stale)
        flow = self.workspace.project.flow(self.section.flow)
        pairs = self.workspace.store.read_pairs(self.plan.estate, flow.name)
        try:
            standing = self._fetch_standing(pairs)
        except _ESTATE_FAULTS as error:  # the neighbours' sections, and the record of the run, do not hang on it
            self.counts.failed = sum(1 for c in self.section.changes if c.action in _INTENT)
            return self._ended(FlowState.PARTLY, error.message)
        held = self._held(flow, _count_standing(pairs, standing))
        self._note_run(
            What.RUN_STARTED,
            {
                "plan": self.plan.id,
                "query_digest": self.section.query_digest,
                "change_digest": self.section.change_digest,
                "complete": self.section.complete,
            },
        )
        self._note(self.section.changes, pairs, held=bool(held))
        if self.section.complete:
            self._record_matches()
        if not held:
            self._write(pairs, standing)
        state = self._state(held)
        self._note_run(What.RUN_ENDED, {"state": state.value})
        problems = [] if state is FlowState.DONE else _first(self.counts.problems)
        moved = _first(self.counts.moved)
        return self._ended(state, "; ".join(filter(None, [held, self.section.why_not, *problems, *moved])))

    def _state(self, held: str) -> FlowState:
        if self.counts.failed:
            return FlowState.PARTLY
        if not self.section.complete:
            return FlowState.UNKNOWN
        return FlowState.HELD if held else FlowState.DONE

    def _stale(self) -> str:
        """Why the section no longer fits its flow; empty when it does."""
        flow = self.workspace.project.flows.get(self.section.flow)
        if flow is None:
            return "the project has no such flow any more; plan anew"
        if flow.flow_digest != self.section.flow_digest:
            return "the flow, its lists or its settings moved since the plan was made; plan anew"
        if change_digest(self.plan.estate, flow, self.section.changes) != self.section.change_digest:
            return "the plan's changes are not those it was made with; plan anew"
        return overtaken(self.workspace, self.plan, self.section) if self.run.trigger == BY_FILE else ""

    def _fetch_standing(self, pairs: Mapping[Pair, PairState]) -> dict[str, frozenset[str]]:
        """The tags, at this moment, of every device that is written to or owned; nothing is read where nothing is
        written.
        """
        writes = {c.device for c in self.section.changes if c.action in _INTENT}
        if not writes:
            return {}
        devices = sorted(writes | {p.device for p, s in pairs.items() if s.owned_since})
        return believed_tags(self.workspace.estate.fetch_tags(devices), read_accepted(self.workspace))

    def _held(self, flow: Flow, standing: int) -> str:
        """What keeps the section from being applied; judged anew, since a file's own word is not enough."""
        section = self.section
        guard = judge_section(
            self.workspace,
            flow,
            section.changes,
            standing=standing,
            matched=section.matched if section.complete else None,
        )
        if Verdict.HELD in (guard.verdict, section.guard.verdict):
            limits = ", ".join(
                f"{b.limit} allows {b.allowed:g}, found {b.found:g}" for b in guard.breaches or section.guard.breaches
            )
            return f"held by the guard: {limits or 'so the plan says, without naming a limit'}"
        match approval_of(self.workspace, flow, section.changes, section.change_digest):
            case ApprovalState.WAITING:
                return f"waits for approval: earmark approve {self.plan.id}"
            case ApprovalState.REJECTED:
                return "was rejected"
            case _:
                return ""

    def _entry(self, what: What, change: Change | None = None, detail: Mapping[str, Any] | None = None) -> Entry:
        return Entry(
            what=what,
            estate=self.plan.estate,
            at=self.workspace.clock.wall(),
            effective_at=self.plan.effective_at,
            run=self.run.id,
            who=self.workspace.who,
            flow=self.section.flow,
            device=change.device if change else "",
            tag=change.tag if change else "",
            detail=detail if detail is not None else self._detail(change) if change else {},
        )

    def _detail(self, change: Change) -> dict[str, Any]:
        return {"reason": change.reason.value, "query_digest": self.section.query_digest}

    def _note_run(self, what: What, detail: Mapping[str, Any]) -> None:
        self.workspace.store.append([self._entry(what, detail=detail)])

    def _note(self, changes: Sequence[Change], pairs: Mapping[Pair, PairState], *, held: bool) -> None:
        """Note what the changes mean beside their writes."""
        entries = [
            self._entry(what, change)
            for change in changes
            for what in effects(change, pairs.get(Pair(change.device, change.tag), UNOWNED), held=held)
        ]
        if entries:
            self.workspace.store.append(entries)

    def _record_matches(self) -> None:
        self.workspace.store.record_matches(
            self.plan.estate,
            self.section.flow,
            self.section.query_digest,
            self.plan.effective_at,
            [(Pair(c.device, c.tag), c.evidence) for c in self.section.changes if c.evidence is not None],
        )

    def _write(self, pairs: Mapping[Pair, PairState], standing: Mapping[str, frozenset[str]]) -> None:
        batches = _batches(self._still_fitting(pairs, standing), self.workspace.estate.batch_size)
        for place, (action, tag, changes) in enumerate(batches, start=1):
            self._show(batches, place - 1)
            if not self._write_batch(action, tag, changes):
                self.counts.failed += sum(len(left) for _, _, left in batches[place:])
                return
        self._show(batches, len(batches))

    def _show(self, batches: Sequence[tuple[ChangeAction, str, list[Change]]], written: int) -> None:
        """Say how far the writes are; nothing where there are none."""
        if not batches:
            return
        left: Counter[tuple[TagAction, str]] = Counter()
        for action, tag, changes in batches[written:]:
            left[TagAction(action.value), tag] += len(changes)
        total = sum(len(changes) for _, _, changes in batches)
        self.workspace.show(
            Applying(
                flow=self.section.flow,
                done=total - left.total(),
                changes=total,
                left=self.workspace.estate.cost(left),
            )
        )

    def _still_fitting(self, pairs: Mapping[Pair, PairState], standing: Mapping[str, frozenset[str]]) -> list[Change]:
        """The writes whose device is as the plan saw it; the others are skipped, each with its reason."""
        fitting = []
        for change in (c for c in self.section.changes if c.action in _INTENT):
            state = pairs.get(Pair(change.device, change.tag), UNOWNED)
            moved = _moved(change, standing.get(change.device), owned=state.owned_since is not None)
            if moved:
                self.counts.skipped += 1
                self.counts.moved.append(f"{change.name or change.device} was skipped: {moved}")
            else:
                fitting.append(change)
        return fitting

    def _write_batch(self, action: ChangeAction, tag: str, changes: Sequence[Change]) -> bool:
        """Write one batch between intent and outcome; False when the estate gave no answer at all."""
        store = self.workspace.store
        store.append([self._entry(_INTENT[action], c) for c in changes])
        unanswered, why = {c.device: c for c in changes}, ""
        try:
            for outcomes in self.workspace.estate.write_tag(
                TagAction(action.value), tag, list(unanswered), now=self.plan.effective_at
            ):
                known = [outcome for outcome in outcomes if outcome.state is not OutcomeState.UNKNOWN]
                self._record_outcomes(action, [(unanswered.pop(outcome.device), outcome) for outcome in known])
                why = why or next((o.message for o in outcomes if o.state is OutcomeState.UNKNOWN), "")
        except _ESTATE_FAULTS as error:
            self.counts.problems.append(f"{error.message} {error.hint}".strip())
            self._settle(action, unanswered.values())
            return False
        if not unanswered:
            return True
        self.counts.problems.append(why)
        return self._settle(action, unanswered.values())

    def _record_outcomes(self, action: ChangeAction, outcomes: Iterable[tuple[Change, Outcome]]) -> None:
        entries = []
        for change, outcome in outcomes:
            detail = self._detail(change) | ({"message": outcome.message} if outcome.message else {})
            entries.append(self._entry(_OUTCOME[action, outcome.state], change, detail))
            if outcome.state is OutcomeState.REJECTED:
                self.counts.failed += 1
                self.counts.problems.append(f"{change.name}: {outcome.message or 'rejected'}")
            else:
                self._count(action)
        if entries:
            self.workspace.store.append(entries)

    def _count(self, action: ChangeAction) -> None:
        if action is ChangeAction.ADD:
            self.counts.added += 1
        else:
            self.counts.removed += 1

    def _settle(self, action: ChangeAction, changes: Iterable[Change]) -> bool:
        """Find out by reading back what became of changes that gave no answer; False where not even that gave one."""
        answered = True
        try:
            settled = settle(self.workspace, [self.section.flow])
        except _ESTATE_FAULTS as error:
            self.counts.problems.append(error.message)
            settled, answered = {}, False
        for change in changes:
            if settled.get(Pair(change.device, change.tag)) is True:
                self._count(action)
            else:
                self.counts.failed += 1
        return answered

    def _ended(self, state: FlowState, why: str) -> FlowRun:
        return FlowRun(
            flow=self.section.flow,
            state=state,
            added=self.counts.added,
            removed=self.counts.removed,
            skipped=self.counts.skipped,
            failed=self.counts.failed,
            matched=self.section.matched if self.section.complete and state is not FlowState.STALE else None,
            why=why,
        )


def _first(sentences: Sequence[str]) -> list[str]:
    """As many sentences as a person reads, each once; the ledger has all."""
    found = list(dict.fromkeys(sentences))
    more = len(found) - MOST_SAID
    return found if more <= 0 else [*found[:MOST_SAID], f"and {more:,} more"]


def _moved(change: Change, standing: frozenset[str] | None, *, owned: bool) -> str:
    """What changed on the device since the plan was made, so that the write no longer fits; empty when nothing did.

    `standing` holds its manual tags at this moment, None for a device that the estate no longer knows.
    """
    if standing is None:
        return "the estate no longer knows it"
    has = change.tag in standing
    if change.action is ChangeAction.ADD:
        if has:
            return f"it carries {change.tag} by now"
        # Owned and gone means that somebody took it away, which only `reassert` undoes.
        if owned and change.reason is not Reason.REASSERTED:
            return f"{change.tag} was given to it and taken away again"
        if not owned and change.reason is Reason.REASSERTED:
            return f"{change.tag} is no longer Earmark's on it"
    elif not has:
        return f"it does not carry {change.tag} any more"
    elif not owned and change.reason not in _UNOWNED_REMOVALS:
        return f"{change.tag} is no longer Earmark's on it"
    return ""


def _count_standing(pairs: Mapping[Pair, PairState], standing: Mapping[str, frozenset[str]]) -> int:
    return sum(1 for p, s in pairs.items() if s.owned_since is not None and p.tag in standing.get(p.device, ()))


def _batches(changes: Iterable[Change], size: int) -> list[tuple[ChangeAction, str, list[Change]]]:
    """Writes by action and tag, up to `size` at a time; additions first, so that no device is without a tag between
    two.
    """
    groups: dict[tuple[ChangeAction, str], list[Change]] = {}
    for change in sorted(changes, key=_order):
        groups.setdefault((change.action, change.tag), []).append(change)
    return [
        (action, tag, group[at : at + size])
        for (action, tag), group in groups.items()
        for at in range(0, len(group), size)
    ]


def _order(change: Change) -> tuple[str, str, str]:
    return change.action.value, change.tag, change.device
