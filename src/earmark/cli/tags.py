"""`earmark tags`: the tags of the estate and of the catalogue."""

from __future__ import annotations

import rich_click as click

from earmark.cli.options import Options, pass_options


@click.command("tags")
@pass_options
def command(options: Options) -> None:
    """List every tag.

    With each: on how many devices it stands, how many of them Earmark owns, and which flow it belongs to.
    """
    from earmark.cli.render.output import emit
    from earmark.services.tags import list_tags

    columns = ("tag", "origin", "devices", "owned", "flow", "kind", "description")
    rows = [[getattr(use, name) for name in columns] for use in list_tags(options.open().workspace())]
    emit(
        options.format,
        [dict(zip(columns, row, strict=True)) for row in rows],
        columns,
        rows,
        numeric=("devices", "owned"),
    )
