"""`earmark apply`: exactly what a saved plan says."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from earmark.cli.options import PATH, Options, pass_options, warn_of_fresh_state


@click.command("apply")
@click.argument("file", type=PATH)
@click.option("--accept-empty-state", is_flag=True, help="Say that the state is rightly empty; recorded in the ledger.")
@pass_options
def command(options: Options, file: Path, accept_empty_state: bool) -> int:
    """Apply exactly the plan in FILE.

    What moved since is skipped, device by device; a section whose flow moved is refused as stale.
    """
    from earmark.cli.render.progress import applying
    from earmark.cli.render.ran import print_run, run_exit_code
    from earmark.services.apply import apply_file

    workspace = options.open().workspace()
    warn_of_fresh_state(workspace, changing=True)
    with applying(workspace) as shown:
        run = apply_file(shown, file, accept_empty_state=accept_empty_state)
    print_run(options.format, run)
    return run_exit_code(run)
