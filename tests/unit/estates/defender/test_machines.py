from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.defender.estate import FEW, DefenderEstate
from earmark.estates.defender.faults import NoAnswer
from earmark.estates.defender.machines import PartialList, get_machine, list_machines, read_instant, read_machine
from tests.tenants import HERE, Scripted, answer, client_on, error

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B = "a" * 40, "b" * 40


def page(*values: Any, link: str | None = None) -> httpx2.Response:
    return answer({"@odata.context": "…", "value": list(values), **({"@odata.nextLink": link} if link else {})})


def machine(id_: str, *tags: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "computerDnsName": f"{id_[:2]}.example", "machineTags": list(tags), **more}


NEXT = f"{HERE}/api/machines?$skip=1"


def test_pages_are_followed_to_the_end() -> None:
    transport = Scripted([page(machine(A, "T"), link=NEXT), page(machine(B), machine(A, "newer"))])
    found = list_machines(client_on(transport))
    assert {key: m.tags for key, m in found.items()} == {A: ("newer",), B: ()}
    assert [str(r.url) for r in transport.requests] == [f"{HERE}/api/machines", NEXT]


def test_no_machines_are_a_404() -> None:
    assert list_machines(client_on(Scripted([error(404, "ResourceNotFound", "no recent machines")]))) == {}


def test_holders_are_not_counted_in_a_part_of_the_machines() -> None:
    broken = [page(machine(A), link=NEXT), error(500)]
    with pytest.raises(EstateError, match=r"not every device could be read: .*500"):
        DefenderEstate(client_on(Scripted(broken)), tenant="t").count_holders({"Executive"})
    whole = DefenderEstate(client_on(Scripted([page(machine(A, "Executive"))])), tenant="t", delegated=True)
    assert whole.count_holders({"Executive"}) == {"Executive": 1}


def test_a_404_of_somebody_else_says_nothing_of_machines() -> None:
    foreign = httpx2.Response(404, text="<html>404 Not Found</html>")
    with pytest.raises(PartialList, match="something else"):
        list_machines(client_on(Scripted([foreign])))
    with pytest.raises(NoAnswer, match="something else"):
        get_machine(client_on(Scripted([foreign])), A)
    assert list_machines(client_on(Scripted([httpx2.Response(404)]))) == {}


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (error(500), "500"),
        (error(404), "404"),
        (httpx2.ReadError("closed"), "closed"),
        (answer({"value": {}}), "no list"),
        (page(link="https://elsewhere.example/"), "another place"),
        (page(link=NEXT), "circle"),
        (page({"id": None}), "no usable id"),
        (page(7), "no usable id"),
        (page({"id": B, "machineTags": "Executive"}), "no usable id or tags"),
        (httpx2.Response(404, text="<html>404</html>"), "something else"),
    ],
)
def test_a_list_that_breaks_off_is_partial(second: Any, why: str) -> None:
    client = client_on(Scripted([page(machine(A), link=NEXT), second]))
    with pytest.raises(PartialList, match=why) as partial:
        list_machines(client)
    assert set(partial.value.machines) == {A}
    estate = DefenderEstate(client_on(Scripted([page(machine(A), link=NEXT), second])), tenant="t")
    inventory = estate.fetch_inventory(now=NOON)
    assert (inventory.complete, [d.id for d in inventory.devices]) == (False, [A])
    assert why in (inventory.why_not or "")
    with pytest.raises(EstateError):
        DefenderEstate(client_on(Scripted([page(machine(A), link=NEXT), second])), tenant="t").fetch_tags(
            [f"{n:040x}" for n in range(FEW + 1)]
        )


def test_what_a_person_sees_is_never_all() -> None:
    inventory = DefenderEstate(client_on(Scripted([page(machine(A))])), tenant="t", delegated=True).fetch_inventory(
        now=NOON
    )
    assert not inventory.complete


def test_a_missing_right_is_no_partial_list() -> None:
    with pytest.raises(PermissionDenied):
        DefenderEstate(client_on(Scripted([error(403)])), tenant="t").fetch_inventory(now=NOON)


def test_few_devices_are_asked_for_one_by_one() -> None:
    transport = Scripted([answer(machine(A, "T")), error(404)])
    assert DefenderEstate(client_on(transport), tenant="t").fetch_tags([B, A]) == {A: frozenset({"T"})}
    assert [r.url.path for r in transport.requests] == [f"/api/machines/{A}", f"/api/machines/{B}"]


def test_another_machine_than_asked_for_is_refused() -> None:
    with pytest.raises(EstateError, match="another machine"):
        get_machine(client_on(Scripted([answer(machine(B))])), A)


@pytest.mark.parametrize("value", [None, 7, [], {}, {"id": ""}, {"id": 7}])
def test_a_machine_without_an_id_is_none(value: Any) -> None:
    assert read_machine(value) is None


def test_odd_fields_are_passed_over() -> None:
    odd: dict[str, Any] = {
        "id": A.upper(),
        "computerDnsName": None,
        "machineTags": ["T", 7, "", "T"],
        "lastSeen": "yesterday",
        "new": {},
    }
    found = read_machine(odd)
    assert found is not None
    assert (found.id, found.name, found.tags, found.last_seen_at) == (A, "", ("T",), None)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2018-08-02T14:55:03.7791856Z", datetime(2018, 8, 2, 14, 55, 3, 779185, tzinfo=UTC)),
        ("2018-08-02T14:55:03Z", datetime(2018, 8, 2, 14, 55, 3, tzinfo=UTC)),
        ("2018-08-02T14:55:03.7791856", datetime(2018, 8, 2, 14, 55, 3, 779185, tzinfo=UTC)),
        ("2018-08-02T16:55:03+02:00", datetime(2018, 8, 2, 14, 55, 3, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("2018-13-02T14:55:03Z", None),
        ("", None),
        (7, None),
    ],
)
def test_instants(text: Any, at: datetime | None) -> None:
    assert read_instant(text) == at
