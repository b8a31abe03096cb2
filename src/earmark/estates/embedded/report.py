"""What an import says of itself: counts by file, and every line that could not be taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A line, or a whole file, that was not taken."""

    file: Path
    line: int
    """From 1; 0 means the whole file. In a Parquet file the row, in a list of records the list's line."""
    reason: str
    text: str = ""
    """The line, shortened."""


@dataclass(slots=True, kw_only=True)
class FileReport:
    """What became of one file; filled while it is read."""

    file: Path
    format: str = ""
    """The format in words; empty when it was not recognised."""
    rows: int = 0
    """Rows read: each ends as stored, duplicate, skipped or rejected."""
    stored: int = 0
    duplicates: int = 0
    """Rows that the estate, or the same import, had already."""
    skipped: int = 0
    """Rows that Earmark has no use for, such as other Windows events."""
    rejected: int = 0
    failed: str = ""
    """Why the whole file, or what follows its readable part, was not taken (that is one reject); empty when it was."""
    tables: Counter[str] = field(default_factory=Counter)
    """Rows stored, by table; an inventory's are under `(inventory)`."""
    warnings: list[str] = field(default_factory=list)
    """Worth knowing, said once a file: columns and tables that are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of an import."""

    files: tuple[FileReport, ...]
    rejects_file: Path | None
    """Where the rejects are; None when there are none."""

    def total(self, count: str) -> int:
        """The sum over all files of one of their counts, such as `stored`."""
        return sum(int(getattr(file, count)) for file in self.files)

    @property
    def has_findings(self) -> bool:
        """Whether something was not taken: the command then says so with its exit code."""
        return any(file.rejected for file in self.files)


class Progress(Protocol):
    """Is told how far an import is."""

    def __call__(self, file: Path, done: int, total: int) -> None:
        """Of `file`, `done` of `total` bytes are read."""
