"""Everything a service needs, built once by `earmark.app` from a project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from earmark.errors import PermissionDenied, UsageError
from earmark.estates.base import Cost, Estate
from earmark.hunting.base import Engine, HuntRequest
from earmark.model.hunt import HuntResult
from earmark.model.instant import instant_text
from earmark.project.project import Project
from earmark.project.settings import Mode, Settings
from earmark.services.clock import Clock
from earmark.store.base import Store

FARTHEST_LEAP = timedelta(days=366)
"""How far a writing command may move the clock beyond the wall clock and the ledger's last entry: a slip of the pen in
`--now` would bar every later one.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying:
    """How far the writes of one flow are."""

    flow: str
    done: int
    """Changes that were written, whatever came of them."""
    changes: int
    left: Cost
    """What the others will take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A project with its estate, engine, state and clock."""

    project: Project
    estate: Estate
    engine: Engine
    store: Store
    clock: Clock
    who: str
    """Who gives the commands: an account of this machine."""
    show: Callable[[Applying], None] = lambda _applying: None
    """Hears of every flow's writes, before the first call and after each."""

    def hunt(self, query: str, *, at: datetime | None = None, window: timedelta | None = None) -> HuntResult:
        """Run one query at the effective moment, with the project's lists and limits; `window` is how far back it looks
        at most.
        """
        return self.engine.hunt(
            HuntRequest(
                query=query,
                now=at or self.clock.effective(),
                lists=self.project.lists,
                limits=self.project.settings.limits,
                window=window,
            )
        )

    def require_write(self) -> None:
        """Refuse to go on where the project only observes, and where the clock would go back before the ledger's last
        entry or leap so far ahead that nothing could be written for long.
        """
        require_apply(self.project.settings)
        last, wall, now = self.store.last_effective_at(self.estate.id), self.clock.wall(), self.clock.effective()
        if last is not None and now < last:
            raise UsageError(
                f"the ledger's last entry is of {instant_text(last)}; "
                f"a command that writes cannot go back to {instant_text(now)}.",
                hint="Give a later --now, or leave it out."
                if self.clock.pinned_at
                else "Pin the clock with a --now after that moment.",
            )
        if now > max(wall, last or wall) + FARTHEST_LEAP:
            raise UsageError(
                f"--now is {instant_text(now)}, more than {FARTHEST_LEAP.days} days ahead. The ledger does not go "
                "back: no command could write before that moment any more.",
                hint=f"Correct --now, or move time on in steps of at most {FARTHEST_LEAP.days} days.",
            )


def require_apply(settings: Settings) -> None:
    """Refuse to write to the estate where the project only observes."""
    if settings.mode is Mode.OBSERVE:
        raise PermissionDenied(
            "the project is in mode: observe, in which no command can write to the estate.",
            hint="Look with `earmark plan`; set `mode: apply` in earmark.yaml to let plans be applied.",
        )
