"""The door of the command line.

Commands are imported only when they are named or listed, and import what is heavy only when they run, so that
`earmark --help` is quick. Every fault becomes one sentence on stderr with what to do, and an exit code of
`earmark.errors.ExitCode`.
"""

from __future__ import annotations

import errno
import gc
import importlib
import io
import os
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

import rich_click as click
from click.exceptions import Exit

from earmark.cli.options import INSTANT, PATH, Format, Options
from earmark.errors import EarmarkError, ExitCode, is_denied

COMMANDS = {
    "init": "init",
    "check": "check",
    "connect": "connect",
    "doctor": "doctor",
    "schema": "schema",
    "import": "import_",
    "simulate": "simulate",
    "sandbox": "sandbox",
    "lists": "lists",
    "estate": "estate",
    "hunt": "hunt",
    "devices": "devices",
    "tags": "tags",
    "explain": "explain",
    "runs": "runs",
    "plan": "plan",
    "apply": "apply",
    "run": "run",
    "approve": "approve",
    "reject": "reject",
}
"""Command → its module in `earmark.cli`, in the order of a user's first day; the module's command is called
`command`.
"""


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What writing to a full or broken stdout fails with."""


class Commands(click.RichGroup):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of a user's first day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command's module."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"earmark.cli.{COMMANDS[cmd_name]}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when the one asked for does not exist."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from earmark.model.nearest import did_you_mean

            ctx.fail(f"There is no command `{args[0]}`.{did_you_mean(args[0], COMMANDS)} See `earmark --help`.")
        return super().resolve_command(ctx, args)


def _version() -> str:
    from importlib.metadata import version

    return version("earmark")


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"earmark {_version()}")
        ctx.exit()


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--project", type=PATH, default=Path(), show_default="here", help="The project's folder.")
@click.option("--env", metavar="NAME", help="Lay earmark.NAME.yaml over earmark.yaml.")
@click.option("--now", type=INSTANT, help="Pin the clock (embedded estates only), such as 2026-01-04T06:00Z.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How results are printed.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Print the version."
)
@click.pass_context
def earmark(ctx: click.Context, project: Path, env: str | None, now: datetime | None, format_: Format) -> None:
    """Keep the tags on a company's machines true.

    A flow hunts for devices with a KQL query, plans which gain or lose a tag, applies the plan, and says why.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    ctx.obj = Options(project=project, env=env, now=now, format=format_)


def _say(kind: str, message: str, hint: str = "") -> None:
    from earmark.cli.render.text import printable

    said = [f"{kind}: {message}", *([hint] if hint else [])]
    # Only what we say begins a line: a name with a line break in it must not look like the next message.
    click.echo("\n  ".join(printable(line) for text in said for line in text.split("\n")), err=True)


def _made_printable(wrong: click.ClickException) -> click.ClickException:
    """Wrong usage, with what it quotes of the command line made safe; a missing parameter quotes nothing of it."""
    from earmark.cli.render.text import printable

    if isinstance(wrong, click.MissingParameter):
        return wrong
    said = printable(wrong.format_message())
    return click.UsageError(said, wrong.ctx) if isinstance(wrong, click.UsageError) else click.ClickException(said)


def _report_fault(fault: BaseException) -> ExitCode:
    """Our own fault: keep the traceback in a file for a report, show one sentence."""
    import tempfile
    import traceback

    try:
        handle, name = tempfile.mkstemp(prefix="earmark-fault-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(fault)))
        where = f"The details are in {name}; please report them."
    except OSError:
        where = "The details could not be written to a file."
    _say("fault", f"Earmark failed in a way it should not: {type(fault).__name__}.", where)
    return ExitCode.OUR_FAULT


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _settle_streams() -> None:
    """Closed streams lead nowhere, and what a terminal's encoding lacks is shown as an escape."""
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _give_up_stdout() -> None:
    """Nobody reads on, or nothing can be written: what is still buffered must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_unwritten(fault: OSError) -> ExitCode:
    _give_up_stdout()
    _say(
        "error",
        f"the output cannot be written: {fault.strerror or fault}.",
        "Make room where it goes; what the command did is done: `earmark runs` lists the runs.",
    )
    return ExitCode.OUR_FAULT


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and give its exit code."""
    _settle_streams()
    code = _run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_stdout()
    except OSError as fault:
        return _say_unwritten(fault)
    return code


def _run(arguments: list[str] | None) -> int:
    try:
        result = earmark.main(args=arguments, prog_name="earmark", standalone_mode=False)
        return int(result) if isinstance(result, int) else ExitCode.DONE
    except (Exit, SystemExit) as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # click ends so when the reader of a pipe has gone
            return ExitCode.DONE
        code = stop.exit_code if isinstance(stop, Exit) else stop.code
        return ExitCode.USAGE if code == 2 else int(code or 0)  # 2 is click's for a group without a command
    except click.ClickException as wrong:
        _made_printable(wrong).show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        _say("stopped", "interrupted.")
        return 130
    except EarmarkError as stop:
        _say("error", stop.message, stop.hint)
        return stop.exit_code
    except BrokenPipeError:
        _give_up_stdout()
        return ExitCode.DONE
    except OSError as fault:
        if is_denied(fault) and fault.filename is not None:
            _say("error", f"{fault.filename}: {fault.strerror}.", "Give this account the right to it.")
            return ExitCode.DENIED
        if fault.errno not in _NO_ROOM or fault.filename is not None:
            return _report_fault(fault)
        return _say_unwritten(fault)
    except Exception as fault:  # the last line of defence: no traceback reaches a user
        return _report_fault(fault)


def main() -> None:
    """The `earmark` script."""
    # A command lives briefly and leaves few cycles behind; looking for them each 700 objects slows the reading of a big
    # estate.
    gc.set_threshold(100_000, 20, 100)
    code = run()
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    # Taking modules and devices apart one by one would take a tenth of a second; nothing is open any more.
    os._exit(code)
