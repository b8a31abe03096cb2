"""`earmark import`: sensors' files into the embedded estate."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from earmark.cli.options import PATH, Options, pass_options
from earmark.errors import ExitCode


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH...")
@click.option("--table", metavar="NAME", help="The table of Parquet files whose name or folder does not say it.")
@click.option("--strict", is_flag=True, help="Bad lines fail the command, too, not only files that cannot be read.")
@pass_options
def command(options: Options, paths: tuple[Path, ...], table: str | None, strict: bool) -> int:
    """Import events, devices and tags.

    Windows Security events, Defender's streaming export, inventories and Parquet: files and whole folders; the format
    is recognised by content. Importing a file twice changes nothing. A bad line is kept in .earmark/rejects with its
    number and reason, and never stops the rest.
    """
    from earmark.app import import_files
    from earmark.cli.render.imported import print_report
    from earmark.cli.render.progress import Bar

    opened = options.open()
    with Bar("importing") as bar:
        report = import_files(
            opened, paths, table=table, progress=lambda file, done, total: bar.update(done, total, file.name)
        )
    print_report(options.format, report)
    failed = any(f.failed for f in report.files) or (strict and report.has_findings)
    return ExitCode.FINDINGS if failed else ExitCode.DONE
