"""What an import took in, file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from earmark.cli.options import Format
from earmark.cli.render.output import emit
from earmark.cli.render.text import printable

if TYPE_CHECKING:
    from earmark.estates.embedded.report import ImportReport

COLUMNS = ("file", "format", "rows", "stored", "duplicates", "skipped", "rejected")


def print_report(format_: Format, report: ImportReport) -> None:
    """The counts of every file; warnings and the place of the rejects on stderr."""
    rows = [[str(f.file), f.format, f.rows, f.stored, f.duplicates, f.skipped, f.rejected] for f in report.files]
    if len(rows) > 1 and format_ == "table":
        rows.append(["", f"{len(rows)} files", *(report.total(name) for name in COLUMNS[2:])])
    document = [
        dict(zip(COLUMNS, row, strict=False)) | {"tables": dict(f.tables), "warnings": f.warnings}
        for row, f in zip(rows, report.files, strict=False)
    ]
    emit(format_, document, COLUMNS, rows)
    for file in report.files:
        for warning in file.warnings:
            click.echo(f"warning: {printable(str(file.file))}: {printable(warning)}", err=True)
    if report.rejects_file is not None:
        click.echo(f"{report.total('rejected')} rejected; each with its reason in {printable(str(report.rejects_file))}", err=True)
