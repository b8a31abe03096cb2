"""Looking for devices: what is not there, and what is not known."""

from __future__ import annotations

import pytest

from earmark.errors import EstateError, UsageError
from earmark.services.devices import find_devices
from tests.unit.services.world import World


def test_a_device_is_found_by_id_or_whole_name() -> None:
    workspace = World().workspace
    assert [d.id for d in find_devices(workspace, "d1")] == [d.id for d in find_devices(workspace, "PC-1")] == ["d1"]
    assert len(find_devices(workspace, None)) == 6


def test_the_nearest_name_is_given() -> None:
    with pytest.raises(UsageError) as caught:
        find_devices(World(devices=1).workspace, "pc0")
    assert caught.value.hint == "Did you mean `pc-0`?"


def test_a_device_missing_from_a_partial_inventory_is_unknown_not_absent() -> None:
    world = World()
    world.estate.partial = "page 3 could not be read"
    with pytest.raises(EstateError, match="unknown: page 3 could not be read"):
        find_devices(world.workspace, "pc-99")
