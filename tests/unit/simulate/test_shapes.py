"""The files have the shapes that real sensors write."""

from __future__ import annotations

import csv
import gzip
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.simulate.conftest import Simulated
from tests.unit.simulate.plain import instant, read_json, read_lines, read_security_events, read_streaming


def test_every_record_has_the_wrapper_of_the_streaming_export(simulated: Simulated) -> None:
    for path in (simulated.folder / "streaming").rglob("PT1H*"):
        container = path.relative_to(simulated.folder / "streaming").parts[0]
        for line in read_lines(path)[:20]:
            record = json.loads(line)
            assert list(record) == [
                *("time", "tenantId", "operationName", "category", "_TimeReceivedBySvc", "properties", "Tenant"),
            ]
            table = record["category"].removeprefix("AdvancedHunting-")
            assert container == f"insights-logs-advancedhunting-{table.lower()}"
            published = instant(record["time"]) - instant(record["properties"]["Timestamp"])
            assert timedelta() < published < timedelta(minutes=20)


def test_blobs_lie_where_the_export_puts_them(simulated: Simulated) -> None:
    place = re.compile(
        r"streaming/insights-logs-advancedhunting-[a-z]+/tenantId=[0-9a-f-]{36}/y=\d{4}/m=\d\d/d=\d\d/h=\d\d/m=00/PT1H\.json(\.gz)?"
    )
    blobs = [
        path.relative_to(simulated.folder).as_posix()
        for path in (simulated.folder / "streaming").rglob("*")
        if path.is_file()
    ]
    assert all(place.fullmatch(blob) for blob in blobs)
    assert {blob.endswith(".gz") for blob in blobs} == {True, False}
    assert sum("devicelogonevents" in blob and "/h=00/" not in blob for blob in blobs) == 6


def test_columns_and_types_are_those_of_defender(simulated: Simulated, shared: Path) -> None:
    tables = read_json(shared / "defender" / "schema.json")["tables"]
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "datetime": (str,),
        "long": (int,),
        "int": (int,),
        "bool": (bool,),
    }
    assert {table for table, _ in simulated.rows} == {
        *("DeviceLogonEvents", "DeviceInfo", "DeviceNetworkInfo", "DeviceProcessEvents", "DeviceNetworkEvents"),
        *("AlertInfo", "AlertEvidence"),
    }
    for table, row in simulated.rows:
        types = {column["name"]: column["type"] for column in tables[table]["columns"]} | {"MachineGroup": "string"}
        assert set(row) <= set(types), table
        for name, value in row.items():
            assert value is None or type(value) in kinds[types[name]], (table, name, value)


def test_columns_that_hold_json_hold_json(simulated: Simulated) -> None:
    seen = set()
    for _, row in simulated.rows:
        for name in (
            "AdditionalFields",
            "LoggedOnUsers",
            "IPAddresses",
            "ConnectedNetworks",
            "DeviceManualTags",
            "DeviceDynamicTags",
        ):
            if row.get(name):
                json.loads(row[name])
                seen.add(name)
    assert len(seen) == 6


def test_device_ids_are_forty_hex_digits_and_stand_for_one_name(simulated: Simulated) -> None:
    names: dict[str, set[str]] = {}
    for _, row in simulated.rows:
        if row.get("DeviceId") is not None:
            names.setdefault(row["DeviceId"], set()).add(row["DeviceName"])
    assert all(re.fullmatch(r"[0-9a-f]{40}", device) for device in names)
    assert all(len(found) == 1 for found in names.values())


def test_some_rows_come_twice_and_one_line_is_cut(simulated: Simulated) -> None:
    rows, rejects = read_streaming(simulated.folder)
    lines = sum(n for kind, n in simulated.written.counts.items() if kind.startswith(("Device", "Alert")))
    assert 0.02 < (lines - len(rows)) / len(rows) < 0.04
    assert len(rejects) == 1
    assert rejects[0].startswith('{"time":')


def test_alerts_have_evidence_of_a_device_and_of_an_account(simulated: Simulated) -> None:
    alerts = {row["AlertId"] for table, row in simulated.rows if table == "AlertInfo"}
    evidence = [row for table, row in simulated.rows if table == "AlertEvidence"]
    assert len(alerts) == 12
    assert {row["AlertId"] for row in evidence if row.get("DeviceId")} == alerts
    assert {row["AlertId"] for row in evidence if row.get("AccountName")} == alerts


def recorded_keys(path: Path) -> dict[int, list[set[str]]]:
    """The fields of every recorded event, by event id."""
    keys: dict[int, list[set[str]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            if "event_data" in event:
                found = {*event, *(f"event_data.{name}" for name in event["event_data"])}
            else:
                found = set(event)
            keys.setdefault(event.get("EventID") or event["event_id"], []).append(found)
    return keys


@pytest.mark.parametrize("shape", ["nxlog", "winlogbeat"])
def test_fields_of_security_events_are_those_of_recorded_ones(simulated: Simulated, shared: Path, shape: str) -> None:
    recorded = recorded_keys(shared / "realdata" / f"{shape}.jsonl.gz")
    written: dict[int, set[str]] = {}
    for path in (simulated.folder / "windows" / shape).iterdir():
        for line in read_lines(path):
            event: dict[str, Any] = json.loads(line)
            found = {*event, *(f"event_data.{name}" for name in event.get("event_data", ()))}
            event_id = event.get("EventID") or event["event_id"]
            assert written.setdefault(event_id, found) == found
    assert set(written) == {4624, 4625, 4634, 4647, 4648, 4672}
    for event_id, found in written.items():
        if event_id in recorded:
            always = set.intersection(*recorded[event_id])
            assert found <= set.union(*recorded[event_id]), event_id
            few = len(recorded[event_id]) < 20
            assert few or always <= found, event_id


def test_security_events_come_from_machines_without_defender_alone(simulated: Simulated) -> None:
    machines = {machine for _, machine, _, _ in read_security_events(simulated.folder)}
    assert machines == {d["name"] for d in simulated.truth["devices"] if d["sensor"] != "defender"}
    assert all(d["device"] == "" for d in simulated.truth["devices"] if d["name"] in machines)
    assert machines.isdisjoint(row.get("DeviceName") for _, row in simulated.rows)


def test_the_collectors_own_clock_is_not_utc(simulated: Simulated) -> None:
    apart = set()
    for path in (simulated.folder / "windows" / "nxlog").iterdir():
        for line in read_lines(path):
            event = json.loads(line)
            local = instant(event["EventTime"].replace(" ", "T") + "Z")
            apart.add(round((local - instant(event["@timestamp"])).total_seconds() / 3600))
    assert apart == {0, 1}


def test_both_forms_of_the_inventory_say_the_same(simulated: Simulated) -> None:
    with (simulated.folder / "inventory" / "devices.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert list(table[0]) == ["device", "name", "os", "last_seen", "manual_tags", "dynamic_tags", "registry_tag"]
    lines = [json.loads(line) for line in read_lines(simulated.folder / "inventory" / "devices.jsonl")]
    assert [(x["device"], x["name"], x["last_seen"]) for x in table] == [
        (x["device"], x["name"], x["last_seen"]) for x in lines
    ]
    columns = {"manual": "manual_tags", "dynamic": "dynamic_tags", "registry": "registry_tag"}
    for row, line in zip(table, lines, strict=True):
        found = {(tag, origin) for origin, column in columns.items() for tag in row[column].split(";") if tag}
        assert found == {(tag["tag"], tag["origin"]) for tag in line["tags"]}


def test_the_inventory_knows_no_later_moment_than_its_own(simulated: Simulated) -> None:
    exported = instant(read_json(simulated.folder / "manifest.json")["inventory_at"])
    lines = [json.loads(line) for line in read_lines(simulated.folder / "inventory" / "devices.jsonl")]
    assert max(instant(line["last_seen"]) for line in lines) <= exported
    names = {line["name"] for line in lines}
    assert simulated.truth["story"]["replacement"]["name"] not in names
    tags = {(line["name"], tag["tag"], tag["origin"]) for line in lines for tag in line["tags"]}
    assert {origin for _, _, origin in tags} == {"manual", "dynamic", "registry"}
    assert [name for name, tag, _ in tags if tag == "Executive"] == [simulated.truth["story"]["tagged_by_hand"]["name"]]


def test_device_reports_carry_the_tags_of_the_inventory(simulated: Simulated) -> None:
    inventory = {
        x["name"]: x["tags"] for x in map(json.loads, read_lines(simulated.folder / "inventory" / "devices.jsonl"))
    }
    for table, row in simulated.rows:
        if table == "DeviceInfo" and row["DeviceName"] in inventory:
            manual = [x["tag"] for x in inventory[row["DeviceName"]] if x["origin"] == "manual"]
            assert json.loads(row["DeviceManualTags"] or "[]") == manual
