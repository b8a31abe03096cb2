"""A plan as people read it: what is added, removed and kept, each with its reason; then the sums."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

import rich_click as click

from earmark.cli.options import Format
from earmark.cli.render.output import print_csv, print_json, print_table
from earmark.cli.render.text import about, cell, count_of, moment, printable
from earmark.model.document import plan_document
from earmark.model.evidence import shown_evidence
from earmark.model.guard import Verdict
from earmark.model.plan import ApprovalState, Change, ChangeAction, Plan, Reason, Section

MARKS = {
    ChangeAction.ADD: ("+", "green"),
    ChangeAction.REMOVE: ("-", "red"),
    ChangeAction.KEEP: ("=", "cyan"),
    ChangeAction.SKIP: ("~", "yellow"),
}
QUIET = frozenset({Reason.STILL_MATCHES})
"""Reasons that are counted and not listed, unless everything is asked for."""
MOST = 20
"""Lines listed of one kind of change in a section, unless everything is asked for."""


def print_plan(format_: Format, plan: Plan, *, redact: Collection[str], every: bool) -> None:
    """A plan in the form asked for."""
    if format_ == "json":
        print_json(plan_document(plan, redact=redact))
    elif format_ == "csv":
        rows = [
            [s.flow, c.action.value, c.device, c.name, c.tag, c.reason.value, c.text, c.until]
            for s in plan.sections
            for c in s.changes
        ]
        print_csv(("flow", "action", "device", "name", "tag", "reason", "text", "until"), rows)
    else:
        _print_text(plan, redact, every)


def _print_text(plan: Plan, redact: Collection[str], every: bool) -> None:
    for section in plan.sections:
        _print_section(section, redact, every)
    columns = ("flow", "found", "add", "remove", "keep", "skip", "state")
    rows = [
        [s.flow, s.matched if s.complete else "?", *(s.count(a) for a in ChangeAction), _state(s)]
        for s in plan.sections
    ]
    print_table(columns, rows, numeric=columns[1:6])
    click.echo()
    adds, removes = (sum(s.count(a) for s in plan.sections) for a in (ChangeAction.ADD, ChangeAction.REMOVE))
    if adds or removes:
        calls = " and ".join(filter(None, [count_of(plan.calls, "call"), about(plan.seconds)]))
        at = moment(plan.effective_at)
        click.echo(f"Plan {plan.id}: {adds} to add, {removes} to remove, in {calls}, as of {at} UTC.")
    else:
        unknown = sum(not s.complete for s in plan.sections)
        but = f", but {unknown} of {count_of(len(plan.sections), 'flow')} unknown" if unknown else ""
        click.echo(f"Nothing to do{but}, as of {moment(plan.effective_at)} UTC.")


def _state(section: Section) -> str:
    if not section.complete:
        return "unknown"
    if section.guard.verdict is Verdict.HELD:
        return "held"
    return "" if section.approval is ApprovalState.NONE else section.approval.value


def _print_section(section: Section, redact: Collection[str], every: bool) -> None:
    tags = sorted({c.tag for c in section.changes})
    click.secho(f"flow {printable(section.flow)}" + (f" → {printable(', '.join(tags[:5]))}" if tags else ""), bold=True)
    if not section.complete:
        click.secho(f"  unknown, so nothing is concluded: {printable(section.why_not or '')}", fg="yellow")
    for breach in section.guard.breaches:
        click.secho(f"  held: {breach.limit} allows {breach.allowed:g}, the plan has {breach.found:g}", fg="yellow")
    listed = [c for c in section.changes if every or c.reason not in QUIET]
    for action, changes in _by_action(listed):
        _print_changes(action, changes, redact, len(changes) if every else MOST)
    quiet = len(section.changes) - len(listed)
    if quiet:
        click.secho(
            f"  = {quiet} still match{'es' if quiet == 1 else ''} and keep{'s' if quiet == 1 else ''} the tag", dim=True
        )
    click.echo()


def _by_action(changes: Sequence[Change]) -> Iterable[tuple[ChangeAction, list[Change]]]:
    order = list(ChangeAction)
    ranked = sorted(changes, key=lambda c: (order.index(c.action), c.name.casefold(), c.device))
    return ((action, list(group)) for action, group in groupby(ranked, key=lambda c: c.action))


def _print_changes(action: ChangeAction, changes: Sequence[Change], redact: Collection[str], most: int) -> None:
    mark, colour = MARKS[action]
    width = min(max(len(printable(c.name)) for c in changes[:most]), 48)
    for change in changes[:most]:
        click.secho(f"  {mark} ", nl=False, fg=colour)
        click.echo(f"{printable(change.name):<{width}}  ", nl=False)
        click.secho(printable(change.text) + _evidence(change, redact), dim=True)
    if len(changes) > most:
        click.secho(f"    … {len(changes) - most} more ({action.value}); --all shows them", dim=True)


def _evidence(change: Change, redact: Collection[str]) -> str:
    """The columns that speak for the change; ids and names that stand in the line already are left out."""
    shown = [
        f"{printable(name)} {cell(value)}"
        for name, value in shown_evidence(change.evidence or {}, redact).items()
        if value not in (change.device, change.name)
    ]
    return f" ({', '.join(shown)})" if shown else ""
