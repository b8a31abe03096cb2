"""Defender's streaming export: what becomes of its records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from earmark.estates.embedded.events import query
from earmark.kql.defender.tables import TABLES
from tests.unit.estates.conftest import ALWAYS, Trial, lines_of, record

TICKS_OF_2026_01_04_06 = 639_031_032_000_000_000


def test_a_row_in_its_types(trial: Trial) -> None:
    report = trial.take_one(
        "blob.json",
        [
            record(
                ReportId=639199803770463703,
                LogonType="Interactive",
                RemotePort=443,
                IsLocalAdmin=True,
                LogonId="4711",
                AdditionalFields='{"a":1}',
                FailureReason=None,
                MachineGroup="main",
            )
        ],
    )
    assert (report.rows, report.stored, report.rejected, report.warnings) == (1, 1, 0, [])
    assert report.tables == {"DeviceLogonEvents": 1}
    columns = ("Timestamp", "ReportId", "LogonType", "RemotePort", "IsLocalAdmin", "LogonId", "AdditionalFields")
    assert trial.rows("DeviceLogonEvents", *columns) == [
        (TICKS_OF_2026_01_04_06 + 1_234_567, 639199803770463703, "Interactive", 443, True, 4711, '{"a":1}')
    ]
    # Strings are never null; what the record does not say is empty or null by its type.
    assert trial.rows("DeviceLogonEvents", "FailureReason", "Protocol", "InitiatingProcessId", "~day") == [
        ("", "", None, "2026-01-04")
    ]


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("2026-01-04T06:00:00Z", 0),
        ("2026-01-04T06:00:00.1Z", 1_000_000),
        ("2026-01-04T06:00:00.1234567Z", 1_234_567),
        ("2026-01-04T06:00:00.0000001Z", 1),
        ("2026-01-04T06:00:00.123456789Z", 1_234_567),
        ("2026-01-04T08:00:00.5+02:00", 5_000_000),
        ("2026-01-04T00:30:00-05:30", 0),
        ("2026-01-04 06:00:00", 0),
    ],
)
def test_times_are_exact(trial: Trial, text: str, ticks: int) -> None:
    trial.take_one("blob.json", [record(Timestamp=text)])
    assert trial.rows("DeviceLogonEvents", "Timestamp") == [TICKS_OF_2026_01_04_06 + ticks]


def test_times_that_other_clocks_cannot_hold(trial: Trial) -> None:
    trial.take_one("blob.json", [record(InitiatingProcessCreationTime="0001-01-01T00:00:00Z")])
    trial.take_one("more.json", [record(ReportId=2, InitiatingProcessCreationTime="9999-12-31T23:59:59.9999999Z")])
    assert trial.rows("DeviceLogonEvents", "InitiatingProcessCreationTime") == [0, 3_155_378_975_999_999_999]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 2]}, {"a": [1, 2]}),
        ('{"a":[1,2]}', {"a": [1, 2]}),
        ("plain", "plain"),
        ([], []),
        (None, None),
        ("", None),
    ],
)
def test_dynamic_as_text_or_as_object(trial: Trial, value: Any, expected: Any) -> None:
    trial.take_one("blob.json", [record("CloudAppEvents", ReportId="x", RawEventData=value)])
    (found,) = trial.rows("CloudAppEvents", "RawEventData")
    assert (None if found is None else json.loads(found)) == expected


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), (1, True), (0, False), (None, None)])
def test_booleans(trial: Trial, value: Any, expected: bool | None) -> None:
    trial.take_one("blob.json", [record(IsLocalAdmin=value)])
    assert trial.rows("DeviceLogonEvents", "IsLocalAdmin") == [expected]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Timestamp", "soon"),
        ("Timestamp", "2026-02-30T00:00:00Z"),
        ("Timestamp", None),
        ("ReportId", "many"),
        ("ReportId", 1.5),
        ("ReportId", 2**63),
        ("RemotePort", 2**31),
        ("IsLocalAdmin", "perhaps"),
        ("InitiatingProcessCreationTime", "yesterday"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_a_reject(trial: Trial, column: str, value: Any) -> None:
    report = trial.take_one("blob.json", [record(), record(**{"ReportId": 2, column: value}), record(ReportId=3)])
    assert (report.rows, report.stored, report.rejected) == (3, 2, 1)
    ((line, reason),) = trial.rejects()
    assert line == 2
    assert column in reason


def test_every_kind_of_line_that_is_no_record(trial: Trial) -> None:
    bad = [
        "no json",
        "[1]",
        '"text"',
        "{}",
        json.dumps({"category": "AdvancedHunting-DeviceInfo"}),
        '{"category": 1',
        "\x01",
    ]
    report = trial.take_one("blob.json", [record(), "", *bad, "   ", record(ReportId=2)])
    assert (report.rows, report.stored, report.rejected) == (2 + len(bad), 2, len(bad))
    assert [line for line, _ in trial.rejects()] == [3 + n for n in range(len(bad))]


def test_line_numbers_hold_over_many_lines(trial: Trial) -> None:
    wrong = {2, 70_001, 99_999, 149_999}
    head, tail = json.dumps(record(ReportId=0)).split('"ReportId": 0')
    lines = [f'{head}"ReportId": {n}{tail}' if n % 1000 else "" for n in range(1, 150_001)]
    for n in wrong:
        lines[n - 1] = "broken"
    report = trial.take_one("blob.json", lines)
    assert [line for line, _ in trial.rejects()] == sorted(wrong)
    assert (report.stored, report.rejected) == (150_000 - 150 - 4, 4)


def test_crlf_blank_lines_and_a_byte_order_mark(trial: Trial) -> None:
    content = b"\xef\xbb\xbf" + lines_of([record(), "", record(ReportId=2), "broken"], end="\r\n")
    report = trial.take_one("blob.json", content)
    assert (report.stored, report.rejected) == (2, 1)
    assert trial.rejects()[0][0] == 4


def test_utf_16(trial: Trial) -> None:
    report = trial.take_one("blob.json", lines_of([record(AccountName="Zoë")]).decode().encode("utf-16"))
    assert report.stored == 1
    assert trial.rows("DeviceLogonEvents", "AccountName") == ["Zoë"]


def test_text_survives(trial: Trial) -> None:
    odd = "Zoë 🦊 \"quoted\" \\ back\nline\ttab 'x' \u0001"
    trial.take_one("blob.json", [record(AccountName=odd)])
    trial.take_one("raw.json", [json.dumps(record(AccountName=odd, ReportId=2), ensure_ascii=False)])
    assert trial.rows("DeviceLogonEvents", "AccountName") == [odd, odd]


def test_a_line_that_is_not_utf_8_is_a_reject_alone(trial: Trial) -> None:
    content = lines_of([record()]) + b'{"category": "\xff"}\n' + lines_of([record(ReportId=2)])
    report = trial.take_one("blob.json", content)
    assert (report.rows, report.stored, report.rejected) == (3, 2, 1)
    ((line, reason),) = trial.rejects()
    assert line == 2
    assert "UTF-8" in reason


def test_a_cut_last_line_is_completed_later(trial: Trial) -> None:
    whole = lines_of([record(), record(ReportId=2), record(ReportId=3)])
    report = trial.take_one("blob.json", whole[:-40])
    assert (report.stored, report.rejected) == (2, 1)
    ((line, reason),) = trial.rejects()
    assert line == 3
    assert "ends in the middle" in reason
    report = trial.take_one("blob.json", whole)
    assert (report.stored, report.duplicates, report.rejected) == (1, 2, 0)
    assert trial.rejects() == []


def test_a_last_line_without_end_is_a_line(trial: Trial) -> None:
    assert trial.take_one("blob.json", lines_of([record(), record(ReportId=2)])[:-1]).stored == 2


def test_lists_of_records_and_lines_among_each_other(trial: Trial) -> None:
    listed = {"records": [record(ReportId=2), record("DeviceInfo", ReportId=3), {"category": "x"}]}
    report = trial.take_one("hub.json", [record(), listed, {"records": []}, record(ReportId=4)])
    assert (report.stored, report.rejected) == (4, 1)
    assert trial.rejects()[0][0] == 2
    assert trial.rows("DeviceLogonEvents", "ReportId") == [1, 2, 4]
    assert trial.rows("DeviceInfo", "ReportId") == [3]


@pytest.mark.parametrize("as_list", [True, False])
def test_a_document_that_spans_lines(trial: Trial, as_list: bool) -> None:
    records = [record(ReportId=639199803770463703), record(ReportId=2)]
    text = json.dumps(records if as_list else {"records": records}, indent=2)
    report = trial.take_one("hub.json", text.encode())
    assert report.stored == 2
    assert trial.rows("DeviceLogonEvents", "ReportId") == [2, 639199803770463703]


def test_unknown_columns_are_left_out_with_a_word(trial: Trial) -> None:
    report = trial.take_one("blob.json", [record(), record(ReportId=2, Fresh=1), record(ReportId=3, Fresh=2)])
    assert report.stored == 3
    assert report.warnings == ["DeviceLogonEvents has no column Fresh; it was left out"]


def test_names_are_case_sensitive(trial: Trial) -> None:
    report = trial.take_one("blob.json", [record(accountname="x")])
    assert report.warnings == ["DeviceLogonEvents has no column accountname; it was left out"]
    assert trial.rows("DeviceLogonEvents", "AccountName") == [""]


def test_unknown_tables_are_skipped_with_a_word(trial: Trial) -> None:
    report = trial.take_one("blob.json", [record(), record("FreshEvents"), record("FreshEvents")])
    assert (report.rows, report.stored, report.skipped, report.rejected) == (3, 1, 2, 0)
    assert "FreshEvents" in report.warnings[0]


def test_columns_that_only_some_records_have(trial: Trial) -> None:
    many = [record(ReportId=n) for n in range(50)]
    trial.take_one("blob.json", [*many, record(ReportId=50, AccountName="late", RemotePort=1)])
    rows = trial.rows("DeviceLogonEvents", "AccountName", "RemotePort")
    assert rows == [("", None)] * 50 + [("late", 1)]


def test_columns_that_differ_in_case_alone(trial: Trial) -> None:
    trial.take_one("blob.json", [record("DeviceProcessEvents", LogonId=1, LogonID=2)])
    scan = trial.estate.events.scan_sql("DeviceProcessEvents", until=ALWAYS)
    names = [name for name, _ in TABLES["DeviceProcessEvents"]]
    (row,) = query(f"SELECT * FROM {scan}")
    assert (row[names.index("LogonId")], row[names.index("LogonID")]) == (1, 2)


def test_the_same_file_twice_changes_nothing(trial: Trial) -> None:
    file = trial.write("blob.json", [record(ReportId=n) for n in range(5)])
    trial.take(file)
    before = trial.stored_files()
    report = trial.take(file)
    assert (report.total("stored"), report.total("duplicates")) == (0, 5)
    assert trial.stored_files() == before


def test_the_same_row_twice_in_one_import(trial: Trial) -> None:
    again = record() | {"time": "2026-01-04T07:00:00Z"}
    other = record(DeviceId="b" * 40)
    later = record(Timestamp="2026-01-05T06:00:00Z")
    a, b = trial.write("a.json", [record(), again, other]), trial.write("b.json", [again, later])
    report = trial.take(a, b)
    assert [(f.rows, f.stored, f.duplicates) for f in report.files] == [(3, 2, 1), (2, 1, 1)]


def test_rows_without_a_report_id_are_compared_whole(trial: Trial) -> None:
    rows = [record(ReportId=None), record(ReportId=None), record(ReportId=None, AccountName="other")]
    report = trial.take_one("blob.json", rows)
    assert (report.stored, report.duplicates) == (2, 1)
    assert trial.take_one("again.json", rows).stored == 0


def test_tables_without_a_key_are_compared_whole(trial: Trial) -> None:
    rows = [record("AlertInfo", AlertId=n) | {} for n in ("1", "2", "1")]
    for row in rows:
        del row["properties"]["ReportId"], row["properties"]["DeviceId"], row["properties"]["DeviceName"]
    report = trial.take_one("blob.json", rows)
    assert (report.stored, report.duplicates, report.warnings) == (2, 1, [])


def test_many_small_imports_of_one_day_stay_few_files(trial: Trial) -> None:
    for n in range(12):
        trial.take_one("blob.json", [record(ReportId=n), record(ReportId=n - 1)])
    assert trial.rows("DeviceLogonEvents", "ReportId") == list(range(-1, 12))
    assert len(trial.stored_files()) <= 2


def test_a_newer_snapshot_replaces_the_one_before(trial: Trial) -> None:
    def software(*names: str) -> list[dict[str, Any]]:
        return [
            {
                "category": "AdvancedHunting-DeviceTvmSoftwareInventory",
                "properties": {"DeviceId": "a", "SoftwareName": n},
            }
            for n in names
        ]

    trial.take_one("blob.json", software("old", "kept"))
    report = trial.take_one("blob.json", software("kept", "new"))
    assert (report.stored, report.duplicates) == (2, 0)
    assert trial.rows("DeviceTvmSoftwareInventory", "SoftwareName") == ["kept", "new"]
    assert trial.take_one("blob.json", software("new", "kept")).duplicates == 2
    assert trial.rows("DeviceTvmSoftwareInventory", "SoftwareName") == ["kept", "new"]


def test_a_folder_of_blobs(trial: Trial) -> None:
    trial.write("blobs/y=2026/m=01/d=04/h=06/m=00/PT1H.json", [record()])
    trial.write("blobs/y=2026/m=01/d=04/h=07/m=00/PT1H.json.gz", [record(ReportId=2)])
    trial.write("blobs/y=2026/m=01/d=04/h=08/m=00/PT1H.json", b"")
    trial.write("blobs/readme.md", b"not read")
    report = trial.take(trial.folder / "blobs")
    assert [file.stored for file in report.files] == [1, 1, 0]
    assert not report.has_findings
    assert "empty" in report.files[2].warnings[0]


def test_blobs_of_two_shapes_in_turn(trial: Trial) -> None:
    shapes: list[dict[str, Any]] = [{"AccountName": "ann"}, {"RemotePort": 443}, {"AccountName": "bob", "Fresh": 1}]
    for n in range(9):
        trial.write(f"blobs/{n}.json", [record(ReportId=n, **shapes[n % 3])])
    report = trial.take(trial.folder / "blobs")
    assert [file.stored for file in report.files] == [1] * 9
    assert [len(file.warnings) for file in report.files] == [0, 0, 1] * 3
    rows = trial.rows("DeviceLogonEvents", "ReportId", "AccountName", "RemotePort")
    assert rows == [(n, ("ann", "", "bob")[n % 3], 443 if n % 3 == 1 else None) for n in range(9)]
