"""One result, three forms: a table for people, JSON and CSV for programs; always on stdout."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from earmark.cli.options import Format
from earmark.cli.render.text import cell

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """A console that colours nothing by itself, so that digits in a name stay plain."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """A document as JSON."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows as CSV, cells as they are."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(v) for v in row] for row in rows)


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list, bool)) else value


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, numeric: Iterable[str] = ()) -> None:
    """Rows as a plain table without lines; nothing is cut, whatever the width."""
    from rich.table import Table
    from rich.text import Text

    right = set(numeric)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(Text(cell(name)), justify="right" if name in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell(v)) for v in row))
    out = console()
    width = sys.maxsize if not out.is_terminal else max(out.width, console_width(table))
    out.print(table, width=min(width, 10_000), crop=False, overflow="ignore")


def console_width(table: Any) -> int:
    """How wide a table is when nothing is cut."""
    from rich.measure import Measurement

    out = console()
    return Measurement.get(out, out.options.update(max_width=10_000), table).maximum


def emit(
    format_: Format, document: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, table: Callable[[], None] | None = None
) -> None:
    """Print one result in the form asked for; `table` draws it where a plain table is not what people want to read."""
    if format_ == "json":
        print_json(document)
    elif format_ == "csv":
        print_csv(columns, rows)
    elif table is not None:
        table()
    else:
        print_table(columns, rows)
