"""`earmark runs`: what was run, when, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from earmark.cli.options import Options, pass_options

if TYPE_CHECKING:
    from earmark.model.run import Run


@click.command("runs")
@click.argument("run", required=False)
@click.option(
    "--last", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many runs are listed."
)
@pass_options
def command(options: Options, run: str | None, last: int) -> None:
    """List the runs, newest first, or show one."""
    from earmark.cli.render.output import emit
    from earmark.model.document import runs_document
    from earmark.services.runs import list_runs

    runs = list_runs(options.open().workspace(), run=run, last=last)
    columns = ("run", "trigger", "due", "started", "ended", "flow", "state", "added", "removed", "skipped", "failed")
    rows = [[r.id, r.trigger, r.due_at, r.started_at, r.ended_at, *cells] for r in runs for cells in _flows(r)]
    emit(options.format, runs_document(runs), columns, rows, numeric=columns[7:])


def _flows(run: Run) -> list[list[object]]:
    """What is said of each flow; of a run without an end, that it has none."""
    if run.ended_at is None:
        return [["", "interrupted" if run.interrupted else "running", None, None, None, None]]
    return [[f.flow, f.state.value, f.added, f.removed, f.skipped, f.failed] for f in run.flows]
