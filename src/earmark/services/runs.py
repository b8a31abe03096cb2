"""Past runs."""

from __future__ import annotations

from earmark.errors import UsageError
from earmark.model.run import Run
from earmark.services.workspace import Workspace


def list_runs(workspace: Workspace, *, run: str | None = None, last: int = 50) -> list[Run]:
    """The latest runs, newest first, or one by its id."""
    if run is None:
        return workspace.store.read_runs(workspace.estate.id, limit=last)
    found = workspace.store.read_run(run)
    if found is None:
        raise UsageError(f"there is no run {run!r}.", hint="`earmark runs` lists them.")
    return [found]
