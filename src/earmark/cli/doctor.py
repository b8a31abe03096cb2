"""`earmark doctor`: what Earmark runs on, what is due, and what the tenant has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import rich_click as click

from earmark.cli.options import Options, pass_options
from earmark.errors import ProjectError

if TYPE_CHECKING:
    from earmark.services.doctor import Diagnosis

WIDTH = 100
"""Cells of a line of names."""


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Ask the tenant nothing.")
@pass_options
def command(options: Options, offline: bool) -> int:
    """Look at the installation, the project, and the tenant.

    Versions, disk, caches, state and ledger; when flows are due; on a tenant which tables of advanced hunting it has,
    which of them the flows lack, and which quotas are in use.
    """
    from earmark.app import quota_states
    from earmark.cli.render.lines import COLUMNS, rows
    from earmark.cli.render.output import emit
    from earmark.services.doctor import diagnose, diagnose_without_project, diagnosis_document
    from earmark.services.standing import exit_code

    try:
        opened = options.open()
    except ProjectError as wrong:
        found = diagnose_without_project(options.project, wrong)
    else:
        found = diagnose(opened.project, opened.workspace, quotas=lambda w: quota_states(opened, w), ask=not offline)
    emit(options.format, diagnosis_document(found), COLUMNS, rows(found.lines), table=lambda: _draw(found))
    return exit_code(found.lines)


def _draw(found: Diagnosis) -> None:
    from earmark.cli.render.lines import print_line
    from earmark.cli.render.output import print_table
    from earmark.cli.render.text import moment, printable

    click.echo(", ".join(f"{name} {version}" for name, version in found.versions.items()))
    click.echo()
    for line in found.lines:
        print_line(line)
    if found.flows:
        click.echo()
        due = [[f.flow, f.last_fire, "now" if f.due else moment(f.next_fire) or "on demand"] for f in found.flows]
        print_table(("flow", "last due", "next due"), due)
    for what, names in _gone(found):
        click.echo(f"\n{printable(what)}\n{_paragraph(names)}")
    used = [[*row] for row in _used(found)]
    if used:
        click.echo()
        columns = ("call", "within", "used", "left", "empty again", "blocked until")
        print_table(columns, used, numeric=("used", "left"))


def _gone(found: Diagnosis) -> Iterator[tuple[str, list[str]]]:
    """Tables that are not there, and those of which it is not known, by reason."""
    if found.tables is None:
        return
    if found.tables.missing:
        yield "Tables that the tenant does not have:", found.tables.missing
    for why in sorted(set(found.tables.unknown.values())):
        names = sorted(name for name, said in found.tables.unknown.items() if said == why)
        yield f"Tables of which it is not known ({why}):", names


def _paragraph(names: list[str]) -> str:
    from textwrap import fill

    return fill(", ".join(names), width=WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def _used(found: Diagnosis) -> list[tuple[object, ...]]:
    """Windows that hold calls, and kinds of call that must wait."""
    return [
        (
            quota.call,
            "1 hour" if use.limit.within.total_seconds() > 3000 else "1 minute",
            use.used,
            max(0, use.limit.calls - use.used),
            use.empty_at,
            quota.blocked_until,
        )
        for quota in found.quotas
        for use in quota.uses
        if use.used or quota.blocked_until
    ]
