"""The log of requests, and what tests ask of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from earmark.model.instant import instant_text

KEPT = 200_000
"""Requests that the log holds; older ones are forgotten, and counted."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request, filled in while it is answered."""

    number: int
    at: datetime
    method: str
    path: str
    app: str | None = None
    """The application's id; None before a token was accepted."""
    operation: str | None = None
    """A name of `operations.OPERATIONS`, `token`, or None."""
    status: int | None = None
    """None while it runs, and where the connection was closed without an answer."""
    over_limit: bool = False
    """Whether it was refused since a documented limit was reached: no fault switch, the caller's doing."""
    early: bool = False
    """Whether it came before the `Retry-After` of a throttle that was a fault had passed."""
    fault: str | None = None
    """The fault that struck."""
    action: str | None = None
    """`add` or `remove`, of tags."""
    tag: str | None = None
    named: list[str] = field(default_factory=list)
    """Ids that the request named."""
    changed: list[str] = field(default_factory=list)
    """Those among them on which something changed."""
    done: bool = False
    """Whether it was acted upon, whatever the caller learnt of it."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {name: getattr(self, name) for name in Entry.__slots__ if name != "at"} | {
            "at": instant_text(self.at),
            "needed": bool(self.changed) if self.named else None,
        }


class RequestLog:
    """The requests of this tenant, in order of arrival."""

    def __init__(self, kept: int = KEPT) -> None:
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._count = 0
        self._lock = Lock()

    def begin(self, *, at: datetime, method: str, path: str) -> Entry:
        """Write down a request that has come in."""
        with self._lock:
            self._count += 1
            entry = Entry(number=self._count, at=at, method=method, path=path)
            self._entries.append(entry)
            return entry

    def entries(self, after: int = 0) -> list[Entry]:
        """Those kept, from the one after the given number on."""
        with self._lock:
            return [entry for entry in self._entries if entry.number > after]

    @property
    def forgotten(self) -> int:
        """How many are no longer kept."""
        with self._lock:
            return self._count - len(self._entries)

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._count = 0


def over_limit(entries: list[Entry]) -> list[Entry]:
    """The requests that exceeded a documented limit."""
    return [entry for entry in entries if entry.over_limit]


def sent_without_need(entries: list[Entry]) -> list[tuple[int, str]]:
    """(request, device) of changes sent again though the caller had been told that they were made and they stood."""
    told: dict[tuple[str, str], str] = {}
    found = []
    for entry in entries:
        if entry.action is None or entry.tag is None or not entry.done:
            continue
        changed = set(entry.changed)
        for device in entry.named:
            pair = (entry.tag, device)
            if told.get(pair) == entry.action and device not in changed:
                found.append((entry.number, device))
            if entry.status == 200:
                told[pair] = entry.action
            else:
                told.pop(pair, None)
    return found
