"""Doctor: what Earmark runs on, what is due, and on a tenant which tables it has and how its quotas stand.

Each part stands by itself, so that one that fails hides no other.
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from earmark.errors import EarmarkError, ExitCode
from earmark.model.flow import Flow
from earmark.model.instant import instant_text, minute_text
from earmark.model.quota import QuotaState
from earmark.model.trigger import OnDemand, latest_fire, next_fire
from earmark.project.project import Project
from earmark.project.settings import EngineKind
from earmark.services.standing import Line, failed, passed, skipped, stopped, warning
from earmark.services.tables import TablesFound, current_tables, find_tables, named_tables
from earmark.services.workspace import Workspace

LITTLE_ROOM = 1_000_000_000
"""Bytes of free disk below which it is said."""
PARTS = ("duckdb", "quickjs-ng", "sqlalchemy", "azure-identity", "httpx2", "tzdata")
"""Packages whose versions a report of a fault needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDue:
    """When a flow ran and will run."""

    flow: str
    last_fire: datetime | None
    """The latest time it was due and taken by a run."""
    next_fire: datetime | None
    """None for a flow that runs on demand."""
    due: bool
    """Whether `run --due` would run it now."""


@dataclass(slots=True)
class Diagnosis:
    """Everything that was found."""

    versions: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    flows: list[FlowDue] = field(default_factory=list)
    tables: TablesFound | None = None
    """None where the tenant was not asked, or there is none."""
    lacking: dict[str, list[str]] = field(default_factory=dict)
    """Flow → tables of its query that the tenant does not have."""
    quotas: list[QuotaState] = field(default_factory=list)


def diagnose(
    project: Project,
    open_workspace: Callable[[], Workspace],
    *,
    quotas: Callable[[Workspace], Sequence[QuotaState]],
    ask: bool,
) -> Diagnosis:
    """Look at an installation; `ask`: a tenant may be asked which tables it has."""
    found = Diagnosis(versions=versions(), lines=[*machine_lines(project.folder), _files(project)])
    try:
        workspace = open_workspace()
        found.lines += _state(workspace)
    except EarmarkError as error:
        found.lines.append(stopped("state", error))
        return found
    found.flows = [_due(workspace, flow) for flow in project.flows.values()]
    if project.settings.engine is EngineKind.GRAPH:
        found.lines.append(_tables(workspace, found) if ask else skipped("tables", "the tenant was not asked."))
        found.lines += _lacking(found)
    found.quotas = list(quotas(workspace))
    return found


def diagnose_without_project(folder: Path, wrong: EarmarkError) -> Diagnosis:
    """Look at the machine alone, since the project cannot be used."""
    return Diagnosis(versions=versions(), lines=[*machine_lines(folder), stopped("project", wrong)])


def diagnosis_document(found: Diagnosis) -> dict[str, Any]:
    """As JSON."""
    tables = found.tables
    return {
        "versions": found.versions,
        "lines": [line.document() for line in found.lines],
        "flows": [
            {
                "flow": flow.flow,
                "last_fire": instant_text(flow.last_fire),
                "next_fire": instant_text(flow.next_fire),
                "due": flow.due,
            }
            for flow in found.flows
        ],
        "tables": None
        if tables is None
        else {"present": tables.present, "missing": tables.missing, "unknown": tables.unknown},
        "flows_without_tables": found.lacking,
        "quotas": [
            {
                "call": quota.call,
                "blocked_until": instant_text(quota.blocked_until),
                "limits": [
                    {
                        "calls": use.limit.calls,
                        "within_seconds": round(use.limit.within.total_seconds()),
                        "used": use.used,
                        "left": max(0, use.limit.calls - use.used),
                        "empty_at": instant_text(use.empty_at),
                    }
                    for use in quota.uses
                ],
            }
            for quota in found.quotas
        ],
    }


def versions() -> dict[str, str]:
    """Earmark's, Python's, the system's, and those of the parts that matter."""
    found = {"earmark": _version("earmark"), "python": platform.python_version(), "system": platform.platform()}
    return found | {name: _version(name) for name in PARTS} | {"sqlite": sqlite3.sqlite_version}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def machine_lines(folder: Path) -> Iterator[Line]:
    """The disk, the caches, the time zones."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield failed("disk", f"{folder} cannot be read: {error.strerror}.", "Check the folder.", ExitCode.OUR_FAULT)
    else:
        message = f"{_size(free)} free where the project lies."
        if free < LITTLE_ROOM:
            yield warning("disk", message, "Make room: the state, hunts and imports write there.")
        else:
            yield passed("disk", message)
    work = folder / ".earmark"
    yield passed("cache", f"{_size(sum(_sizes(work / 'cache')))} in {work / 'cache'}; it may be deleted at any time.")
    try:
        ZoneInfo("Europe/London")
    except ZoneInfoNotFoundError:
        hint = "Install the package tzdata beside Earmark."
        yield failed("time zones", "there is no time zone data.", hint, ExitCode.OUR_FAULT)
    else:
        yield passed("time zones", f"time zone data are there (tzdata {_version('tzdata')}).")


def _sizes(folder: Path) -> Iterator[int]:
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                yield (Path(place) / name).stat().st_size
            except OSError:  # deleted meanwhile
                continue


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"


def _files(project: Project) -> Line:
    said = f"{_count(len(project.flows), 'flow')}, {_count(len(project.lists), 'list')} in {project.folder}."
    if project.broken:
        broken = f"{said} Errors in {', '.join(sorted(project.broken))}."
        return failed("project", broken, "`earmark check` lists every finding.", ExitCode.FINDINGS)
    return passed("project", said)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _state(workspace: Workspace) -> Iterator[Line]:
    estate, store = workspace.estate.id, workspace.store
    last = store.last_effective_at(estate)
    told = (
        f"its ledger's last entry for this estate is of {minute_text(last)} UTC"
        if last
        else "it is empty for this estate"
    )
    yield passed("state", f"{workspace.project.settings.state} answers; {told}.")
    yield passed("estate", estate)
    open_writes = len(store.unsettled(estate))
    if open_writes:
        hint = "The next apply or run settles them first, by reading back."
        yield warning(
            "ledger", f"the outcome of {_count(open_writes, 'write')} is not known: a process was stopped.", hint
        )
    else:
        yield passed("ledger", "every write has its outcome.")


def _due(workspace: Workspace, flow: Flow) -> FlowDue:
    now = workspace.clock.effective()
    last = workspace.store.last_fire(workspace.estate.id, flow.name)
    on_demand = isinstance(flow.trigger, OnDemand)
    due = not on_demand and last is not None and latest_fire(flow.trigger, since=last, until=now) is not None
    return FlowDue(
        flow=flow.name, last_fire=last, next_fire=None if on_demand else next_fire(flow.trigger, now), due=due
    )


def _tables(workspace: Workspace, found: Diagnosis) -> Line:
    wanted = set(current_tables())
    for flow in workspace.project.flows.values():
        wanted |= named_tables(flow.hunt.query)
    window = timedelta(hours=1)  # nothing is read
    try:
        tables = found.tables = find_tables(lambda query: workspace.hunt(query, window=window), sorted(wanted))
    except EarmarkError as error:
        return stopped("tables", error)
    found.lacking = {
        flow.name: lacks
        for flow in workspace.project.flows.values()
        if (lacks := sorted(named_tables(flow.hunt.query) & set(tables.missing)))
    }
    said = f"the tenant has {len(tables.present)} of {len(wanted)} tables of advanced hunting ({tables.hunts} hunts)."
    if tables.unknown:
        first = next(iter(tables.unknown.values()))
        return warning("tables", f"{said} Of {len(tables.unknown)} it is not known: {first}.", "Try again later.")
    return passed("tables", said)


def _lacking(found: Diagnosis) -> Iterator[Line]:
    for flow, tables in found.lacking.items():
        yield failed(
            f"flow {flow}",
            f"its query reads {', '.join(tables)}, which the tenant does not have.",
            "A table comes with its product and its licence; write the query for tables that are there.",
            ExitCode.FINDINGS,
        )
