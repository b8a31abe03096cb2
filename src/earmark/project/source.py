"""One file of the project as text, and the way from an offset in it to a line and a column.

A path goes in; a `Source` comes out, or the finding that says why there is none. Line breaks are kept as they stand, so
that offsets are true to the file; a UTF-8 byte order mark is taken off and remembered. Columns count code points.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from earmark.model.finding import Finding
from earmark.project.codes import Code, severity_of

BOM = b"\xef\xbb\xbf"
"""The UTF-8 byte order mark, which some editors put at the beginning of a file."""
MAX_YAML_BYTES = 1_000_000
"""Largest YAML or KQL file that is read."""
MAX_LIST_BYTES = 50_000_000
"""Largest list that is read."""

_LINE_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, kw_only=True)
class Source:
    """The text of one file."""

    file: str
    """Relative to the project, with forward slashes."""
    text: str
    """The whole text, without a byte order mark."""
    bom: bool = False
    """Whether the file begins with a UTF-8 byte order mark."""

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self.text))]

    @property
    def line_break(self) -> str:
        """The line break that the file uses: that of its first line."""
        match = _LINE_BREAK.search(self.text)
        return match.group() if match else "\n"

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line_start(self, line: int) -> int:
        """The offset at which a line begins."""
        return self._line_starts[line - 1]

    def line_end(self, line: int) -> int:
        """The offset at which a line's text ends."""
        match = _LINE_BREAK.search(self.text, self.line_start(line))
        return match.start() if match else len(self.text)

    def finding(self, code: Code, start: int, end: int, message: str, hint: str = "") -> Finding:
        """A finding about a stretch of the text."""
        line, column = self.position(start)
        end_line, end_column = self.position(max(start, end))
        return Finding(
            file=self.file,
            line=line,
            column=column,
            end_line=end_line,
            end_column=end_column,
            code=code.value,
            severity=severity_of(code),
            message=message,
            hint=hint,
        )


def file_finding(file: str, code: Code, message: str, hint: str = "") -> Finding:
    """A finding about a file as a whole, at its beginning."""
    return Source(file=file, text="").finding(code, 0, 0, message, hint)


def read_source(folder: Path, file: str, *, limit: int = MAX_YAML_BYTES) -> Source | Finding:
    """Read one file of the project, given relative to its folder."""
    path = folder / file
    try:
        problem = _problem(folder, path, file, limit)
        if problem is not None:
            return problem
        raw = path.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return file_finding(
            file, Code.NOT_A_FILE, f"`{file}` cannot be read: {reason}.", "Check the file and the rights on it."
        )
    return _decoded(file, raw)


def _problem(folder: Path, path: Path, file: str, limit: int) -> Finding | None:
    if not path.exists():
        if path.is_symlink():
            return file_finding(
                file, Code.FILE_MISSING, f"`{file}` is a symbolic link to nothing.", "Repair or remove the link."
            )
        return file_finding(file, Code.FILE_MISSING, f"`{file}` does not exist.")
    if not path.resolve().is_relative_to(folder.resolve()):
        return file_finding(
            file,
            Code.OUTSIDE_PROJECT,
            f"`{file}` is a link that leads out of the project's folder.",
            "Put the file itself into the project.",
        )
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not an ordinary file"
        return file_finding(file, Code.NOT_A_FILE, f"`{file}` is {what}; a file is expected.")
    size = path.stat().st_size
    if size > limit:
        return file_finding(file, Code.FILE_TOO_BIG, f"`{file}` holds {size:,} bytes; at most {limit:,} are read.")
    return None


def _decoded(file: str, raw: bytes) -> Source | Finding:
    bom = raw.startswith(BOM)
    body = raw.removeprefix(BOM)
    try:
        return Source(file=file, text=body.decode(), bom=bom)
    except UnicodeDecodeError as error:
        before = body[: error.start].decode()
        looks = " It looks like UTF-16." if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        message = f"`{file}` is not UTF-8: byte {len(raw) - len(body) + error.start + 1} does not belong there.{looks}"
        at = len(before)
        return Source(file=file, text=before).finding(Code.NOT_UTF8, at, at, message, "Save the file as UTF-8.")
