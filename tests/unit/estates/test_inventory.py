"""Inventories: their shapes, and what an import changes of devices and tags."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from earmark.estates.embedded.identity import derived_id
from earmark.model.device import Device, Origin, Tag
from tests.unit.estates.conftest import NOW, Trial, record

A, B = "a" * 40, "b" * 40
CSV = f"""device,name,os,last_seen,manual_tags,dynamic_tags,registry_tag
{A},pc1.corp.example,Windows11,2026-01-04T06:00:00Z,Kept; VIP ,Cloud;Old,
{B},pc2.corp.example,,,,,lab
"""


def devices(trial: Trial) -> dict[str, Device]:
    return {device.id: device for device in trial.estate.fetch_inventory(now=NOW).devices}


def test_csv(trial: Trial) -> None:
    report = trial.take_one("inventory.csv", CSV.encode())
    assert (report.rows, report.stored, report.rejected) == (2, 2, 0)
    found = devices(trial)
    assert found[A] == Device(
        id=A,
        name="pc1.corp.example",
        last_seen_at=datetime(2026, 1, 4, 6, tzinfo=UTC),
        tags=(
            Tag(value="Cloud", origin=Origin.DYNAMIC),
            Tag(value="Kept"),
            Tag(value="Old", origin=Origin.DYNAMIC),
            Tag(value="VIP"),
        ),
    )
    assert found[B].last_seen_at is None
    assert found[B].tags == (Tag(value="lab", origin=Origin.REGISTRY),)


def test_json_lines(trial: Trial) -> None:
    tags = [{"tag": "Kept", "origin": "manual"}, {"tag": "Cloud", "origin": "dynamic"}, "Plain"]
    row = {"device": A, "name": "pc1", "last_seen": "2026-01-04T06:00:00.1234567Z", "tags": tags}
    report = trial.take_one("inventory.jsonl", [row])
    assert (report.format, report.stored) == ("inventory (JSON lines)", 1)
    assert devices(trial)[A].tags == (
        Tag(value="Cloud", origin=Origin.DYNAMIC),
        Tag(value="Kept"),
        Tag(value="Plain"),
    )


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + CSV,
        CSV.replace("\n", "\r\n"),
        CSV.replace("device,name", "Device ID,Device Name").replace("last_seen", "Last Seen"),
        CSV.replace("device,name", "DEVICEID,computerDnsName").replace("manual_tags", "Manual tags"),
        CSV.replace("Kept; VIP ", '"[""Kept"",""VIP""]"'),
    ],
    ids=["bom", "crlf", "portal", "api", "json-list"],
)
def test_the_same_inventory_in_other_clothes(trial: Trial, tmp_path: Path, content: str) -> None:
    trial.take_one("inventory.csv", CSV.encode())
    other = Trial(tmp_path / "other")
    other.take_one("inventory.csv", content.encode())
    assert devices(other) == devices(trial)


def test_a_device_without_id_is_known_by_its_name(trial: Trial) -> None:
    trial.take_one("inventory.csv", b"device,name\n,PC7\n")
    assert trial.devices() == {derived_id("pc7"): "PC7"}


def test_hand_made_tags_outlive_an_inventory_that_does_not_name_them(trial: Trial) -> None:
    trial.take_one("inventory.csv", CSV.encode())
    trial.estate.tag_by_hand(A, "Mine", now=NOW)
    trial.take_one("inventory.csv", CSV.replace("Kept; VIP ", "Kept").replace("Cloud;Old", "Cloud").encode())
    values = {(tag.value, tag.origin) for tag in devices(trial)[A].tags}
    assert values == {("Cloud", Origin.DYNAMIC), *((tag, Origin.MANUAL) for tag in ("Kept", "VIP", "Mine"))}


def test_origins_on_which_an_inventory_is_silent_stay(trial: Trial) -> None:
    trial.take_one("inventory.csv", CSV.encode())
    trial.take_one("names.csv", f"device,name\n{A},renamed\n".encode())
    assert devices(trial)[A].name == "renamed"
    assert len(devices(trial)[A].tags) == 4


def test_the_same_inventory_again_changes_nothing(trial: Trial) -> None:
    trial.take_one("inventory.csv", CSV.encode())
    trial.estate.untag_by_hand(A, "Kept", now=NOW)
    before = devices(trial)
    report = trial.take_one("inventory.csv", CSV.encode())
    assert (report.stored, report.duplicates) == (0, 2)
    assert devices(trial) == before


def test_bad_rows(trial: Trial) -> None:
    rows = ["too,few", ",,os,,,,", f"{A},x,,soon,,,", f'{A},x,,,"[1]",,', f"{B},pc2,,,,,"]
    content = "\n".join([CSV.splitlines()[0], *rows]) + "\n"
    report = trial.take_one("inventory.csv", content.encode())
    assert (report.rows, report.stored, report.rejected) == (5, 1, 4)
    assert [line for line, _ in trial.rejects()] == [2, 3, 4, 5]


def test_bad_json_rows(trial: Trial) -> None:
    good = {"device": A, "name": "pc1", "tags": []}
    bad = ["broken", "[]", json.dumps(good | {"tags": [{"tag": "x", "origin": "odd"}]}), json.dumps(good | {"tags": 1})]
    report = trial.take_one("inventory.jsonl", [good, *bad, good | {"device": 7}])
    assert (report.stored, report.rejected) == (1, 5)
    assert "odd" in trial.rejects()[2][1]


def test_quoted_line_breaks_keep_line_numbers(trial: Trial) -> None:
    content = f'device,name\n{A},"two\nlines"\nbad\n'
    trial.take_one("inventory.csv", content.encode())
    assert [line for line, _ in trial.rejects()] == [4]


class TestAsOfAMoment:
    """What an inventory and the events say of a device together."""

    def test_a_listed_device_is_there_before_its_first_event(self, trial: Trial) -> None:
        trial.take_one("blob.json", [record(), record(DeviceId=B, DeviceName="pc2")])
        trial.take_one("inventory.csv", f"device,name\n{A},pc1\n".encode())
        assert set(trial.devices(datetime(2026, 1, 1, tzinfo=UTC))) == {A}

    def test_last_seen_is_the_newest_sighting_up_to_then(self, trial: Trial) -> None:
        days = [record(ReportId=n, Timestamp=f"2026-01-0{n}T06:00:00Z") for n in (1, 3, 5)]
        trial.take_one("blob.json", [*days, record("DeviceInfo", Timestamp="2026-01-04T00:00:00Z")])
        seen = [
            trial.estate.fetch_inventory(now=datetime(2026, 1, day, 12, tzinfo=UTC)).devices[0].last_seen_at
            for day in (1, 2, 4, 9)
        ]
        assert seen == [
            datetime(2026, 1, 1, 6, tzinfo=UTC),
            datetime(2026, 1, 1, 6, tzinfo=UTC),
            datetime(2026, 1, 4, tzinfo=UTC),
            datetime(2026, 1, 5, 6, tzinfo=UTC),
        ]

    def test_the_newest_name_wins_whatever_the_order_of_import(self, trial: Trial) -> None:
        trial.take_one("new.json", [record(ReportId=2, Timestamp="2026-02-01T00:00:00Z", DeviceName="new")])
        trial.take_one("old.json", [record(ReportId=1, Timestamp="2026-01-01T00:00:00Z", DeviceName="old")])
        assert trial.devices() == {A: "new"}

    def test_an_alert_about_a_device_is_no_sighting(self, trial: Trial) -> None:
        trial.take_one("blob.json", [record("AlertEvidence", AlertId="1")])
        assert devices(trial)[A].last_seen_at is None
