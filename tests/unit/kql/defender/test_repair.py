"""Faults of queries: each is told at its own place, and mended where that is mechanical."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.kql.base import Columns, Diagnostic, Edit, Tables, Weight
from earmark.kql.defender.check import Reader, Reading, check_query
from earmark.kql.defender.draft import apply_edits, touch
from earmark.kql.defender.lexer import Kind, tokens
from tests.unit.kql.defender.cases import Case, read_cases, said
from tests.unit.kql.defender.conftest import Check

REPAIRS = read_cases("repairs.txt")
OF_THE_RULE = {"EK101", "EK102", "EK103", "EK104", "EK105", "EK106", "EK107", "EK108", "EK111", "EK112"}


def mended(query: str, diagnostics: tuple[Diagnostic, ...]) -> str:
    return apply_edits(query, [edit for d in diagnostics for edit in d.edits])


@pytest.mark.parametrize("case", REPAIRS, ids=lambda case: case.name)
def test_each_fault_is_told_and_mended(case: Case, check: Check) -> None:
    found = check(case.query)
    told = tuple(d for d in found if d.code not in OF_THE_RULE)
    assert said(told, case.query) == case.findings
    assert mended(case.query, found) == (case.mended or case.query)


@pytest.mark.parametrize("case", REPAIRS, ids=lambda case: case.name)
def test_mending_again_changes_nothing(case: Case, check: Check) -> None:
    again = check(mended(case.query, check(case.query)))
    assert not [d for d in again if d.edits]


@pytest.mark.parametrize("case", REPAIRS, ids=lambda case: case.name)
def test_when_every_fault_is_mended_the_text_binds(case: Case, check: Check, read: Reader) -> None:
    found = check(case.query)
    unmended = [d for d in found if d.weight is Weight.ERROR and not d.edits]
    assert bool(read(mended(case.query, found)).errors) == bool(unmended)


@pytest.mark.parametrize("case", [*REPAIRS, *read_cases("lints.txt")], ids=lambda case: case.name)
def test_edits_lie_apart_and_spare_strings_and_comments(case: Case, check: Check) -> None:
    edits = [edit for d in check(case.query) for edit in d.edits]
    assert not [(a, b) for i, a in enumerate(edits) for b in edits[i + 1 :] if touch(a, b)]
    words = tokens(case.query)
    code = [word for word in words if word.kind is not Kind.STRING]
    for edit in edits:
        touched = case.query[edit.start : edit.end]
        kept = [w for w in words if edit.start < w.end and w.start < edit.end]
        assert all(word in code for word in kept)
        assert "//" not in touched


@pytest.mark.parametrize("case", REPAIRS, ids=lambda case: case.name)
def test_every_fault_says_what_to_do(case: Case, check: Check) -> None:
    assert all(d.hint for d in check(case.query) if d.weight is Weight.ERROR)


def test_the_query_of_2019_is_mended_to_the_letter(shared: Path, check: Check, read: Reader) -> None:
    query = (shared / "hunting" / "published-2019.kql").read_text(encoding="utf-8")
    found = check(query)
    assert said([d for d in found if d.weight is Weight.ERROR or d.edits], query) == (
        "1:1 KS198*",
        "3:43 KS107*",
        "5:52 EK109*",
    )
    assert {d.code for d in found if d.weight is Weight.WARNING} == {"EK101", "EK102", "EK103", "EK106", "EK109"}
    text = mended(query, found)
    assert text == "DeviceLogonEvents\n" + query.replace("count(LogonType)", "count()").replace("argmax", "arg_max")
    assert read(text).columns == (("DeviceId", "string"),)
    assert not [d for d in check(text) if d.weight is Weight.ERROR or d.edits]


def test_the_query_of_2018_becomes_the_one_of_2019(shared: Path, check: Check) -> None:
    query = (shared / "hunting" / "published-2019.kql").read_text(encoding="utf-8")
    old = "LogonEvents\n" + query
    for new, name in (("Timestamp", "EventTime"), ("DeviceId", "MachineId"), ("DeviceName", "ComputerName")):
        old = old.replace(new, name)
    assert mended(old, check(old)) == mended(query, check(query))
    lines = {d.start for d in check(old) if d.code == "KS142"}
    assert lines == {m.start() for m in re.finditer("EventTime|MachineId|ComputerName", old)}


def test_a_fitting_table_is_named_with_its_rivals(check: Check) -> None:
    [fault] = [d for d in check('| where LogonType == "x" and DeviceId != "" | take 5') if d.code == "KS198"]
    assert "DeviceLogonEvents" in fault.hint
    assert "DisruptionAndResponseEvents would fit too" in fault.hint


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("DeviceInfo | where Device_Name == 'x'", "KS142", "DeviceName"),
        ("DeviceLogonEvents | where AccountName in~ (Executivs)", "KS142", "Executives"),
        ("DeviceLogonEvnts | take 1", "KS204", "DeviceLogonEvents"),
        ("DeviceInfo | summarize cuont() by DeviceId", "KS211", "count"),
        ("DeviceInfo | wher DeviceId == ''", "KS176", "where"),
        ("DeviceInfo | where Timestamp > ago(7)", "KS107", "7d"),
        ("DeviceInfo | where DeviceName not in ('a')", "KS117", "!in"),
        ("DeviceInfo | where not DeviceName == 'a'", "KS117", "not(…)"),
        ("DeviceInfo | where count() > 5", "KS144", "summarize"),
        ("DeviceInfo | where DeviceName == 'a' or 'b'", "KS106", "in (1, 2)"),
        ("DeviceInfo | where DeviceName == ‘a’", "KS002", "quotation mark"),
        ("DeviceFileEvents | invoke FileProfile(SHA1)", "KS211", "Microsoft's cloud"),
        ("['/etc/passwd'] | take 5", "KS204", "never a file"),
        ("SELECT * FROM DeviceInfo", "KS142", "SQL"),
        ("DeviceInfo | summarize N = count() by DeviceId | where OSPlatform == 'x'", "KS142", "does not reach"),
        ("DeviceInfo | where RemoteIP == 'x'", "KS142", "DeviceEvents"),
        ("DeviceInfo | take 5\n\nDeviceEvents | take 5", "KS005", "empty line"),
        ("DeviceInfo | where Timestamp > 'x'", "KS106", "datetime("),
    ],
)
def test_hints_name_what_was_meant(query: str, code: str, words: str, check: Check) -> None:
    assert any(words in d.hint for d in check(query) if d.code == code)


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("DeviceInfo | wher DeviceName == 'a' | distinct DeviceId", ["KS176"]),
        ("DeviceInfo | where not DeviceName == 'a' | distinct DeviceId", ["KS117"]),
        ("DeviceInfo | where Devicename2 == 'a' and DeviceName == OSPlatform2", ["KS142", "KS142"]),
    ],
)
def test_what_only_follows_from_another_fault_is_not_told(query: str, codes: list[str], check: Check) -> None:
    assert [d.code for d in check(query) if d.weight is Weight.ERROR] == codes


def test_old_columns_are_not_offered_where_no_table_has_the_new_one(check: Check) -> None:
    found = check("DeviceLogonEvents | where OsVersion == '10'")
    assert not [d for d in found if d.edits]


OLD = st.sampled_from(
    ["EventTime", "MachineId", "ComputerName", "LogonEvents", "argmax", "count(x)", "a = 1", "|", "//"]
)
INSIDE = st.lists(OLD, min_size=1, max_size=3).map(" ".join)


@settings(max_examples=20)
@given(text=INSIDE, remark=INSIDE)
def test_whatever_a_string_or_comment_holds_stays(text: str, remark: str, check: Check) -> None:
    literal = '"' + text + '"'
    query = f"LogonEvents // {remark}\n| where ComputerName != {literal} // {remark}\n| distinct MachineId"
    result = mended(query, check(query))
    assert result == f"DeviceLogonEvents // {remark}\n| where DeviceName != {literal} // {remark}\n| distinct DeviceId"


def test_a_sound_query_is_bound_once(tables: Tables, read: Reader) -> None:
    asked: list[str] = []

    def count(text: str) -> Reading:
        asked.append(text)
        return read(text)

    check_query("DeviceInfo | where Timestamp > ago(1d) | distinct DeviceId", tables, count)
    assert len(asked) == 1


def test_a_repair_that_does_not_hold_is_withdrawn() -> None:
    """A service that refuses whatever the text says must not be talked into a repair."""
    stubborn = Diagnostic(code="KS142", weight=Weight.ERROR, message="unknown", start=8, end=17)
    columns: Columns = (("DeviceId", "string"),)
    found = check_query(
        "print x=EventTime",
        {"DeviceInfo": columns},
        lambda text: Reading(diagnostics=(stubborn,), columns=None, tree=None),
    )
    assert [(d.start, d.end, d.edits) for d in found] == [(8, 17, ())]


def test_edits_are_made_from_the_end() -> None:
    edits = [Edit(start=0, end=0, text="A"), Edit(start=2, end=3, text=""), Edit(start=4, end=5, text="long")]
    assert apply_edits("01234567", edits) == "A013long567"
