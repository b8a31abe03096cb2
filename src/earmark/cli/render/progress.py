"""How far something is, on stderr: a bar where a person looks on; of long applies a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

import rich_click as click

from earmark.cli.render.output import console
from earmark.cli.render.text import SPOKEN_OF, about, count_of, printable

if TYPE_CHECKING:
    from earmark.services.workspace import Applying, Workspace

BETWEEN_LINES = 60.0
"""Seconds between two lines of one flow at least."""


class Bar:
    """A bar that counts up to a total which may grow; silent when stderr is no terminal."""

    def __init__(self, title: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        out = console(stderr=True)
        self._title = title
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=out,
            transient=True,
            disable=not out.is_terminal,
        )
        self._task = self._progress.add_task(title, total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, done: int, total: int, what: str = "") -> None:
        """Show that `done` of `total` is done, of `what` where several things are counted one after the other."""
        title = f"{self._title} {printable(what)}" if what else self._title
        self._progress.update(self._task, description=title, completed=done, total=total)


@contextmanager
def applying(workspace: Workspace) -> Iterator[Workspace]:
    """The workspace, with the progress of what is applied in it shown."""
    with ExitStack() as shown:
        watches = sys.stderr is not None and sys.stderr.isatty()
        yield replace(workspace, show=_OnBar(shown).show if watches else _Lines().show)


@dataclass(slots=True)
class _OnBar:
    """Begins a bar with the first write, so that none stands there while hunts run."""

    shown: ExitStack
    bar: Bar | None = None

    def show(self, how: Applying) -> None:
        if self.bar is None:
            self.bar = self.shown.enter_context(Bar("applying"))
        self.bar.update(how.done, how.changes, f"{how.flow}{_left(how)}")


@dataclass(slots=True)
class _Lines:
    """Lines for a log: nothing of what is over soon."""

    flow: str = ""
    spoken_at: float | None = None

    def show(self, how: Applying) -> None:
        if how.flow != self.flow:
            self.flow, self.spoken_at = how.flow, None
        now = monotonic()
        due = how.left.seconds >= SPOKEN_OF if self.spoken_at is None else now >= self.spoken_at + BETWEEN_LINES
        if due and how.done < how.changes:
            self.spoken_at = now
            click.echo(f"{printable(how.flow)}: {how.done:,} of {how.changes:,} changes made{_left(how)}", err=True)


def _left(how: Applying) -> str:
    """What the rest takes, after a comma."""
    if not how.left.calls:
        return ""
    return f", {' and '.join(filter(None, [count_of(how.left.calls, 'call'), about(how.left.seconds)]))} left"
