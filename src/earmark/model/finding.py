"""A finding: something to say of a file, collected and never raised."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """The project cannot be used so."""
    WARNING = "warning"
    """It runs, but may not mean what its author thinks."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One finding at one place."""

    file: str
    """The file, relative to the project, with forward slashes."""
    line: int
    """First line, from 1."""
    column: int
    """First column, from 1."""
    end_line: int
    """Line of the end."""
    end_column: int
    """Column just after the end."""
    code: str
    """Stable code: EM… for ours, KS… for those of Microsoft's language service."""
    severity: Severity
    """Error or warning."""
    message: str
    """The thing, the fault, the expectation, the nearest valid name."""
    hint: str = ""
    """What to do."""
    fixable: bool = False
    """Whether `check --fix` repairs it."""
