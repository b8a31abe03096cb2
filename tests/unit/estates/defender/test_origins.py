from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from earmark.estates.defender.estate import DefenderEstate
from earmark.estates.defender.hunts import MOST_ROWS, Hunts
from earmark.model.device import Origin, Tag
from tests.tenants import Scripted, VirtualPace, answer, client_on, error

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B = "a" * 40, "b" * 40
SCHEMA = [{"name": name, "type": "String"} for name in ("DeviceId", "Registry", "Manual", "Dynamic")]


def machines(**tags: list[str]) -> Any:
    return answer({"value": [{"id": key * 40, "machineTags": found} for key, found in tags.items()]})


def info(device: str, registry: str, manual: Any, dynamic: Any) -> dict[str, Any]:
    return {"DeviceId": device.upper(), "Registry": registry, "Manual": manual, "Dynamic": dynamic}


def tags_of(listed: Any, *answers: Any) -> dict[str, tuple[Tag, ...]]:
    client = client_on(Scripted([listed, *answers]))
    estate = DefenderEstate(client, tenant="t", hunts=Hunts(client))
    return {device.id: device.tags for device in estate.fetch_inventory(now=NOON).devices}


def manual(value: str) -> Tag:
    return Tag(value=value)


def other(value: str, origin: Origin = Origin.DYNAMIC) -> Tag:
    return Tag(value=value, origin=origin)


def test_a_list_that_unites_all_tags_is_sorted_out() -> None:
    rows = [info(A, "mac", '["M","Both"]', '["D","Both"]')]
    found = tags_of(machines(a=["M", "D", "mac", "Both", "New"], b=["D"]), answer({"schema": SCHEMA, "results": rows}))
    assert found == {
        A: (
            other("Both"),
            manual("Both"),
            other("D"),
            manual("M"),
            manual("New"),
            other("mac", Origin.REGISTRY),
        ),
        B: (manual("D"),),
    }


def test_a_list_of_manual_tags_alone_is_believed() -> None:
    rows = [info(A, "", "[]", ["D"]), info(B, "reg", None, {})]
    found = tags_of(machines(a=["M"], b=["D"]), answer({"schema": SCHEMA, "results": rows}))
    assert found == {A: (other("D"), manual("M")), B: (manual("D"), other("reg", Origin.REGISTRY))}


@pytest.mark.parametrize(
    "said",
    [
        error(403, "Forbidden", "no hunting"),
        error(400, "BadRequest", "Failed to resolve table"),
        error(500),
        answer({}),
        answer({"schema": SCHEMA, "results": [{}] * MOST_ROWS}),
    ],
)
def test_what_is_not_known_is_manual(said: Any) -> None:
    assert tags_of(machines(a=["T"]), said) == {A: (manual("T"),)}


def test_origins_are_asked_once_in_a_while() -> None:
    pace = VirtualPace(NOON)
    transport = Scripted([lambda r: answer({"schema": SCHEMA, "results": []}) if r.method == "POST" else machines()])
    client = client_on(transport, pace=pace)
    estate = DefenderEstate(client, tenant="t", hunts=Hunts(client))
    for minutes in (0, 5, 20):
        pace.at = NOON + timedelta(minutes=minutes)
        estate.fetch_inventory(now=pace.at)
    assert [r.method for r in transport.requests] == ["GET", "POST", "GET", "GET", "POST"]
