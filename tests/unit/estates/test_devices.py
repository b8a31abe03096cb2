"""Devices and tags of the embedded estate beyond the contract: changes by hand, its file, many devices."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from earmark.errors import EstateError, UsageError
from earmark.estates.embedded.devices import Sighting
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.physical import ticks_of
from earmark.model.device import Origin, Tag
from tests.unit.estates.conftest import NOW, Trial

A, B, C = "a" * 40, "b" * 40, "c" * 40


@pytest.fixture
def estate(tmp_path: Path) -> EmbeddedEstate:
    made = EmbeddedEstate(tmp_path / "estate")
    at = ticks_of(NOW)
    names = {A: "pc1.corp.example", B: "twin", C: "TWIN"}
    made.devices.record_sightings(Sighting(id=i, name=n, first_seen=at, last_seen=at) for i, n in names.items())
    return made


@pytest.mark.parametrize("device", [A, "pc1.corp.example", "PC1.CORP.example"])
def test_tagging_by_hand(estate: EmbeddedEstate, device: str) -> None:
    assert estate.tag_by_hand(device, "VIP", now=NOW).tags == (Tag(value="VIP", origin=Origin.MANUAL),)
    assert estate.fetch_tags([A]) == {A: frozenset({"VIP"})}
    assert estate.untag_by_hand(device, "VIP", now=NOW).tags == ()
    assert estate.fetch_tags([A]) == {A: frozenset()}


def test_tagging_twice_is_once(estate: EmbeddedEstate) -> None:
    estate.tag_by_hand(A, "VIP", now=NOW)
    assert len(estate.tag_by_hand(A, "VIP", now=NOW).tags) == 1


@pytest.mark.parametrize(
    ("device", "tag", "words"),
    [
        ("nobody", "VIP", "no device"),
        ("pc1", "VIP", "no device"),
        ("twin", "VIP", f"2 devices are named 'twin': twin ({B}), TWIN ({C})"),
        (A, " ", "empty"),
    ],
)
def test_what_cannot_be_tagged(estate: EmbeddedEstate, device: str, tag: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        estate.tag_by_hand(device, tag, now=NOW)
    assert words in caught.value.message
    assert caught.value.hint


def test_taking_off_what_is_not_there(estate: EmbeddedEstate) -> None:
    with pytest.raises(UsageError, match="does not carry"):
        estate.untag_by_hand(A, "VIP", now=NOW)


def test_a_file_of_a_newer_version_is_left_alone(estate: EmbeddedEstate) -> None:
    with sqlite3.connect(estate.folder / "devices.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(EstateError, match="layout 99"):
        EmbeddedEstate(estate.folder)


def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "devices.db").write_bytes(b"this is no database, only text" * 100)
    with pytest.raises(EstateError, match=r"devices\.db"):
        EmbeddedEstate(tmp_path)


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EstateError, match="cannot be the estate's folder"):
        EmbeddedEstate(tmp_path / "file" / "estate")


def test_a_batch_that_fails_changes_nothing(estate: EmbeddedEstate) -> None:
    refused: list[Any] = [A, object()]  # the second is nothing that SQLite can look for
    with pytest.raises(EstateError):
        estate.devices.change_tag("VIP", refused, add=True, at=0)
    assert estate.fetch_tags([A]) == {A: frozenset()}


def test_an_event_widens_the_time_a_device_was_seen(trial: Trial) -> None:
    store = trial.estate.devices
    for first, last in ((50, 60), (40, 45), (None, None), (70, 80)):
        store.record_sightings([Sighting(id=A, name="pc1", first_seen=first, last_seen=last)])
    assert store.devices(until=39) == []
    assert store.devices(until=40) == [(A, "pc1", 80)]
