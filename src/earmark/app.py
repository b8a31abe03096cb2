"""Builds what earmark.yaml names: the only place that knows every implementation.

Everything heavy is imported here on first use, so that a command pays only for what it needs.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.project.project import Project
from earmark.services.clock import Clock
from earmark.services.workspace import Workspace

if TYPE_CHECKING:
    from earmark.estates.embedded.estate import EmbeddedEstate
    from earmark.estates.embedded.report import ImportReport, Progress
    from earmark.model.finding import Finding

WORK_FOLDER = ".earmark"
"""The folder of a project that holds caches, rejects and, unless told otherwise, the state."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A loaded project, and what can be built from it."""

    project: Project
    clock: Clock

    def embedded(self) -> EmbeddedEstate:
        """The project's embedded estate, made where it does not exist."""
        from earmark.estates.embedded.estate import EmbeddedEstate

        return EmbeddedEstate(self.project.settings.estate.path)

    def workspace(self) -> Workspace:
        """Everything a service needs."""
        from earmark.hunting.local import LocalEngine
        from earmark.kql.service import Kql
        from earmark.store import open_store

        estate = self.embedded()
        who = _account()
        work = self.project.folder / WORK_FOLDER
        return Workspace(
            project=self.project,
            estate=estate,
            engine=LocalEngine(
                events=estate.events,
                kql=lambda tables, timeout: Kql(tables, cache=work / "cache" / "kql", timeout=timeout),
                temp=work / "temp" if os.access(work if work.exists() else work.parent, os.W_OK) else None,
            ),
            store=open_store(self.project.settings.state, self.project.folder, who=who),
            clock=self.clock,
            who=who,
        )


def open_project(folder: Path, *, env: str | None, clock: Clock) -> Opened:
    """Load a project."""
    from earmark.project.load import load_project

    return Opened(load_project(folder, env=env), clock)


def check(folder: Path, *, env: str | None, flows: Sequence[str]) -> list[Finding]:
    """Every finding of a project's files."""
    from earmark.project.load import check_project

    return check_project(folder, env=env, flows=flows)


def fix_project(folder: Path, *, env: str | None, flows: Sequence[str]) -> list[Finding]:
    """Repair what can be repaired in a project's files: the findings that are gone."""
    from earmark.project.fix import fix_project as fix

    return fix(folder, env=env, flows=flows)


def import_files(opened: Opened, paths: Sequence[Path], *, table: str | None, progress: Progress) -> ImportReport:
    """Take sensors' files into a project's estate."""
    from earmark.estates.embedded.importer import import_paths

    settings = opened.project.settings
    rejects = opened.project.folder / WORK_FOLDER / "rejects" / "rejects.jsonl"
    return import_paths(
        paths,
        estate=opened.embedded(),
        rejects=rejects,
        progress=progress,
        table=table,
        now=opened.clock.effective(),
        memory=settings.limits.memory,
    )


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
