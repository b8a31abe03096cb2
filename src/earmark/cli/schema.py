"""`earmark schema`: the JSON Schemas of the project's files, for editors."""

from __future__ import annotations

import rich_click as click


@click.command("schema")
@click.argument("kind", type=click.Choice(["flow", "project", "tags"]))
def command(kind: str) -> None:
    """Print the JSON Schema of a file.

    Of flow files, of earmark.yaml (project) or of tags.yaml, for editors that complete and check them.
    """
    from earmark.project.schema import render_schema

    click.echo(render_schema(kind))
