"""What a reader of a line format is given and gives back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from earmark.estates.embedded.staging import Files, Stage


class Format(StrEnum):
    """The formats that are read, in words."""

    STREAMING = "Defender streaming export"
    WINDOWS = "Windows Security events"
    INVENTORY_LINES = "inventory (JSON lines)"
    INVENTORY_CSV = "inventory (CSV)"
    PARQUET = "Parquet in Defender's columns"


@dataclass(slots=True, kw_only=True)
class Taken:
    """What a reader made of some lines: rows staged, and every one that was not."""

    rows: int = 0
    """Rows there were; blank lines are none."""
    staged: int = 0
    skipped: int = 0
    rejects: list[tuple[int, str]] = field(default_factory=list)
    """(line, reason)."""
    warnings: Counter[str] = field(default_factory=Counter)
    """Sentence → rows it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Lines of one file or several as a relation of DuckDB with columns `n` (number) and `line` (NULL when blank)."""

    relation: str
    files: Files
    """The files by their numbers in this import, and where each begins."""

    def first(self, count: int) -> Lines:
        """The lines of the first files."""
        if count == len(self.files):
            return self
        return Lines(
            relation=f"(SELECT * FROM {self.relation} WHERE n < {self.files[count][1]})", files=self.files[:count]
        )


class LineReader(Protocol):
    """Stages the rows of files of its format, some lines at a time."""

    def kind_of(self, beginning: bytes) -> str:
        """What the beginning of a file says of its lines; only files of the same kind are given to it together."""

    def at_once(self, kind: str) -> int:
        """How many files of that kind it is worth giving it at once."""

    def __call__(
        self, lines: Lines, stage: Stage, resolve: Callable[[Iterable[str]], Mapping[str, str]]
    ) -> Sequence[Taken]:
        """Read the lines of the first of the files: as many as results come back, and of a single file always all.

        `resolve` gives the device id of each name.
        """
