"""One result, three forms: a table for people, JSON and CSV for programs; always on stdout."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import rich_click as click

from earmark.cli.options import Format
from earmark.cli.render.text import cell
from earmark.model.instant import instant_text

if TYPE_CHECKING:
    from rich.console import Console


WIDEST = 64
"""Cells up to which a column's cells are padded: one name of ten thousand letters must not widen every line."""


def console(*, stderr: bool = False) -> Console:
    """A console that colours nothing by itself, so that digits in a name stay plain."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """A document as JSON; letters that the stream's encoding lacks as JSON's own escapes."""
    ascii_only = (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
    json.dump(document, sys.stdout, ensure_ascii=ascii_only, indent=2, default=str)
    sys.stdout.write("\n")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows as CSV, cells and instants in full, as in JSON."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(v) for v in row] for row in rows)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant_text(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list, bool)) else value


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, numeric: Iterable[str] = ()) -> None:
    """Rows as a plain table without lines; nothing is cut, whatever the width of the terminal."""
    from rich.cells import cell_len

    right = [name in set(numeric) for name in columns]
    texts = [[cell(v) for v in row] for row in rows]
    widths = [
        min(max(cell_len(line[at]) for line in ([*map(cell, columns)], *texts)), WIDEST) for at in range(len(columns))
    ]

    def line(cells: Sequence[str]) -> str:
        gaps = [" " * (width - cell_len(text)) for text, width in zip(cells, widths, strict=True)]
        return "  ".join(
            gap + text if r else text + gap for text, gap, r in zip(cells, gaps, right, strict=True)
        ).rstrip()

    click.secho(line([cell(name) for name in columns]), bold=True)
    if texts:
        click.echo("\n".join(map(line, texts)))


def emit(
    format_: Format,
    document: Any,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    table: Callable[[], None] | None = None,
    numeric: Iterable[str] = (),
) -> None:
    """Print one result in the form asked for; `table` draws it where a plain table is not what people want to read."""
    if format_ == "json":
        print_json(document)
    elif format_ == "csv":
        print_csv(columns, rows)
    elif table is not None:
        table()
    else:
        print_table(columns, rows, numeric=numeric)
