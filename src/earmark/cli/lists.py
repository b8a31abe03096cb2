"""`earmark lists`: the project's reference data."""

from __future__ import annotations

import rich_click as click

from earmark.cli.options import Options, pass_options


@click.command("lists")
@pass_options
def command(options: Options) -> None:
    """Show the lists, their columns and how many rows they hold."""
    from earmark.cli.render.output import emit

    project = options.open().project
    document = [
        {"list": name, "columns": [c.name for c in table.columns], "rows": len(table.rows), "file": f"lists/{name}.csv"}
        for name, table in sorted(project.lists.items())
    ]
    emit(options.format, document, ("list", "columns", "rows"), [[d["list"], ", ".join(d["columns"]), d["rows"]] for d in document])
