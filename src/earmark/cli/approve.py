"""`earmark approve`: let a waiting plan pass."""

from __future__ import annotations

import rich_click as click

from earmark.cli.options import Options, pass_options


@click.command("approve")
@click.argument("plan")
@click.option("--comment", default="", help="Why.")
@pass_options
def command(options: Options, plan: str, comment: str) -> None:
    """Approve a plan that waits.

    PLAN is its id. The approval holds for the changes in it: planning the same again keeps it.
    """
    from earmark.cli.render.text import printable
    from earmark.services.approve import decide

    for flow in decide(options.open().workspace(), plan, approved=True, comment=comment):
        click.echo(f"approved: {printable(flow)}", err=True)
