"""Checks of an installation, line by line: what stands, what does not, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from earmark.errors import EarmarkError, ExitCode, PermissionDenied


class Standing(StrEnum):
    """How one line stands."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It cannot be told, and need not be."""
    SKIPPED = "skipped"
    """Not tried, since something before it failed or nothing needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a check."""

    check: str
    """What is checked, in one or two words."""
    standing: Standing
    message: str
    hint: str = ""
    """What to do; empty where there is nothing to do."""
    exit_code: ExitCode = ExitCode.DONE
    """What the command ends with on account of this line."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"check": self.check, "standing": self.standing.value, "message": self.message, "hint": self.hint}


def passed(check: str, message: str) -> Line:
    """It stands."""
    return Line(check=check, standing=Standing.PASSED, message=message)


def warning(check: str, message: str, hint: str) -> Line:
    """It stands, but somebody should look at it."""
    return Line(check=check, standing=Standing.WARNING, message=message, hint=hint)


def unknown(check: str, message: str) -> Line:
    """It cannot be told."""
    return Line(check=check, standing=Standing.UNKNOWN, message=message)


def skipped(check: str, message: str) -> Line:
    """It was not tried."""
    return Line(check=check, standing=Standing.SKIPPED, message=message)


def failed(check: str, message: str, hint: str, code: ExitCode) -> Line:
    """It does not stand."""
    return Line(check=check, standing=Standing.FAILED, message=message, hint=hint, exit_code=code)


def stopped(check: str, error: EarmarkError) -> Line:
    """It does not stand, as an exception says."""
    code = ExitCode.DENIED if isinstance(error, PermissionDenied) else error.exit_code
    return failed(check, error.message, error.hint, code)


_ORDER = (
    ExitCode.DENIED,
    ExitCode.OUR_FAULT,
    ExitCode.PARTLY_APPLIED,
    ExitCode.UNKNOWN,
    ExitCode.FINDINGS,
    ExitCode.USAGE,
)


def exit_code(lines: Iterable[Line]) -> ExitCode:
    """What the command ends with: sign-in and permissions before the state, the tenant, a hunt and the files."""
    codes = {line.exit_code for line in lines}
    return next((code for code in _ORDER if code in codes), ExitCode.DONE)
