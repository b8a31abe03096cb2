"""Builds what earmark.yaml names: the only place that knows every implementation.

Everything heavy is imported here on first use, so that a command pays only for what it needs.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.errors import UsageError
from earmark.project.project import Project
from earmark.project.settings import EngineKind, EstateKind, Mode
from earmark.services.clock import Clock
from earmark.services.workspace import Workspace

if TYPE_CHECKING:
    from earmark.estates.base import Estate
    from earmark.estates.defender.build import DefenderParts
    from earmark.estates.embedded.estate import EmbeddedEstate
    from earmark.estates.embedded.report import ImportReport, Progress
    from earmark.hunting.base import Engine
    from earmark.kql.base import Tables
    from earmark.kql.service import Kql
    from earmark.model.finding import Finding
    from earmark.model.quota import QuotaState
    from earmark.project.settings import DefenderSettings
    from earmark.services.connect import Probe
    from earmark.store.base import Store

WORK_FOLDER = ".earmark"
"""The folder of a project that holds caches, rejects and, unless told otherwise, the state."""


@dataclass(slots=True)
class Opened:
    """A loaded project, and what can be built from it; `close` lets go of that."""

    project: Project
    clock: Clock
    told: Callable[[str], None] = lambda _sentence: None
    """Hears of waits that are long."""
    _tenant: DefenderParts | None = None
    _held: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Let go of the state and of connections."""
        self._held.close()

    def embedded(self) -> EmbeddedEstate:
        """The project's embedded estate, made where it does not exist."""
        settings = self.project.settings
        if settings.estate.kind is not EstateKind.EMBEDDED:
            raise UsageError(
                "this command is for an embedded estate, and the project's estate is a Defender tenant.",
                hint="Tags of a tenant are changed by hand in its portal.",
            )
        from earmark.estates.embedded.estate import EmbeddedEstate

        return EmbeddedEstate(settings.estate.path)

    def imported(self) -> EmbeddedEstate:
        """Where imported events lie: the embedded estate, or a folder beside a tenant that is hunted locally."""
        from earmark.estates.embedded.estate import EmbeddedEstate

        return EmbeddedEstate(self.project.settings.estate.path)

    def workspace(self) -> Workspace:
        """Everything a service needs."""
        from earmark.store import open_store

        who = _account()
        settings = self.project.settings
        store = open_store(settings.state, self.project.folder, who=who)
        self._held.callback(store.close)
        estate: Estate
        if settings.estate.defender is None:
            estate = embedded = self.embedded()
            engine: Engine = self._local_engine(embedded)
        else:
            parts = self.tenant(settings.estate.defender, store)
            estate = parts.estate
            engine = self._graph_engine(parts) if settings.engine is EngineKind.GRAPH else self._local_engine()
        return Workspace(project=self.project, estate=estate, engine=engine, store=store, clock=self.clock, who=who)

    def tenant(self, settings: DefenderSettings, store: Store) -> DefenderParts:
        """The project's Defender tenant, always the same; a project that only observes gets parts that cannot write."""
        from earmark.estates.defender.build import build_defender

        if self._tenant is None:
            self._tenant = build_defender(
                settings,
                book=store,
                writable=self.project.settings.mode is Mode.APPLY,
                hunted=self.project.settings.engine is EngineKind.GRAPH,
                told=self.told,
            )
            self._held.callback(self._tenant.client.close)
        return self._tenant

    def _graph_engine(self, parts: DefenderParts) -> Engine:
        from earmark.hunting.graph import GraphEngine

        return GraphEngine(parts.hunts, kql=self._kql())

    def _local_engine(self, estate: EmbeddedEstate | None = None) -> Engine:
        from earmark.hunting.local import LocalEngine

        events = (estate or self.imported()).events
        work = self.project.folder / WORK_FOLDER
        writable = os.access(work if work.exists() else work.parent, os.W_OK)
        return LocalEngine(events=events, kql=self._kql(), temp=work / "temp" if writable else None)

    def _kql(self) -> Callable[[Tables, timedelta], Kql]:
        from earmark.kql.service import Kql

        cache = self.project.folder / WORK_FOLDER / "cache" / "kql"
        return lambda tables, timeout: Kql(tables, cache=cache, timeout=timeout)


def open_project(
    folder: Path, *, env: str | None, clock: Clock, told: Callable[[str], None] = lambda _sentence: None
) -> Opened:
    """Load a project."""
    from earmark.project.load import load_project

    project = load_project(folder, env=env)
    if project.settings.estate.kind is EstateKind.DEFENDER and clock.pinned_at is not None:
        raise UsageError(
            "--now pins the clock of an embedded estate; a Defender tenant goes by the present.",
            hint="Leave --now out.",
        )
    return Opened(project, clock, told)


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
    if settings.engine is not EngineKind.LOCAL:
        raise UsageError(
            "`import` takes events in for the local engine, and this project hunts in its tenant.",
            hint="Write `hunting: local` in earmark.yaml to hunt in what is imported.",
        )
    rejects = opened.project.folder / WORK_FOLDER / "rejects" / "rejects.jsonl"
    return import_paths(
        paths,
        estate=opened.imported(),
        rejects=rejects,
        progress=progress,
        table=table,
        now=opened.clock.effective(),
        memory=settings.limits.memory,
    )


def open_probe(opened: Opened, workspace: Workspace) -> Probe:
    """What tries the project's tenant."""
    settings = opened.project.settings.estate.defender
    if settings is None:
        raise UsageError(
            "the project's estate is not a Defender tenant, so there is nothing to prove.",
            hint="`earmark connect --steps` says what to register and what to write into earmark.yaml.",
        )
    return opened.tenant(settings, workspace.store).probe


def quota_states(opened: Opened, workspace: Workspace) -> tuple[QuotaState, ...]:
    """How the quotas of the project's tenant stand; nothing for an estate that has none."""
    settings = opened.project.settings.estate.defender
    return () if settings is None else opened.tenant(settings, workspace.store).client.quota.state()


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
