"""Past runs, and those that never came to their end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from earmark.errors import UsageError
from earmark.model.run import Run
from earmark.services.apply import flow_lease
from earmark.services.workspace import Workspace


def list_runs(workspace: Workspace, *, run: str | None = None, last: int = 50) -> list[Run]:
    """The latest runs, newest first, or one by its id."""
    if run is None:
        return _told_apart(workspace, workspace.store.read_runs(workspace.estate.id, limit=last))
    found = workspace.store.read_run(run)
    if found is None:
        raise UsageError(f"there is no run {run!r}.", hint="`earmark runs` lists them.")
    return _told_apart(workspace, [found])


def _told_apart(workspace: Workspace, runs: Iterable[Run]) -> list[Run]:
    """Runs without an end: those that run now, and those whose process is gone."""
    return [replace(run, interrupted=run.ended_at is None and not _goes_on(workspace, run)) for run in runs]


def _goes_on(workspace: Workspace, run: Run) -> bool:
    """Whether the lease of one of its flows is held; of any flow, where the ledger does not say which are its."""
    entries = workspace.store.read_entries(run.estate, run=run.id)
    flows = {recorded.entry.flow for recorded in entries} or workspace.project.tag_rules
    return any(workspace.store.is_leased(flow_lease(flow)) for flow in flows)
