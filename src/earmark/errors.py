"""Every way Earmark can stop, and the exit code of each.

    EarmarkError                 anything a user can be told about; exit code 70 unless a subclass says otherwise
    ├── UsageError        64     the command line asks for something that cannot be
    ├── ProjectError       1     the project's files cannot be used
    ├── HuntError          4     a hunt cannot be run at all, or its query was refused
    ├── EstateError        5     the estate could not be read or written
    ├── StateError        70     the state store is lost, locked, damaged or of a newer version
    ├── HeldError          3     nothing is changed before a person has decided
    ├── StalePlanError     6     a plan no longer fits what it was made for, or has expired
    └── PermissionDenied   7     signing in failed, a right is missing, or the mode forbids writing

A *finding* (`earmark.model.finding`) is a value that is collected; an exception stops the work. Whoever raises gives
the sentence a person needs: the thing, the fault, what was expected, and in `hint` what to do.
"""

from __future__ import annotations

import errno
from enum import IntEnum

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class ExitCode(IntEnum):
    """What a command's exit status means; settled, so that scripts may rely on it."""

    DONE = 0
    """Done, or there was nothing to do."""
    FINDINGS = 1
    """`check` found errors (warnings too with `--strict`), or cases failed."""
    CHANGES_PENDING = 2
    """Only with `plan --detailed-exitcode`: the plan holds changes."""
    HELD = 3
    """Held by a guard, or waiting for approval."""
    UNKNOWN = 4
    """A hunt was not complete, so nothing was concluded from it."""
    PARTLY_APPLIED = 5
    """Some changes were applied and some were not."""
    STALE = 6
    """The plan is stale or has expired."""
    DENIED = 7
    """Sign-in or permission failed, or the mode forbids writing."""
    USAGE = 64
    """Wrong usage of a command."""
    OUR_FAULT = 70
    """A fault of Earmark itself or of its state."""


class EarmarkError(Exception):
    """The root: `message` says what is wrong, `hint` what to do about it."""

    exit_code = ExitCode.OUR_FAULT

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EarmarkError):
    """The command line asks for something that cannot be."""

    exit_code = ExitCode.USAGE


class ProjectError(EarmarkError):
    """The project's files cannot be used."""

    exit_code = ExitCode.FINDINGS


class HuntError(EarmarkError):
    """A hunt cannot be run at all, or its query was refused."""

    exit_code = ExitCode.UNKNOWN


class EstateError(EarmarkError):
    """The estate could not be read or written."""

    exit_code = ExitCode.PARTLY_APPLIED


class StateError(EarmarkError):
    """The state store is lost, locked, damaged or of a newer version."""


class HeldError(EarmarkError):
    """Nothing is changed before a person has decided."""

    exit_code = ExitCode.HELD


class StalePlanError(EarmarkError):
    """A plan no longer fits what it was made for, or has expired."""

    exit_code = ExitCode.STALE


class PermissionDenied(EarmarkError):
    """Signing in failed, a right is missing, or the mode forbids writing."""

    exit_code = ExitCode.DENIED


def is_denied(error: OSError) -> bool:
    """Whether the operating system refused for want of a right."""
    return error.errno in _DENIED
