"""`earmark plan`: what would change, and why; nothing is changed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from earmark.cli.options import PATH, Options, pass_options, warn_of_fresh_state
from earmark.errors import ExitCode

if TYPE_CHECKING:
    from earmark.model.plan import Plan


@click.command("plan")
@click.argument("flows", nargs=-1, metavar="[FLOW]...")
@click.option("--out", type=PATH, help="Save the plan for `earmark apply FILE`.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when the plan holds changes.")
@click.option(
    "--evidence", is_flag=True, help="Keep evidence that the project's settings redact in what is printed or saved."
)
@click.option("--all", "every", is_flag=True, help="Show every device, also those that stay as they are.")
@pass_options
def command(
    options: Options, flows: tuple[str, ...], out: Path | None, detailed_exitcode: bool, evidence: bool, every: bool
) -> int:
    """Hunt, and say what would change and why.

    For every device: whether it gains, loses or keeps the tag, with the reason. Nothing is changed.
    """
    from earmark.cli.render.plan import print_plan
    from earmark.cli.render.text import printable
    from earmark.services.plan import make_plan, save_plan

    opened = options.open()
    workspace = opened.workspace()
    warn_of_fresh_state(workspace)
    plan = make_plan(workspace, flows)
    redact = () if evidence else opened.project.settings.evidence.redact
    if out is not None:
        save_plan(workspace, plan, out, redact=redact)
    print_plan(options.format, plan, redact=redact, every=every)
    if out is not None:
        again = shlex.join([*options.as_arguments(), "apply", str(out)])
        click.echo(printable(f"Saved to {out}. Apply exactly this plan: earmark {again}"), err=True)
    return exit_code(plan, detailed=detailed_exitcode)


def exit_code(plan: Plan, *, detailed: bool) -> ExitCode:
    """What a plan's making ends with."""
    from earmark.model.guard import Verdict
    from earmark.model.plan import ApprovalState, ChangeAction

    if any(not s.complete for s in plan.sections):
        return ExitCode.UNKNOWN
    if any(
        s.guard.verdict is Verdict.HELD or s.approval in {ApprovalState.WAITING, ApprovalState.REJECTED}
        for s in plan.sections
    ):
        return ExitCode.HELD
    changing = any(s.count(ChangeAction.ADD) or s.count(ChangeAction.REMOVE) for s in plan.sections)
    return ExitCode.CHANGES_PENDING if detailed and changing else ExitCode.DONE
