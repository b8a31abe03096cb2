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
    lists = sorted(project.lists.items())
    rows = [[name, ", ".join(table.column_names), len(table.rows)] for name, table in lists]
    document = [
        {"list": name, "columns": list(table.column_names), "rows": len(table.rows), "file": f"lists/{name}.csv"}
        for name, table in lists
    ]
    emit(options.format, document, ("list", "columns", "rows"), rows, numeric=("rows",))
