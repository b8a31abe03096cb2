"""Warnings on rules that bind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from earmark.kql.base import Weight
from earmark.kql.defender.check import Reader
from earmark.kql.defender.lints import CODES
from tests.unit.kql.defender.cases import Case, read_cases, said
from tests.unit.kql.defender.conftest import Check

LINTS = read_cases("lints.txt")
ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("case", LINTS, ids=lambda case: case.name)
def test_exactly_these_warnings(case: Case, check: Check) -> None:
    found = check(case.query)
    assert said(found, case.query) == case.findings
    assert all(d.weight is Weight.WARNING and d.hint and not d.edits for d in found)


def test_every_code_has_a_case() -> None:
    cases = [*LINTS, *read_cases("repairs.txt")]
    assert {code for case in cases for code in re.findall(r"EK\d+", " ".join(case.findings))} == set(CODES)


def test_the_shipped_rule_is_clean(shared: Path, check: Check) -> None:
    page = (shared / "product.md").read_text(encoding="utf-8")
    rule = page.partition("query: |")[2].partition("\n  device:")[0].partition("\n")[2]
    assert "DeviceLogonEvents" in rule
    assert check(rule) == ()


def test_a_hint_shows_the_better_comparison(check: Check) -> None:
    query = "DeviceLogonEvents | where AccountName in ('Ann', 'Bob')"
    [found] = [d for d in check(query) if d.code == "EK106"]
    assert found.hint == "Write AccountName in~ ('Ann', 'Bob')."


def test_the_better_rule_of_a_hint_binds(check: Check, read: Reader) -> None:
    """The join that replaces arg_max, put together as the hint says."""
    source = "DeviceProcessEvents | where Timestamp > ago(7d) | summarize N = count() by DeviceId, AccountName"
    [found] = check(f"{source} | summarize arg_max(N, AccountName) by DeviceId")
    better = found.hint.partition("; ")[2]
    reading = read(f"let R = {source}; {better}")
    assert reading.errors == ()
    assert {"DeviceId", "AccountName", "N"} <= {name for name, _ in reading.columns or ()}


def test_the_page_on_the_rule_of_2019_keeps_its_word(check: Check) -> None:
    page = (ROOT / "docs" / "explanation" / "published-2019.md").read_text(encoding="utf-8")
    queries = re.findall(r"```kql\n(.*?)```", page, re.DOTALL)
    assert queries
    assert check(queries[-1]) == (), "the better rule is clean"
    assert not [d for query in queries[1:] for d in check(query) if d.weight is Weight.ERROR]
    assert {code for code in CODES if code in page} == set(CODES)
