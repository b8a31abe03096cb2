"""`check --fix`: the mechanical repairs of queries and of the columns that flows name, written into their files.

Queries come first: a column that is renamed in a query has its old name in the flow's file still. Each repair of a
query is an edit of its text. It is made in the notation of the file (indentation of a block, doubled
quotes, CRLF), and everything else stays byte for byte. The new file is read again before it is written: it must say
what the old one said, with the repaired query and nothing else changed, or the file is left alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from earmark.errors import ProjectError
from earmark.kql.base import Analysis, Diagnostic, Edit
from earmark.model.finding import Finding
from earmark.project.flow_rules import column_repairs
from earmark.project.load import kql_analysts
from earmark.project.query_text import QueryText, inline_query, only_reads_list, whole_query
from earmark.project.reading import Analyst, Analysts, Reading, query_tables, read_project, with_queries
from earmark.project.source import BOM, Source
from earmark.project.whole_file import write_whole
from earmark.project.yaml_nodes import find_text, parse_yaml, plain
from earmark.project.yaml_text import block_indent

MOST_ROUNDS = 20
"""Rounds of repairs on one file: a repair may make the next one possible, but not for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repair:
    """A file on its way through rounds of repairs."""

    query: QueryText
    """The query as it stands now."""
    fixed: tuple[Finding, ...] = ()
    """What was repaired so far, at its place in the file as it stood then."""


def fix_project(
    folder: Path,
    *,
    env: str | None = None,
    flows: Sequence[str] = (),
    analysts: Analysts | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Repair what can be repaired and write it; the findings that are gone, each at the place it had in its round."""
    make = analysts or kql_analysts(folder)

    def read() -> Reading:
        variables = os.environ if environment is None else environment
        return with_queries(read_project(folder, env=env, environment=variables), make, flows)

    fixed = _fix_queries(folder, read(), make)
    return fixed + _fix_columns(folder, read())


def _fix_queries(folder: Path, reading: Reading, make: Analysts) -> list[Finding]:
    analyst = make(query_tables(reading.lists))
    fixed: list[Finding] = []
    done: set[str] = set()  # two flows may share a .kql file
    for draft in reading.drafts:
        query, analysis = draft.query, reading.analyses.get(draft.file)
        if query is None or analysis is None or draft.root is None or only_reads_list(draft.root):
            continue
        if query.source.file in done or not any(diagnostic.edits for diagnostic in analysis.diagnostics):
            continue
        done.add(query.source.file)
        repair = _repaired(query, analysis, analyst)
        if repair.fixed:
            _write(folder, query.source, repair.query.source)
            fixed += repair.fixed
    return fixed


def _fix_columns(folder: Path, reading: Reading) -> list[Finding]:
    fixed: list[Finding] = []
    for draft in reading.drafts:
        analysis = reading.analyses.get(draft.file)
        repairs = column_repairs(draft, analysis) if analysis is not None else []
        if draft.source is not None and repairs:
            text = draft.source.text
            for _, edit in sorted(repairs, key=lambda repair: repair[1].start, reverse=True):
                text = text[: edit.start] + edit.text + text[edit.end :]
            _write(folder, draft.source, replace(draft.source, text=text))
            fixed += [finding for finding, _ in repairs]
    return fixed


def _repaired(query: QueryText, analysis: Analysis, analyst: Analyst) -> _Repair:
    repair, before = _Repair(query=query), analysis
    seen = {query.text}
    for _ in range(MOST_ROUNDS):
        step = _one_round(repair.query, analysis)
        if step is None or step.query.text in seen:
            break
        seen.add(step.query.text)
        repair = replace(repair, query=step.query, fixed=(*repair.fixed, *step.fixed))
        analysis = analyst.analyze(repair.query.text)
    made_worse = analysis.refused and not before.refused
    return _Repair(query=query) if made_worse else repair


def _one_round(query: QueryText, analysis: Analysis) -> _Repair | None:
    """Every repair that does not touch another; where they do not go together, the first that goes alone."""
    chosen = _apart(diagnostic for diagnostic in analysis.diagnostics if diagnostic.edits)
    for attempt in (chosen, *([one] for one in chosen)):
        after = edited(query, [edit for diagnostic in attempt for edit in diagnostic.edits]) if attempt else None
        if after is not None:
            return _Repair(query=after, fixed=tuple(query.finding(d, fixable=True) for d in attempt))
    return None


def _apart(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    chosen: list[Diagnostic] = []
    for diagnostic in diagnostics:
        taken = [edit for other in chosen for edit in other.edits]
        if not any(a.start <= b.end and b.start <= a.end for a in diagnostic.edits for b in taken):
            chosen.append(diagnostic)
    return chosen


def edited(query: QueryText, edits: Sequence[Edit]) -> QueryText | None:
    """The query in its file after some edits; None when the file cannot say so in its notation."""
    if query.offsets is None or not edits:
        return None
    wanted, text = query.text, query.source.text
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        wanted = wanted[: edit.start] + edit.text + wanted[edit.end :]
        start, end = query.offsets[edit.start], query.offsets[edit.end]
        text = text[:start] + _in_notation(query, edit) + text[end:]
    return _read_back(query, replace(query.source, text=text), wanted)


def _in_notation(query: QueryText, edit: Edit) -> str:
    """The new text as the file has to write it."""
    line_break, node = query.source.line_break, query.node
    if node is None:
        return edit.text.replace("\n", line_break)
    if node.style == "'":
        return edit.text.replace("'", "''")
    if node.style == '"':
        return edit.text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    indent = " " * (block_indent(node) or 0)
    new = edit.text.replace("\n", line_break + indent)
    if node.style == "|" and edit.start == len(query.text) and query.text.endswith("\n"):
        return line_break + indent + new
    return new


def _read_back(query: QueryText, source: Source, wanted: str) -> QueryText | None:
    """The query as the new file gives it, if the file says that and otherwise what it said before."""
    if query.node is None:
        after = whole_query(source)
        return after if after is not None and after.text == wanted else None
    root, findings = parse_yaml(source)
    old_root, old_findings = parse_yaml(query.source)
    scalar = find_text(root, "hunt", "query")
    if root is None or old_root is None or scalar is None or len(findings) > len(old_findings):
        return None
    if scalar.text.rstrip("\n") != wanted.rstrip("\n"):
        return None
    was, now = plain(old_root), plain(root)
    was["hunt"]["query"] = now["hunt"]["query"]
    return inline_query(scalar) if was == now else None


def _write(folder: Path, before: Source, after: Source) -> None:
    """Put the new text in the place of the old, whole or not at all, unless somebody changed the file meanwhile."""
    path = (folder / before.file).resolve()
    mark = BOM if before.bom else b""
    try:
        if path.read_bytes() != mark + before.text.encode():
            raise ProjectError(
                f"{before.file} changed while it was being repaired.", hint="Run `earmark check --fix` again."
            )
        write_whole(path, mark + after.text.encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ProjectError(
            f"{before.file} cannot be written: {reason}.", hint="The file was left as it was."
        ) from error
