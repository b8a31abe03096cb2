"""The file of rejects: what the newest import of each file could not take, as JSON lines.

Importing a file again replaces what is said of that file, so that a line that was cut off then and is whole now is no
longer listed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from earmark.estates.embedded.report import Reject

MOST_PER_FILE = 10_000
"""Rejects kept of one file; the count in the report is of all."""


def write_rejects(path: Path, rejects: Iterable[Reject], *, imported: Collection[Path]) -> Path | None:
    """Replace the rejects of the imported files; the file's path, or None when there are none of them."""
    again = {str(file) for file in imported}
    kept = [line for line in _lines(path) if _file_of(line) not in again]
    fresh = [
        json.dumps({"file": str(r.file), "line": r.line, "reason": r.reason, "text": r.text}, ensure_ascii=False)
        for r in rejects
    ]
    if not fresh and not path.exists():
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + f".{os.getpid()}")
    half.write_text("".join(line + "\n" for line in (*kept, *fresh)), encoding="utf-8")
    half.replace(path)
    return path if fresh else None


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []


def _file_of(line: str) -> str | None:
    try:
        return str(json.loads(line)["file"])
    except (ValueError, KeyError, TypeError):
        return None
