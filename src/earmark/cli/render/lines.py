"""Lines of a check as people read them: how each stands, what it says, beneath it what to do."""

from __future__ import annotations

from collections.abc import Sequence

import rich_click as click

from earmark.cli.render.text import printable
from earmark.services.standing import Line, Standing

_COLOURS = {
    Standing.PASSED: "green",
    Standing.WARNING: "yellow",
    Standing.FAILED: "red",
    Standing.UNKNOWN: "cyan",
    Standing.SKIPPED: "bright_black",
}
_STANDING_WIDTH, _CHECK_WIDTH = 9, 17
COLUMNS = ("check", "standing", "message", "hint")


def print_line(line: Line) -> None:
    """One line, and what to do beneath it."""
    standing = click.style(f"{line.standing.value:<{_STANDING_WIDTH}}", fg=_COLOURS[line.standing])
    click.echo(f"{standing}{line.check:<{_CHECK_WIDTH}} {printable(line.message, lines=True)}")
    if line.hint:
        click.echo(f"{'':<{_STANDING_WIDTH + _CHECK_WIDTH}} {printable(line.hint, lines=True)}")


def rows(lines: Sequence[Line]) -> list[list[str]]:
    """For CSV."""
    return [[line.check, line.standing.value, line.message, line.hint] for line in lines]
