"""`earmark init`: a new project."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from earmark.cli.options import PATH, Options, pass_options


@click.command("init")
@click.argument("folder", type=PATH, required=False)
@click.option(
    "--with",
    "with_",
    metavar="NAME,…",
    default="",
    help="Further shipped flows, such as domain-controllers,shared-devices.",
)
@pass_options
def command(options: Options, folder: Path | None, with_: str) -> None:
    """Write a new project.

    Settings, catalogue, the Executive flow and its list.
    """
    from earmark.cli.render.text import printable
    from earmark.project.init import write_project

    target = folder or options.project
    written = write_project(target, with_=tuple(name.strip() for name in with_.split(",") if name.strip()))
    for path in written:
        click.echo(printable(str(path)))
    click.echo("Next: put your executives' account names into lists/Executives.csv, then import events.", err=True)
