"""The same events in another order, as another import leaves them, give the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from earmark.hunting.base import HuntRequest
from earmark.hunting.local import LocalEngine
from tests.unit.hunting.conftest import NOW, FakeEvents, SharedKql

EVENTS: Sequence[dict[str, Any]] = [
    {
        "Timestamp": NOW - timedelta(hours=1 + at % 5),
        "DeviceId": f"d{at * 7 % 4}",
        "AccountName": f"a{at * 3 % 5}",
        "LogonId": at,
    }
    for at in range(30)
]


@pytest.fixture(scope="module")
def kql() -> SharedKql:
    return SharedKql()


@pytest.mark.parametrize(
    "step",
    [
        "take 4",
        "where LogonId % 2 == 0 | take 3 | project LogonId",
        "sample 4 | project LogonId",
        "summarize make_list(LogonId, 3), make_list(AccountName, 3) by DeviceId",
        "summarize arg_max(Timestamp, *) by DeviceId",
        "summarize take_any(AccountName, LogonId), make_set(LogonId, 2) by DeviceId",
        "top 3 by Timestamp | project LogonId",
        "mv-expand x = split('p,q', ',') | take 3 | project LogonId, x",
        "join (datatable(DeviceId:string)['d1', 'd2']) on DeviceId | project DeviceId, LogonId",
    ],
)
def test_the_order_of_events_in_files_changes_nothing(step: str, kql: SharedKql, tmp_path: Path) -> None:
    answers = set()
    for events in (EVENTS, EVENTS[::-1], [*EVENTS[11:], *EVENTS[:11]]):
        engine = LocalEngine(events=FakeEvents(tmp_path, {"DeviceLogonEvents": events}), kql=kql, threads=2)
        result = engine.hunt(HuntRequest(query=f"DeviceLogonEvents | {step}", now=NOW))
        assert result.why_not is None
        answers.add(repr(sorted(map(repr, result.rows))))

    assert len(answers) == 1
