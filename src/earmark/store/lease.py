"""A lease: a lock of the operating system on a file beside the state, which dies with the process that holds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from earmark.errors import PermissionDenied, StateError, is_denied
from earmark.store.base import LeaseHeldError


@contextmanager
def held(folder: Path, name: str, *, who: str, timeout: float) -> Iterator[None]:
    """Hold `name` for the length of a `with`."""
    path = _lock_file(folder, name)
    holder = path.with_suffix(".holder")
    lock = FileLock(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=timeout)
    except Timeout:
        raise LeaseHeldError(
            f'"{name}" is in use by {_read_holder(holder)}.', hint="Try again when that process has ended."
        ) from None
    except OSError as error:
        raise (PermissionDenied if is_denied(error) else StateError)(
            f"the lock {path} cannot be taken: {error.strerror or error}.",
            hint="Give this account the right to write the state's folder, on a file system that has locks.",
        ) from error
    try:
        _write_holder(holder, who)
        yield
    finally:
        lock.release()


def is_held(folder: Path, name: str) -> bool:
    """Whether some process holds `name`, or may hold it where this account cannot tell."""
    path = _lock_file(folder, name)
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except (Timeout, OSError):
        return True


def _lock_file(folder: Path, name: str) -> Path:
    return folder / f"{quote(name, safe='')}.lock"


def _write_holder(holder: Path, who: str) -> None:
    # Wall clock and process id only help a person find the process; the lock itself decides who holds it.
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    try:
        holder.write_text(f"process {os.getpid()}{f' ({who})' if who else ''}, since {since} UTC", encoding="utf-8")
    except OSError:
        holder.unlink(missing_ok=True)


def _read_holder(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"
