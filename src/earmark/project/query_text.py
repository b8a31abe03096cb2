"""The query of a flow with the way back from an offset in it to a place in the file it stands in.

The query may stand in the flow's file, in any YAML notation, or in a .kql file; a flow on a list has the list's name
for a query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from earmark.kql.base import Diagnostic, Weight
from earmark.kql.defender.lexer import tokens
from earmark.model.finding import Finding, Severity
from earmark.model.nearest import did_you_mean
from earmark.project.codes import Code
from earmark.project.lists import Lists
from earmark.project.source import Source, read_source
from earmark.project.yaml_nodes import MappingNode, Node, ScalarNode, find, find_text
from earmark.project.yaml_text import scalar_offsets

_LINE_BREAK = re.compile(r"[\r\n]")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryText:
    """A query and where it stands."""

    text: str
    """KQL, with line breaks as \\n."""
    source: Source
    """The file it stands in."""
    node: ScalarNode | None
    """The scalar it stands in; None when it is a whole .kql file."""
    whole: tuple[int, int]
    """The stretch of the file to point at when the place within is not known."""
    offsets: tuple[int, ...] | None
    """Where each character and the end stand in the file; None when that cannot be known exactly."""

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the file that holds a stretch of the query."""
        if self.offsets is None:
            return self.whole
        last = len(self.text)
        start, end = min(max(start, 0), last), min(max(start, end), last)
        begins = self.offsets[start]
        if end == start:
            return begins, begins
        ends = self.offsets[end]
        after_last = self.offsets[end - 1] + 1
        # past a line break the next character stands behind indentation: the stretch ends where its last character does
        return begins, ends if "\n" not in self.source.text[after_last - 1 : ends] else after_last

    def finding(self, diagnostic: Diagnostic, *, fixable: bool) -> Finding:
        """A diagnostic of the query as a finding of the file."""
        begins, ends = self.place(diagnostic.start, diagnostic.end)
        line, column = self.source.position(begins)
        end_line, end_column = self.source.position(ends)
        return Finding(
            file=self.source.file,
            line=line,
            column=column,
            end_line=end_line,
            end_column=end_column,
            code=diagnostic.code,
            severity=Severity.ERROR if diagnostic.weight is Weight.ERROR else Severity.WARNING,
            message=diagnostic.message,
            hint=diagnostic.hint,
            fixable=fixable and bool(diagnostic.edits) and self.offsets is not None,
        )

    def query_finding(self, code: Code, message: str, hint: str = "") -> Finding:
        """A finding about the query as a whole."""
        return self.source.finding(code, *self.whole, message, hint)


def check_comments(query: QueryText) -> list[Finding]:
    """Comments that reach further than their line: YAML joins the lines of a folded, quoted or plain text.

    What follows the comment is then no part of the query any more: it may well run, and match every device.
    """
    if query.node is None or query.node.style == "|" or "//" not in query.text:
        return []
    words = tokens(query.text)
    for match in re.finditer(r"//", query.text):
        if any(word.start <= match.start() < word.end for word in words):
            continue  # within a string
        line_end = query.text.find("\n", match.end())
        start, end = query.place(match.start(), line_end if line_end >= 0 else len(query.text))
        if query.offsets is None or _LINE_BREAK.search(query.source.text, start, end):
            message = "This comment reaches over the lines after it, since YAML joins them to one."
            hint = "Write the query as a block: `query: |`."
            return [query.source.finding(Code.COMMENT_SWALLOWS, start, end, message, hint)]
    return []


def read_query(folder: Path, flow_file: str, root: Node, lists: Lists) -> tuple[QueryText | None, list[Finding]]:
    """The query of one flow; which of its three keys may stand is judged elsewhere."""
    if (scalar := find_text(root, "hunt", "query")) is not None:
        return (inline_query(scalar), []) if scalar.text.strip() else (None, [])
    if (scalar := find_text(root, "hunt", "file")) is not None:
        return _from_file(folder, flow_file, scalar)
    if (scalar := find_text(root, "hunt", "list")) is not None:
        return _from_list(scalar, lists)
    return None, []


def only_reads_list(root: Node) -> bool:
    """Whether the flow's devices come from a list, without a query."""
    hunt = find(root, "hunt")
    return isinstance(hunt, MappingNode) and hunt.get("list") is not None


def inline_query(scalar: ScalarNode) -> QueryText:
    """The query that stands in a scalar."""
    return QueryText(
        text=scalar.text,
        source=scalar.source,
        node=scalar,
        whole=(scalar.start, scalar.start if scalar.style in ("|", ">") else scalar.end),
        offsets=scalar_offsets(scalar),
    )


def _from_file(folder: Path, flow_file: str, scalar: ScalarNode) -> tuple[QueryText | None, list[Finding]]:
    named = PurePosixPath(scalar.text)
    if not scalar.text.isprintable():
        return None, []  # refused with the shape of the file
    problem = "an absolute path" if named.is_absolute() or ":" in scalar.text or "\\" in scalar.text else ""
    problem = problem or ("a path that leads out of the folder" if ".." in named.parts else "")
    if problem or named.suffix != ".kql":
        message = (
            f"`hunt.file` is {problem or 'not a .kql file'}: a .kql file in or below the flow's folder is expected."
        )
        return None, [
            scalar.finding(Code.FILE_NAME, message, "Write the name with forward slashes, such as executive.kql.")
        ]
    file = (PurePosixPath(flow_file).parent / named).as_posix()
    source = read_source(folder, file)
    if isinstance(source, Finding):
        if source.code == Code.FILE_MISSING:
            siblings = [path.name for path in (folder / file).parent.glob("*.kql")]
            message = f"The query's file `{file}` does not exist.{did_you_mean(named.name, siblings)}"
            return None, [scalar.finding(Code.QUERY_FILE, message)]
        return None, [source, scalar.finding(Code.QUERY_FILE, f"The query's file `{file}` cannot be read.")]
    query = whole_query(source)
    if query is None:
        return None, [source.finding(Code.FILE_EMPTY, 0, 0, f"`{file}` is empty; a query is expected.")]
    return query, []


def whole_query(source: Source) -> QueryText | None:
    """The query that a .kql file is; None when the file is empty."""
    text = source.text.replace("\r\n", "\n")
    if not text.strip():
        return None
    kept = [match.start() for match in re.finditer(r"\r\n|[\s\S]", source.text)]
    return QueryText(text=text, source=source, node=None, whole=(0, 0), offsets=(*kept, len(source.text)))


def _from_list(scalar: ScalarNode, lists: Lists) -> tuple[QueryText | None, list[Finding]]:
    if scalar.text not in lists.tables:
        return None, [unknown_list(scalar, lists)]
    place = (scalar.start, scalar.end)
    return QueryText(text=scalar.text, source=scalar.source, node=scalar, whole=place, offsets=None), []


def unknown_list(scalar: ScalarNode, lists: Lists) -> Finding:
    """A list is named that the project does not have."""
    if scalar.text in lists.broken:
        return scalar.finding(Code.UNKNOWN_LIST, f"The list `{scalar.text}` has errors of its own.")
    message = f"There is no list `{scalar.text}`.{did_you_mean(scalar.text, lists.tables)}"
    known = f"Lists: {', '.join(lists.tables)}." if lists.tables else ""
    return scalar.finding(Code.UNKNOWN_LIST, message, known or f"Write lists/{scalar.text}.csv, with a header.")
