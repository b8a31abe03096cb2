"""The options that stand before every command, and how a command is given them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import rich_click as click
from click import get_current_context

from earmark.model.instant import YEARS

if TYPE_CHECKING:
    from earmark.app import Opened
    from earmark.services.clock import Clock
    from earmark.services.workspace import Workspace

Format = Literal["table", "json", "csv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says before the command."""

    project: Path
    """The project's folder."""
    env: str | None
    """Name of the environment laid over earmark.yaml."""
    now: datetime | None
    """The pinned clock; None for the wall clock."""
    format: Format
    """How results are printed on stdout."""

    def as_arguments(self) -> list[str]:
        """The options that another command needs, to mean the same project at the same moment."""
        from earmark.model.instant import instant_text

        given = {"--project": str(self.project) if self.project != Path() else None, "--env": self.env}
        given["--now"] = instant_text(self.now)
        return [word for name, value in given.items() if value is not None for word in (name, value)]

    def clock(self) -> Clock:
        """The clock that this invocation goes by."""
        from earmark.services.clock import Clock

        return Clock(pinned_at=self.now)

    def open(self) -> Opened:
        """Load the project and build what it names; closed when the command ends."""
        from earmark.app import open_project

        def tell(sentence: str) -> None:
            click.echo(sentence, err=True)

        opened = open_project(self.project, env=self.env, clock=self.clock(), told=tell)
        get_current_context().call_on_close(opened.close)
        return opened


def warn_of_fresh_state(workspace: Workspace, *, changing: bool = False) -> None:
    """Say on stderr when the state may have been lost; `changing` before a command that may change the estate."""
    from earmark.cli.render.text import printable
    from earmark.services.fresh_state import fresh_state_warning

    warning = fresh_state_warning(workspace, changing=changing)
    if warning:
        click.echo(f"warning: {printable(warning)}", err=True)


pass_options = click.make_pass_decorator(Options)


class Instant(click.ParamType[datetime]):
    """An instant on the command line: a date, or ISO 8601; without an offset it is UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse, or fail with what was expected."""
        if isinstance(value, datetime):
            return value
        text = cast(str, value).strip()
        try:
            if len(text) == len("2026-01-04"):
                at = datetime.combine(date.fromisoformat(text), time(), tzinfo=UTC)
            else:
                parsed = datetime.fromisoformat(text)
                at = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(
                f"{text!r} is no instant; write it like 2026-01-04, 2026-01-04T06:00 or 2026-01-04T06:00:00Z",
                param,
                ctx,
            )
        if at.year not in YEARS:  # what is counted from there would leave the calendar
            self.fail(f"{text!r} is out of range: it must lie in the years {YEARS[0]} to {YEARS[-1]}", param, ctx)
        return at


INSTANT = Instant()


class GivenPath(click.Path):
    """A path that is not empty: an unset variable of a script must not come to mean the working folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, or a failure."""
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


PATH = GivenPath(path_type=Path)
