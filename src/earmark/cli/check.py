"""`earmark check`: every finding of every file at once, and the mechanical repairs."""

from __future__ import annotations

import rich_click as click

from earmark.cli.options import Options, pass_options
from earmark.errors import ExitCode


@click.command("check")
@click.argument("flows", nargs=-1, metavar="[FLOW]...")
@click.option("--fix", is_flag=True, help="Repair what can be repaired mechanically, in the files.")
@click.option("--strict", is_flag=True, help="Warnings fail the check, too.")
@pass_options
def command(options: Options, flows: tuple[str, ...], fix: bool, strict: bool) -> int:
    """Check the project's files and queries."""
    from earmark.app import check, fix_project
    from earmark.cli.render.findings import print_findings
    from earmark.cli.render.text import printable
    from earmark.model.finding import Severity
    from earmark.project.report import render_finding

    if fix:
        for fixed in fix_project(options.project, env=options.env, flows=flows):
            click.echo(f"repaired {printable(render_finding(fixed))}", err=True)
    findings = check(options.project, env=options.env, flows=flows)
    print_findings(options.format, findings)
    failing = [f for f in findings if strict or f.severity is Severity.ERROR]
    return ExitCode.FINDINGS if failing else ExitCode.DONE
