"""How far an apply is, where nobody looks on: lines in a log, and none of what is over soon."""

from __future__ import annotations

import pytest

from earmark.cli.render import progress
from earmark.estates.base import Cost
from earmark.services.workspace import Applying
from tests.unit.services.world import World


def how(done: int, calls: int, seconds: float, flow: str = "executive") -> Applying:
    return Applying(flow=flow, done=done, changes=100_000, left=Cost(calls=calls, seconds=seconds))


def test_a_long_apply_is_told_of_once_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(progress, "monotonic", lambda: now)
    with progress.applying(World().workspace) as workspace:
        for call in range(201):
            workspace.show(how(500 * call, 200 - call, 1.5 * (200 - call)))
            now += 1.5
        workspace.show(how(0, 1, 2.0, flow="short"))
        workspace.show(how(0, 100, 300.0, flow="other"))
    assert capsys.readouterr().err.splitlines() == [
        "executive: 0 of 100,000 changes made, 200 calls and about 5 minutes left",
        "executive: 20,000 of 100,000 changes made, 160 calls and about 4 minutes left",
        "executive: 40,000 of 100,000 changes made, 120 calls and about 3 minutes left",
        "executive: 60,000 of 100,000 changes made, 80 calls and about 2 minutes left",
        "executive: 80,000 of 100,000 changes made, 40 calls and about 1 minute left",
        "other: 0 of 100,000 changes made, 100 calls and about 5 minutes left",
    ]
