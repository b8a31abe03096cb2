"""Whether a folder may be written to, and what an earlier simulation left in it.

A folder is used if it is new, empty, or marked as a simulation by a manifest; then exactly the files that the manifest
lists go, and never a file outside of the folder. Anything else stays, and is a reason to refuse.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from earmark.errors import UsageError
from earmark.simulate.account import FORMAT, MANIFEST


def clear_folder(folder: Path) -> None:
    """Make the folder ready: delete the files of an earlier simulation, refuse a folder that holds anything else."""
    if not folder.exists():
        folder.mkdir(parents=True)
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file, expected a folder.", hint="Name a new or an empty folder.")
    if not any(folder.iterdir()):
        return
    for name in _files_of(folder):
        path = folder / name
        if path.resolve().is_relative_to(folder.resolve()):
            path.unlink(missing_ok=True)


def _files_of(folder: Path) -> list[str]:
    manifest: Any = None
    path = folder / MANIFEST
    if path.is_file():
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            manifest = None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise UsageError(f"{folder} is not empty and holds no simulation.", hint="Name a new or an empty folder.")
    if not manifest.get("complete"):
        raise UsageError(
            f"{folder} holds half a simulation: an earlier run was stopped.", hint="Delete it, or name another folder."
        )
    return [name for name in manifest.get("files", []) if isinstance(name, str)]
