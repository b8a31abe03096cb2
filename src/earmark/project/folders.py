"""Which files of a folder are read: those that end as they should; and findings for those that only look so.

A folder that is not there holds nothing; one that cannot be looked into is a finding, never an empty folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from earmark.model.finding import Finding
from earmark.project.codes import Code
from earmark.project.source import file_finding

FLOWS, LISTS = "flows", "lists"
_ENDINGS = {FLOWS: ".yaml", LISTS: ".csv"}
_ALIKE = {FLOWS: {".yml", ".json"}, LISTS: {".tsv", ".txt", ".xlsx", ".xls"}}


def read_folder(folder: Path, name: str) -> tuple[list[str], list[Finding]]:
    """The files of one of the project's folders, relative to the project and sorted, and what is odd there."""
    place, ending = folder / name, _ENDINGS[name]
    if place.exists() and not place.is_dir():
        return [], [file_finding(name, Code.NOT_A_FILE, f"`{name}` is a file; a folder is expected.")]
    try:
        paths = sorted(place.iterdir()) if place.exists() else []
    except OSError as error:
        message = f"The folder `{name}` cannot be read: {error.strerror or error}."
        return [], [file_finding(name, Code.NOT_A_FILE, message, "Check the rights on it.")]
    shown = [path for path in paths if not path.name.startswith(".")]
    return [f"{name}/{path.name}" for path in shown if path.suffix == ending], list(_strays(name, shown))


def _strays(name: str, paths: list[Path]) -> Iterable[Finding]:
    ending = _ENDINGS[name]
    for path in paths:
        nested = path.is_dir() and path.suffix != ending and any(path.glob(f"*{ending}"))
        if nested or (path.suffix != ending and path.suffix.lower() in (*_ALIKE[name], ending)):
            message = f"`{name}/{path.name}` is not read: only files ending in {ending} directly in `{name}` are."
            yield file_finding(f"{name}/{path.name}", Code.FILE_NOT_READ, message, "Move or rename it.")
