"""Bulk writing and every way in which it may be refused, against a tenant that is told how to behave."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.errors import PermissionDenied
from earmark.estates.base import Outcome, OutcomeState, TagAction
from earmark.estates.defender.faults import NoAnswer
from earmark.estates.defender.tags import TagWriter, named_in
from tests.tenants import Scripted, answer, client_on, error


def ids(count: int) -> list[str]:
    return [f"{n:040x}" for n in range(count)]


@dataclass
class Stubborn:
    """Takes tags, but for the machines that it does not know."""

    unknown: frozenset[str] = frozenset()
    names: bool = True
    bulk: bool = True
    single: bool = True
    most: int = 500
    drops: int = 0
    """Every so many requests one is cut after it was acted upon; 0: none."""
    tagged: set[str] = field(default_factory=set)
    calls: int = 0

    def __call__(self, request: httpx2.Request) -> Any:
        self.calls += 1
        body = json.loads(request.content)
        many = request.url.path.endswith("AddOrRemoveTagForMultipleMachines")
        wanted = body["MachineIds"] if many else [request.url.path.split("/")[3]]
        if not (self.bulk if many else self.single):
            return error(403, "Forbidden", "not for you")
        if len(wanted) > self.most:
            return error(400, "MaximumBatchSizeExceeded", f"Received: {len(wanted)}, allowed: {self.most}")
        bad = [one for one in wanted if one in self.unknown]
        if bad and many:
            return error(400, "InvalidInput", f"Following machines are invalid: {', '.join(bad)}" if self.names else "")
        if bad:
            return error(404, "ResourceNotFound", f"Machine {bad[0]} was not found")
        (self.tagged.update if body["Action"] == "Add" else self.tagged.difference_update)(wanted)
        if self.drops and self.calls % self.drops == 0:
            return httpx2.ReadError("closed")
        return answer({"value": []})


def outcomes_of(writer: TagWriter, devices: list[str]) -> list[Outcome]:
    """What became of each device, in order; each is told once."""
    told = [outcome for some in writer.write(TagAction.ADD, "Executive", devices) for outcome in some]
    assert len({outcome.device for outcome in told}) == len(told)
    return sorted(told, key=lambda outcome: devices.index(outcome.device))


def write(tenant: Stubborn, devices: list[str], writer: TagWriter | None = None) -> dict[str, OutcomeState]:
    writer = writer or TagWriter(client_on(Scripted([tenant])))
    outcomes = outcomes_of(writer, devices)
    assert [outcome.device for outcome in outcomes] == devices
    return {outcome.device: outcome.state for outcome in outcomes}


def states(devices: list[str], unknown: frozenset[str]) -> dict[str, OutcomeState]:
    return {d: OutcomeState.REJECTED if d in unknown else OutcomeState.APPLIED for d in devices}


def test_five_hundred_machines_are_one_call() -> None:
    tenant = Stubborn()
    assert set(write(tenant, ids(500)).values()) == {OutcomeState.APPLIED}
    assert tenant.calls == 1


def test_named_ids_are_left_out_and_the_rest_sent_again() -> None:
    tenant = Stubborn(unknown=frozenset(ids(500)[7:10]))
    assert write(tenant, ids(500)) == states(ids(500), tenant.unknown)
    assert tenant.calls == 2 + 3, "each that was named is tried by itself"
    tenant = Stubborn(unknown=frozenset(ids(500)[7:90]))
    assert write(tenant, ids(500)) == states(ids(500), tenant.unknown)
    assert tenant.calls == 2, "so many are not"


def test_a_refusal_that_names_nobody_is_halved() -> None:
    tenant = Stubborn(unknown=frozenset({ids(500)[7]}), names=False)
    assert write(tenant, ids(500)) == states(ids(500), tenant.unknown)
    assert tenant.calls < 25


def test_a_refusal_that_names_everybody_is_looked_into() -> None:
    tenant = Stubborn(unknown=frozenset(ids(40)))
    assert write(tenant, ids(40)) == states(ids(40), tenant.unknown)
    assert tenant.calls < 50


def test_a_forbidden_bulk_call_is_not_tried_again() -> None:
    tenant = Stubborn(bulk=False)
    writer = TagWriter(client_on(Scripted([tenant])))
    write(tenant, ids(5), writer)
    assert tenant.calls == 6
    write(tenant, ids(5), writer)
    assert (tenant.calls, tenant.tagged) == (11, set(ids(5)))


def test_where_nothing_is_allowed_the_right_is_named() -> None:
    with pytest.raises(PermissionDenied, match="machines-tag-one") as denied:
        write(Stubborn(bulk=False, single=False), ids(5))
    assert "Machine.ReadWrite.All" in denied.value.hint


def test_a_smaller_batch_is_found() -> None:
    tenant = Stubborn(most=25)
    assert set(write(tenant, ids(100)).values()) == {OutcomeState.APPLIED}


def test_one_device_named_twice_is_sent_once() -> None:
    tenant = Stubborn()
    outcomes = outcomes_of(TagWriter(client_on(Scripted([tenant]))), [*ids(2), *ids(1)])
    assert [outcome.device for outcome in outcomes] == ids(2)
    assert tenant.calls == 1


def test_a_tenant_that_never_answers_raises() -> None:
    with pytest.raises(NoAnswer):
        outcomes_of(TagWriter(client_on(Scripted([httpx2.ReadError("closed")]))), ids(3))


def test_what_got_no_answer_after_others_did_is_unknown() -> None:
    first = Stubborn(unknown=frozenset(ids(1)), names=False)
    script = Scripted([first, first, first, first, httpx2.ReadError("closed")])
    outcomes = outcomes_of(TagWriter(client_on(script)), ids(8))
    found = {outcome.state for outcome in outcomes}
    assert OutcomeState.UNKNOWN in found
    assert found > {OutcomeState.UNKNOWN}
    single = Scripted([error(403), answer(), answer(), httpx2.ReadError("closed")])
    outcomes = outcomes_of(TagWriter(client_on(single)), ids(4))
    assert [o.state for o in outcomes] == [OutcomeState.APPLIED] * 2 + [OutcomeState.UNKNOWN] * 2


def test_a_refusal_after_silence_is_no_rejection() -> None:
    closed = httpx2.ReadError("closed")
    with pytest.raises(NoAnswer, match="401"):
        outcomes_of(TagWriter(client_on(Scripted([closed, error(401)]))), ids(2))
    single = Scripted([error(403), answer(), closed, error(401)])
    outcomes = outcomes_of(TagWriter(client_on(single)), ids(3))
    assert [o.state for o in outcomes] == [OutcomeState.APPLIED, OutcomeState.UNKNOWN, OutcomeState.REJECTED]


def test_doubt_outlives_the_call_that_it_came_from() -> None:
    one, *others = ids(3)
    closed, bad = httpx2.ReadError("closed"), error(400, "InvalidInput", f"Could not find machines: {one}")
    script = Scripted([closed, bad, error(404), error(401)])
    outcomes = outcomes_of(TagWriter(client_on(script)), [one, *others])
    assert [o.state for o in outcomes] == [OutcomeState.REJECTED] + [OutcomeState.UNKNOWN] * 2


def test_what_is_known_is_not_lost_when_rights_end() -> None:
    single = Scripted([error(403), answer(), error(401)])
    outcomes = outcomes_of(TagWriter(client_on(single)), ids(4))
    assert [o.state for o in outcomes] == [OutcomeState.APPLIED] + [OutcomeState.REJECTED] * 3


@given(
    st.integers(min_value=1, max_value=40),
    st.sets(st.integers(min_value=0, max_value=39)),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 2, 3]),
)
def test_every_known_machine_gets_its_tag(count: int, bad: set[int], names: bool, bulk: bool, drops: int) -> None:
    tenant = Stubborn(unknown=frozenset(f"{n:040x}" for n in bad), names=names, bulk=bulk, drops=drops)
    assert write(tenant, ids(count)) == states(ids(count), tenant.unknown)
    assert tenant.tagged == set(ids(count)) - tenant.unknown


def test_ids_are_found_in_any_sentence() -> None:
    one, other = ids(2)
    assert named_in(f"Following machines are invalid: {one.upper()}.", [one, other]) == [one]
    assert named_in(f"[{one},{other}]", [one, other]) == [one, other]
    assert named_in(f"{one}0 {one[:-1]}", [one]) == []


def test_a_machine_without_an_answer_leaves_no_call_for_nobody_behind() -> None:
    asked: list[list[str]] = []

    def tenant(request: httpx2.Request) -> Any:
        body = json.loads(request.content)
        if "MachineIds" not in body:
            return httpx2.ReadError("closed") if request.url.path.split("/")[3] == ids(2)[1] else answer()
        asked.append(body["MachineIds"])
        assert len(asked) < 5, "it never ends"
        return error(400, "InvalidInput", "no")

    outcomes = outcomes_of(TagWriter(client_on(Scripted([tenant]))), ids(2))
    assert [outcome.state for outcome in outcomes] == [OutcomeState.APPLIED, OutcomeState.UNKNOWN]
    assert asked == [ids(2)]
