"""What a reader of a line format is given and gives back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from earmark.estates.embedded.staging import Stage


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
    """Lines of a file as a relation of DuckDB with columns `n` (number) and `line` (NULL when blank)."""

    relation: str
    file: int
    """The file's number in this import."""


class LineReader(Protocol):
    """Stages the rows of files of its format, some lines of one at a time."""

    def __call__(self, lines: Lines, stage: Stage, resolve: Callable[[Iterable[str]], Mapping[str, str]]) -> Taken:
        """Read the lines; `resolve` gives the device id of each name."""
