"""What a run did, and the exit code that it ends with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import rich_click as click

from earmark.cli.options import Format
from earmark.cli.render.output import emit, print_json
from earmark.cli.render.text import printable
from earmark.errors import ExitCode

if TYPE_CHECKING:
    from earmark.model.run import FlowRun, Run

COLUMNS = ("flow", "state", "added", "removed", "skipped", "failed")
SEVEREST = (ExitCode.PARTLY_APPLIED, ExitCode.STALE, ExitCode.HELD, ExitCode.UNKNOWN)
"""When the flows of a run end differently, the first of these that occurs is the run's exit code."""


def _rows(flows: Sequence[FlowRun]) -> list[list[object]]:
    return [[f.flow, f.state.value, f.added, f.removed, f.skipped, f.failed] for f in flows]


def print_run(format_: Format, run: Run) -> None:
    """One run in the form asked for; what kept a flow from its end is said on stderr."""
    from earmark.model.document import run_document

    emit(format_, run_document(run), COLUMNS, _rows(run.flows), numeric=COLUMNS[2:])
    for flow in run.flows:
        if flow.why:
            click.echo(f"{printable(flow.flow)}: {printable(flow.why)}", err=True)


def print_runs(format_: Format, runs: Sequence[Run]) -> None:
    """The runs of `run --due`."""
    from earmark.model.document import run_document

    if format_ == "json":
        print_json([run_document(r) for r in runs])
        return
    if not runs:
        click.echo("Nothing is due.", err=True)
    for run in runs:
        print_run(format_, run)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The severest of some exit codes."""
    found = set(codes)
    return next((code for code in SEVEREST if code in found), ExitCode.DONE)


def run_exit_code(run: Run) -> ExitCode:
    """The exit code of one run."""
    from earmark.model.run import FlowState

    codes = {
        FlowState.DONE: ExitCode.DONE,
        FlowState.HELD: ExitCode.HELD,
        FlowState.UNKNOWN: ExitCode.UNKNOWN,
        FlowState.PARTLY: ExitCode.PARTLY_APPLIED,
        FlowState.STALE: ExitCode.STALE,
    }
    return worst(codes[f.state] for f in run.flows)
