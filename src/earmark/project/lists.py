"""lists/*.csv: named reference data, usable as tables in hunts.

A folder goes in; the lists and a finding for everything odd come out. Cells are text and compared exactly, so that
nothing is guessed from their look.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from earmark.model.finding import Finding
from earmark.model.hunt import Column, ListTable
from earmark.project.codes import Code
from earmark.project.digests import digest_of
from earmark.project.folders import LISTS, read_folder
from earmark.project.source import MAX_LIST_BYTES, Source, file_finding, read_source

MOST_FINDINGS = 20
"""Findings about rows that are listed one by one; the rest are counted."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class ProjectList(ListTable):
    """A list as its file gives it: a table with a name."""

    name: str
    """The name, case-sensitive: that of its file."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the names, columns and rows; taken once, however many flows read the list."""
        return digest_of({"name": self.name, "columns": self.column_names, "rows": self.rows})

    def column(self, name: str) -> tuple[str, ...]:
        """The distinct texts of one column that are not empty, in the list's order."""
        at = self.column_names.index(name)
        return tuple(dict.fromkeys(row[at] for row in self.rows if row[at]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The lists of a project."""

    tables: Mapping[str, ProjectList]
    """Those that can be used, by name."""
    broken: frozenset[str] = frozenset()
    """Names of those that have errors of their own."""


def read_lists(folder: Path, tables: frozenset[str]) -> tuple[Lists, list[Finding]]:
    """Every list of a project; `tables` are the names that are taken."""
    lists: dict[str, ProjectList] = {}
    files, findings = read_folder(folder, LISTS)
    for file in files:
        name = PurePosixPath(file).stem
        problem = _check_name(file, name, tables, lists)
        if problem is not None:
            findings.append(problem)
            continue
        source = read_source(folder, file, limit=MAX_LIST_BYTES)
        if isinstance(source, Finding):
            findings.append(source)
            continue
        table, table_findings = read_list(source, name)
        findings += table_findings
        if table is not None:
            lists[name] = table
    broken = frozenset(PurePosixPath(file).stem for file in files) - lists.keys()
    return Lists(tables=lists, broken=broken), findings


def _check_name(file: str, name: str, tables: frozenset[str], lists: dict[str, ProjectList]) -> Finding | None:
    hint = "Rename the file."
    if not _NAME.fullmatch(name):
        message = f"`{name}` cannot name a list: letters, digits and `_` are expected, not beginning with a digit."
        return file_finding(file, Code.LIST_NAME, message, hint)
    taken = {other.casefold(): other for other in (*tables, *lists)}
    if other := taken.get(name.casefold()):
        message = (
            f"`{name}` cannot name a list: there is already a table or list `{other}`, and queries would mix them up."
        )
        return file_finding(file, Code.LIST_NAME, message, hint)
    return None


def read_list(source: Source, name: str) -> tuple[ProjectList | None, list[Finding]]:
    """One list from its text: a header, then rows."""
    if not source.text.strip():
        return None, [file_finding(source.file, Code.FILE_EMPTY, f"`{source.file}` is empty; a header is expected.")]
    numbered, fault = _numbered_rows(source.text)
    if fault is not None:
        message = f"Not valid CSV: {fault[1]}."
        return None, [_line_finding(source, fault[0], Code.LIST_SYNTAX, message, "Check the quotes.")]
    (header_line, header), rows = numbered[0], numbered[1:]
    findings = _check_header(source, header_line, header)
    row_findings = list(_check_rows(source, header, rows))
    findings += row_findings[:MOST_FINDINGS]
    if len(row_findings) > MOST_FINDINGS:
        last, more = row_findings[MOST_FINDINGS - 1], len(row_findings) - MOST_FINDINGS
        findings.append(_line_finding(source, last.line, Code(last.code), f"… and {more:,} more findings about rows."))
    if not rows:
        message = f"`{source.file}` has a header but no rows: as a table it matches nothing."
        findings.append(_line_finding(source, header_line, Code.LIST_EMPTY, message))
    if any(finding.severity == "error" for finding in findings):
        return None, findings
    columns = tuple(Column(name=column, type="string") for column in header)
    return ProjectList(name=name, columns=columns, rows=tuple(tuple(row) for _, row in rows)), findings


def _numbered_rows(text: str) -> tuple[list[tuple[int, list[str]]], tuple[int, str] | None]:
    """Rows that are not empty, each with the line it begins on; and the line and fault that ended the reading."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for row in reader:
            if row:
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        return rows, (line, str(error))
    return rows, None


def _check_header(source: Source, line: int, header: list[str]) -> list[Finding]:
    findings: list[Finding] = []
    if len(header) == 1 and (separator := next((s for s in (";", "\t") if s in header[0]), "")):
        shown = "semicolons" if separator == ";" else "tabs"
        message = f"The columns seem to be separated by {shown}; commas are expected."
        return [_line_finding(source, line, Code.LIST_SYNTAX, message, "Save the list as CSV with commas.")]
    seen: dict[str, str] = {}
    for number, name in enumerate(header, start=1):
        if not name or name != name.strip() or not name.isprintable() or re.search(r"[\[\]'\"\\]", name):
            message = f'Column {number} cannot be named "{name}": no quotes, brackets or outer spaces are expected.'
            findings.append(_line_finding(source, line, Code.LIST_COLUMN, message))
        elif other := seen.get(name.casefold()):
            message = f"The column `{name}` stands twice" + (f" (as `{other}`)." if other != name else ".")
            findings.append(_line_finding(source, line, Code.LIST_COLUMN, message, "Rename one of them."))
        seen.setdefault(name.casefold(), name)
    return findings


def _check_rows(source: Source, header: list[str], rows: list[tuple[int, list[str]]]) -> Iterator[Finding]:
    seen: dict[tuple[str, ...], int] = {}
    for line, row in rows:
        if len(row) != len(header):
            message = f"Cells in the row: {len(row)}; columns in the header: {len(header)}."
            yield _line_finding(
                source, line, Code.LIST_ROW_LENGTH, message, "A cell that holds a comma must be quoted."
            )
            continue
        first = seen.setdefault(tuple(row), line)
        if first != line:
            yield _line_finding(
                source, line, Code.LIST_ROW_TWICE, f"The same row stands in line {first}.", "Remove one."
            )
        for name, cell in zip(header, row, strict=True):
            if "\0" in cell:
                message = (
                    f"The cell of `{name}` holds the character U+0000, which is no text: no hunt could read the list."
                )
                yield _line_finding(source, line, Code.LIST_NUL, message, "Remove the character.")
            if cell != cell.strip():
                message = f'The cell "{cell}" of `{name}` has spaces at its ends; it is compared with them.'
                yield _line_finding(source, line, Code.LIST_CELL, message, "Remove the spaces.")


def _line_finding(source: Source, line: int, code: Code, message: str, hint: str = "") -> Finding:
    start = source.line_start(line)
    return source.finding(code, start, source.line_end(line), message, hint)
