"""`earmark reject`: keep a waiting plan from passing."""

from __future__ import annotations

import rich_click as click

from earmark.cli.options import Options, pass_options


@click.command("reject")
@click.argument("plan")
@click.option("--comment", default="", help="Why.")
@pass_options
def command(options: Options, plan: str, comment: str) -> None:
    """Reject a plan that waits.

    PLAN is its id.
    """
    from earmark.cli.render.text import printable
    from earmark.services.approve import decide

    for flow in decide(options.open().workspace(), plan, approved=False, comment=comment):
        click.echo(f"rejected: {printable(flow)}", err=True)
