"""A progress bar on stderr, only where a person looks on."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from earmark.cli.render.output import console
from earmark.cli.render.text import printable


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
