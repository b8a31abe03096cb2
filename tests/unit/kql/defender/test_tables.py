"""The tables of advanced hunting against the facts they were taken from."""

from __future__ import annotations

import json
from pathlib import Path

from earmark.kql.defender.tables import DEVICE_TELEMETRY, TABLES, Standing, known_tables

KQL_TYPES = {"bool", "datetime", "dynamic", "guid", "int", "long", "real", "string"}


def test_a_logon_has_the_columns_a_tagging_rule_needs() -> None:
    columns = dict(TABLES["DeviceLogonEvents"])
    assert columns["Timestamp"] == "datetime"
    assert columns["DeviceId"] == columns["AccountName"] == columns["LogonType"] == "string"
    assert columns["IsLocalAdmin"] == "bool"
    assert columns["LogonId"] == "long"


def test_every_type_is_one_of_kql_and_no_column_comes_twice() -> None:
    for name, columns in TABLES.items():
        names = [column for column, _ in columns]
        assert len(names) == len(set(names)), name
        assert {kind for _, kind in columns} <= KQL_TYPES, name


def test_the_sensors_tables_say_which_device_and_when() -> None:
    for name in DEVICE_TELEMETRY:
        assert {"Timestamp", "DeviceId", "DeviceName", "ReportId"} <= {column for column, _ in TABLES[name]}, name


def test_a_name_of_the_past_leads_to_one_of_today() -> None:
    for table in known_tables().values():
        of_the_past = table.standing not in (Standing.CURRENT, Standing.WORKSPACE)
        assert bool(table.successors) == of_the_past, table.name
        for successor in table.successors:
            assert known_tables()[successor].standing is Standing.CURRENT


def test_two_spellings_of_one_table_are_two_names() -> None:
    assert "GraphAPIAuditEvents" in TABLES
    assert known_tables()["GraphApiAuditEvents"].successors == ("GraphAPIAuditEvents",)


def test_every_table_and_column_of_the_collected_schema_is_here_in_order(shared: Path) -> None:
    collected = json.loads((shared / "defender" / "schema.json").read_text(encoding="utf-8"))["tables"]
    expected = {name: tuple((c["name"], c["type"]) for c in table["columns"]) for name, table in collected.items()}
    assert expected == dict(TABLES)
