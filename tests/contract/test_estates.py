"""What every estate does: one suite for the embedded one, a tenant over HTTP, and the fake that other tests use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from earmark.estates.base import Cost, Estate, Outcome, OutcomeState, TagAction
from earmark.estates.embedded.devices import Listing, Sighting
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.physical import ticks_of
from earmark.model.device import Device, Origin, Tag
from tests.fakes import FakeEstate
from tests.fakes_store import MemoryStore
from tests.sandboxes import Sandbox

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
UNKNOWN = "0" * 40

# What both estates hold: id, name, first seen, last seen, tags.
HELD = (
    ("a" * 40, "pc1.corp.example", NOON - 9 * HOUR, NOON - HOUR, ()),
    (
        "b" * 40,
        "pc2.corp.example",
        NOON - 8 * HOUR,
        NOON,
        (Tag(value="Kept"), Tag(value="Kept", origin=Origin.DYNAMIC)),
    ),
    ("c" * 40, "new.corp.example", NOON + HOUR, NOON + 2 * HOUR, ()),
    ("d" * 40, "newtagged.corp.example", NOON + HOUR, NOON + 2 * HOUR, (Tag(value="Early"),)),
)
A, B, C, D = (row[0] for row in HELD)


def _embedded(folder: Path) -> Estate:
    estate = EmbeddedEstate(folder / "estate")
    _fill(estate)
    return estate


def _defender(folder: Path) -> Estate:
    sandbox = Sandbox(folder, at=NOON + 3 * HOUR)
    _fill(sandbox.devices)
    return sandbox.estate(MemoryStore())


def _fill(estate: EmbeddedEstate) -> None:
    estate.devices.record_sightings(
        Sighting(id=key, name=name, first_seen=ticks_of(first), last_seen=ticks_of(last))
        for key, name, first, last, _ in HELD
    )
    estate.devices.record_inventory(
        (
            Listing(
                device=key,
                name=name,
                first_seen=ticks_of(first),
                last_seen=None,
                tags=tuple((t.value, t.origin) for t in tags),
                origins=frozenset(Origin),
            )
            for key, name, first, _, tags in HELD
        ),
        at=ticks_of(NOON),
    )


def _fake(_folder: Path) -> Estate:
    return FakeEstate(
        (Device(id=key, name=name, last_seen_at=last, tags=tags) for key, name, _, last, tags in HELD),
        first_seen_at={key: first for key, _, first, _, _ in HELD},
    )


def write(estate: Estate, action: TagAction, tag: str, devices: list[str]) -> list[Outcome]:
    """What became of each device, in order; each is told once."""
    told = [outcome for some in estate.write_tag(action, tag, devices, now=NOON) for outcome in some]
    assert sorted(outcome.device for outcome in told) == sorted(devices)
    return sorted(told, key=lambda outcome: devices.index(outcome.device))


@pytest.fixture(params=[_embedded, _fake, _defender], ids=["embedded", "fake", "defender"])
def estate(request: pytest.FixtureRequest, tmp_path: Path) -> Estate:
    make: Callable[[Path], Estate] = request.param
    return make(tmp_path)


def devices(estate: Estate, now: datetime = NOON) -> dict[str, Device]:
    return {device.id: device for device in estate.fetch_inventory(now=now).devices}


def test_the_inventory_is_as_of_the_moment(estate: Estate) -> None:
    found = devices(estate)
    assert set(found) == {A, B, D}, "a device first seen later is left out unless it carries tags"
    assert found[A] == Device(id=A, name="pc1.corp.example", last_seen_at=NOON - HOUR)
    assert all(device.last_seen_at is None or device.last_seen_at <= NOON for device in found.values())
    assert set(devices(estate, NOON + HOUR)) == {A, B, C, D}


def test_the_inventory_is_complete_and_in_order(estate: Estate) -> None:
    inventory = estate.fetch_inventory(now=NOON)
    assert inventory.complete
    assert inventory.why_not is None
    assert [device.id for device in inventory.devices] == sorted(device.id for device in inventory.devices)


def test_tags_come_with_their_origin_sorted(estate: Estate) -> None:
    assert devices(estate)[B].tags == (Tag(value="Kept", origin=Origin.DYNAMIC), Tag(value="Kept"))


def test_holders_are_counted_by_exact_manual_tag(estate: Estate) -> None:
    write(estate, TagAction.ADD, "Kept", [A])
    assert estate.count_holders({"Kept", "kept", "Executive"}) == {"Kept": 2}
    assert estate.count_holders(()) == {}


def test_fetch_tags_gives_manual_tags_of_known_devices(estate: Estate) -> None:
    assert estate.fetch_tags([A, B, UNKNOWN]) == {A: frozenset(), B: frozenset({"Kept"})}
    assert estate.fetch_tags([]) == {}


def test_adding_and_removing_a_tag(estate: Estate) -> None:
    (outcome,) = write(estate, TagAction.ADD, "Executive", [A])
    assert (outcome.device, outcome.state) == (A, OutcomeState.APPLIED)
    assert devices(estate)[A].tags == (Tag(value="Executive"),)
    assert estate.fetch_tags([A]) == {A: frozenset({"Executive"})}
    (outcome,) = write(estate, TagAction.REMOVE, "Executive", [A])
    assert outcome.state is OutcomeState.APPLIED
    assert devices(estate)[A].tags == ()


@pytest.mark.parametrize(("action", "tag"), [(TagAction.ADD, "Kept"), (TagAction.REMOVE, "Absent")])
def test_what_is_so_already_is_applied(estate: Estate, action: TagAction, tag: str) -> None:
    before = estate.fetch_tags([B])
    (outcome,) = write(estate, action, tag, [B])
    assert outcome.state is OutcomeState.APPLIED
    assert estate.fetch_tags([B]) == before


def test_only_manual_tags_are_written(estate: Estate) -> None:
    write(estate, TagAction.REMOVE, "Kept", [B])
    assert devices(estate)[B].tags == (Tag(value="Kept", origin=Origin.DYNAMIC),)


def test_one_bad_id_does_not_lose_the_batch(estate: Estate) -> None:
    outcomes = write(estate, TagAction.ADD, "Executive", [A, UNKNOWN, B])
    assert [(o.device, o.state) for o in outcomes] == [
        (A, OutcomeState.APPLIED),
        (UNKNOWN, OutcomeState.REJECTED),
        (B, OutcomeState.APPLIED),
    ]
    assert outcomes[1].message
    assert estate.fetch_tags([A, B, UNKNOWN]) == {A: frozenset({"Executive"}), B: frozenset({"Kept", "Executive"})}


def test_tags_are_compared_exactly(estate: Estate) -> None:
    write(estate, TagAction.REMOVE, "kept", [B])
    write(estate, TagAction.ADD, "Kept ", [B])
    assert estate.fetch_tags([B]) == {B: frozenset({"Kept", "Kept "})}


def test_cost_is_counted_in_calls(estate: Estate) -> None:
    assert estate.cost({}) == Cost(calls=0, seconds=0.0)
    cost = estate.cost({(TagAction.ADD, "A"): 501, (TagAction.REMOVE, "A"): 1, (TagAction.ADD, "B"): 500})
    assert cost.calls == 4
    assert cost.seconds >= 0
    assert estate.visible_within >= timedelta(0)


def test_a_batch_larger_than_the_limit_is_our_own_mistake(estate: Estate) -> None:
    with pytest.raises(ValueError, match=str(estate.batch_size)):
        write(estate, TagAction.ADD, "Executive", [A] * (estate.batch_size + 1))


def test_the_id_is_stable(tmp_path: Path) -> None:
    first = EmbeddedEstate(tmp_path / "one")
    assert EmbeddedEstate(tmp_path / "one").id == first.id
    assert EmbeddedEstate(tmp_path / "two").id != first.id
    assert first.id.startswith("embedded:")


def test_the_fake_can_time_out_having_acted() -> None:
    fake = FakeEstate([Device(id=A, name="pc1")])
    fake.time_out_after_acting = True
    (outcome,) = write(fake, TagAction.ADD, "Executive", [A])
    assert outcome.state is OutcomeState.UNKNOWN
    assert fake.fetch_tags([A]) == {A: frozenset({"Executive"})}
