"""`earmark init`: the files of a new project.

The files lie beside this module as people will see them; tags.yaml is put together from the entries of the flows
chosen. Nothing that exists is overwritten: either every file is written, or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from earmark.errors import UsageError
from earmark.model.nearest import did_you_mean

BASIC_FLOW = "executive"
"""The flow that every new project has."""
LISTS = {"executive": "Executives", "red-team": "RedTeam"}
"""The list that a flow reads."""
MORE_FLOWS = ("shared-devices", "domain-controllers", "red-team", "servers")
"""Flows that may be asked for."""
_IGNORE = ".gitignore"


def write_project(folder: Path, *, with_: Sequence[str] = ()) -> list[Path]:
    """Begin a project in a folder, with further flows by name; the files written, in order."""
    texts = {folder / name: text for name, text in _texts(_chosen(with_)).items()}
    try:
        _refuse_existing(folder, texts)
        return _write(folder, texts)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"No project can be written to {folder}: {reason}.", hint="Give another folder.") from error
    except ValueError as error:
        raise UsageError(f"{str(folder)!r} cannot name a folder.", hint="Give another folder.") from error


def _chosen(with_: Sequence[str]) -> list[str]:
    for name in with_:
        if name not in (*MORE_FLOWS, BASIC_FLOW):
            hint = f"There are {', '.join(MORE_FLOWS)}."
            raise UsageError(f"There is no flow `{name}` to begin with.{did_you_mean(name, MORE_FLOWS)}", hint=hint)
    return [BASIC_FLOW, *(name for name in MORE_FLOWS if name in with_)]


def _texts(flows: list[str]) -> dict[str, str]:
    return {
        "earmark.yaml": _template("earmark.yaml"),
        "tags.yaml": _template("tags.yaml") + "".join(_template(f"tags/{flow}.yaml") for flow in flows),
        **{f"flows/{flow}.yaml": _template(f"flows/{flow}.yaml") for flow in flows},
        **{f"lists/{LISTS[flow]}.csv": _template(f"lists/{LISTS[flow]}.csv") for flow in flows if flow in LISTS},
        _IGNORE: _template("gitignore"),
    }


def _template(name: str) -> str:
    return files("earmark.project").joinpath("templates", *name.split("/")).read_text(encoding="utf-8")


def _refuse_existing(folder: Path, texts: dict[Path, str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; a folder is expected.", hint="Give another folder.")
    existing = [path for path in texts if path.name != _IGNORE and (path.exists() or path.is_symlink())]
    if existing:
        names = ", ".join(path.relative_to(folder).as_posix() for path in existing)
        raise UsageError(f"{folder} already holds {names}.", hint="Nothing was written. Give an empty folder.")


def _write(folder: Path, texts: dict[Path, str]) -> list[Path]:
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.name == _IGNORE and path.exists():
                if _ignore_too(path, text):
                    written.append(path)
                continue
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                written.append(path)
                stream.write(text)
    except BaseException:
        for path in written:
            if path.name != _IGNORE:
                path.unlink(missing_ok=True)
        raise
    return written


def _ignore_too(path: Path, text: str) -> bool:
    """Add what git must ignore to a file that a repository already has; whether anything was missing."""
    old = path.read_text(encoding="utf-8")
    missing = [line for line in text.splitlines() if line not in old.splitlines()]
    if missing:
        separator = "" if not old or old.endswith("\n") else "\n"
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(separator + "".join(f"{line}\n" for line in missing))
    return bool(missing)
