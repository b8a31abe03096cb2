"""Findings: `file:line:column CODE message`, the hint beneath."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import rich_click as click

from earmark.cli.options import Format
from earmark.cli.render.output import emit
from earmark.cli.render.text import count_of, printable
from earmark.model.finding import Finding, Severity
from earmark.project.report import finding_document

COLUMNS = ("file", "line", "column", "end_line", "end_column", "code", "severity", "message", "hint", "fixable")


def _print_text(findings: Sequence[Finding]) -> None:
    for f in findings:
        click.secho(f"{printable(f.file)}:{f.line}:{f.column} ", nl=False, bold=True)
        click.secho(f.code, nl=False, fg="red" if f.severity is Severity.ERROR else "yellow")
        click.echo(f" {printable(f.message)}" + (" (repaired by check --fix)" if f.fixable else ""))
        for line in f.hint.splitlines():
            click.secho(f"    {printable(line)}", dim=True)
    counts = Counter(f.severity for f in findings)
    if not findings:
        click.echo("No findings.", err=True)
    else:
        click.echo(
            f"{count_of(counts[Severity.ERROR], 'error')}, {count_of(counts[Severity.WARNING], 'warning')}.", err=True
        )


def print_findings(format_: Format, findings: Sequence[Finding]) -> None:
    """All findings in the form asked for."""
    document = [finding_document(f) for f in findings]
    emit(
        format_,
        document,
        COLUMNS,
        [[d[name] for name in COLUMNS] for d in document],
        table=lambda: _print_text(findings),
    )
