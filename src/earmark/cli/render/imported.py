"""What an import took in, file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from earmark.cli.options import Format
from earmark.cli.render.output import emit, print_table
from earmark.cli.render.text import printable

if TYPE_CHECKING:
    from earmark.estates.embedded.report import ImportReport

COUNTS = ("rows", "stored", "duplicates", "skipped", "rejected")
COLUMNS = ("file", "format", *COUNTS)


def print_report(format_: Format, report: ImportReport) -> None:
    """Every file for programs, the sums of each format for people; what went wrong on stderr."""
    rows = [[str(f.file), f.format, *(getattr(f, name) for name in COUNTS)] for f in report.files]
    document = [
        dict(zip(COLUMNS, row, strict=True)) | {"tables": dict(f.tables), "warnings": f.warnings}
        for row, f in zip(rows, report.files, strict=True)
    ]
    emit(format_, document, COLUMNS, rows, table=lambda: _print_sums(report))
    for file in report.files:
        if file.failed:
            click.echo(f"error: {printable(str(file.file))}: {printable(file.failed)}", err=True)
        for warning in file.warnings:
            click.echo(f"warning: {printable(str(file.file))}: {printable(warning)}", err=True)
    if report.rejects_file is not None:
        click.echo(
            f"{report.total('rejected')} rejected; each with its reason in {printable(str(report.rejects_file))}",
            err=True,
        )


def _print_sums(report: ImportReport) -> None:
    sums: dict[str, list[int]] = {}
    for file in report.files:
        counts = sums.setdefault(file.format or "not recognised", [0] * (len(COUNTS) + 1))
        for at, count in enumerate((1, *(getattr(file, name) for name in COUNTS))):
            counts[at] += count
    columns = ("format", "files", *COUNTS)
    print_table(columns, [[name, *counts] for name, counts in sorted(sums.items())], numeric=columns[1:])
