"""`earmark run`: plan and apply in one go, by name or because it is due."""

from __future__ import annotations

import rich_click as click

from earmark.cli.options import Options, pass_options, warn_of_fresh_state
from earmark.errors import ExitCode, UsageError


@click.command("run")
@click.argument("flows", nargs=-1, metavar="[FLOW]...")
@click.option("--due", is_flag=True, help="Run the flows whose trigger is due, once for each fire time.")
@click.option("--accept-empty-state", is_flag=True, help="Say that the state is rightly empty; recorded in the ledger.")
@pass_options
def command(options: Options, flows: tuple[str, ...], due: bool, accept_empty_state: bool) -> int:
    """Run flows by name, or those that are due.

    Each is hunted, planned and applied as far as guard and approval let it pass.
    """
    from earmark.cli.render.progress import applying
    from earmark.cli.render.ran import print_run, print_runs, run_exit_code, worst
    from earmark.cli.render.text import printable
    from earmark.services.run import run_due, run_flows

    if due == bool(flows):
        raise UsageError(
            "run takes the names of flows, or --due.", hint="Write `earmark run executive` or `earmark run --due`."
        )
    workspace = options.open().workspace()
    warn_of_fresh_state(workspace, changing=True)
    if not due:
        with applying(workspace) as shown:
            ran = run_flows(shown, flows, trigger="on demand", accept_empty_state=accept_empty_state)
        print_run(options.format, ran)
        return run_exit_code(ran)
    with applying(workspace) as shown:
        runs = run_due(shown, accept_empty_state=accept_empty_state)
    print_runs(options.format, runs)
    broken = sorted(workspace.project.broken)
    for file in broken:
        click.echo(f"error: {printable(file)} has errors, so its flow was not run; see `earmark check`.", err=True)
    return worst([*map(run_exit_code, runs), *([ExitCode.UNKNOWN] if broken else [])])
