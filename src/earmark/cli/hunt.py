"""`earmark hunt`: one query, its rows, and whether they are complete."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from earmark.cli.options import PATH, Options, pass_options
from earmark.errors import ExitCode, UsageError

BIGGEST_QUERY = 1 << 20
"""Bytes that a query in a file may have."""


def _query(options: Options, kql: str | None, file: Path | None, flow: str | None) -> str:
    if sum(x is not None for x in (kql, file, flow)) != 1:
        raise UsageError("hunt takes one query.", hint="Give KQL as the argument, or --file FILE, or --flow NAME.")
    if flow is not None:
        return options.open().project.flow(flow).hunt.query
    if file is not None:
        try:
            with file.open("rb") as opened:  # some files have no end
                content = opened.read(BIGGEST_QUERY + 1)
            if len(content) > BIGGEST_QUERY:
                raise UsageError(
                    f"{file} has more than {BIGGEST_QUERY} bytes.", hint="Give a file that holds a KQL query."
                )
            return content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{file} cannot be read as UTF-8 text: {error}.", hint="Give a file that holds a KQL query."
            ) from error
    return kql or ""


@click.command("hunt")
@click.argument("kql", required=False)
@click.option("--file", type=PATH, help="Read the query from a file.")
@click.option("--flow", metavar="NAME", help="Run a flow's query.")
@pass_options
def command(options: Options, kql: str | None, file: Path | None, flow: str | None) -> int:
    """Run a KQL query over the estate and print its rows."""
    from earmark.cli.render.output import emit
    from earmark.cli.render.text import count_of, printable
    from earmark.model.document import hunt_document

    query = _query(options, kql, file, flow)
    result = options.open().workspace().hunt(query)
    names = [c.name for c in result.columns]
    numeric = [c.name for c in result.columns if c.type in {"int", "long", "real", "decimal"}]
    emit(options.format, hunt_document(result), names, result.rows, numeric=numeric)
    state = "complete" if result.complete else f"not complete: {printable(result.why_not or '')}"
    click.echo(f"{count_of(len(result.rows), 'row')} in {result.seconds:.2f} s, {state}", err=True)
    return ExitCode.DONE if result.complete else ExitCode.UNKNOWN
