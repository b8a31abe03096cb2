"""`earmark runs`: what was run, when, and how it ended."""

from __future__ import annotations

import rich_click as click

from earmark.cli.options import Options, pass_options


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
    rows = [
        [
            r.id,
            r.trigger,
            r.due_at,
            r.started_at,
            r.ended_at,
            f.flow,
            f.state.value,
            f.added,
            f.removed,
            f.skipped,
            f.failed,
        ]
        for r in runs
        for f in r.flows
    ]
    emit(options.format, runs_document(runs), columns, rows, numeric=columns[7:])
