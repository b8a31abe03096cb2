"""Rows of a hunt become pairs, or say why they do not."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.errors import ProjectError
from earmark.model.flow import Flow, Hunt
from earmark.model.hits import DeviceIndex, Hits, declared_tags, resolve_hits, tag_columns
from earmark.model.hunt import Column
from earmark.model.ledger import Pair
from earmark.model.plan import Reason
from tests.unit.model.samples import TAG, device, flow

DEVICES = DeviceIndex(
    [
        device("a1", name="PC-1.corp.example"),
        device("b2", name="twin.corp.example"),
        device("c3", name="Twin.corp.example"),
        device("d4", name=""),
        device("e5", name="a1"),
    ]
)
DEPARTMENT = "Department: {Department}"


def by(column: str, *, evidence: tuple[str, ...] | None = None, **rule: Any) -> Flow:
    return replace(flow(**rule), hunt=Hunt(query="q", device=column, evidence=evidence))


def resolved(rules: Flow, names: Sequence[str], *rows: tuple[Any, ...]) -> Hits:
    return resolve_hits(rules, [Column(name=name, type="string") for name in names], rows, DEVICES)


def reasons(hits: Hits) -> list[tuple[str, Reason]]:
    return [(skip.device, skip.reason) for skip in hits.skips]


def test_an_id_names_its_device_whole() -> None:
    hits = resolved(by("DeviceId"), ["DeviceId", "n"], ("a1", 1), ("a", 2), ("PC-1.corp.example", 3))
    assert hits.evidence == {Pair("a1", TAG): {"DeviceId": "a1", "n": 1}}
    assert reasons(hits) == [("PC-1.corp.example", Reason.NOT_IN_ESTATE), ("a", Reason.NOT_IN_ESTATE)]
    assert hits.matched == 1


def test_an_id_in_capitals_is_the_same_unless_it_is_another_devices() -> None:
    assert set(resolved(by("DeviceId"), ["DeviceId"], ("A1",)).evidence) == {Pair("a1", TAG)}
    twins = DeviceIndex([device("a1"), device("A1")])
    hits = resolve_hits(by("DeviceId"), [Column(name="DeviceId", type="string")], [("A1",)], twins)
    assert set(hits.evidence) == {Pair("A1", TAG)}


@pytest.mark.parametrize("given_name", ["PC-1.corp.example", "pc-1.CORP.example"])
def test_a_name_is_met_whole_letter_case_aside(given_name: str) -> None:
    assert set(resolved(by("DeviceName"), ["DeviceName"], (given_name,)).evidence) == {Pair("a1", TAG)}


@pytest.mark.parametrize(
    "stranger", ["PC-1", "PC-1.corp", "PC-1.corp.example.", "xPC-1.corp.example", " PC-1.corp.example"]
)
def test_a_part_of_a_name_is_no_name(stranger: str) -> None:
    hits = resolved(by("DeviceName"), ["DeviceName"], (stranger,))
    assert hits.evidence == {}
    assert reasons(hits) == [(stranger, Reason.NOT_IN_ESTATE)]


def test_a_name_that_fits_two_devices_names_neither_and_leaves_both_in_doubt() -> None:
    hits = resolved(by("DeviceName"), ["DeviceName"], ("TWIN.corp.example",))
    assert hits.evidence == {}
    assert reasons(hits) == [("TWIN.corp.example", Reason.AMBIGUOUS_NAME)]
    assert set(hits.doubts) == {Pair("b2", TAG), Pair("c3", TAG)}
    assert hits.matched == 0


def test_a_column_of_another_name_may_hold_ids_or_names() -> None:
    hits = resolved(by("Target"), ["Target"], ("b2",), ("pc-1.corp.example",), ("twin.corp.example",))
    assert set(hits.evidence) == {Pair("a1", TAG), Pair("b2", TAG)}
    assert set(hits.doubts) == {Pair("c3", TAG)}, "b2 is named by its id as well"


def test_the_id_of_one_device_that_is_the_name_of_another_is_ambiguous() -> None:
    assert reasons(resolved(by("Target"), ["Target"], ("a1",))) == [("a1", Reason.AMBIGUOUS_NAME)]
    assert set(resolved(by("DeviceName"), ["DeviceName"], ("a1",)).evidence) == {Pair("e5", TAG)}


def test_rows_that_name_no_device_are_counted() -> None:
    hits = resolved(by("DeviceName"), ["DeviceName"], ("",), (None,), ("PC-1.corp.example",))
    assert (hits.unnamed, hits.matched) == (2, 1)
    assert [(c.device, c.text) for c in hits.skips] == [("", "2 rows name no device: DeviceName is empty")]


def test_evidence_is_what_the_flow_keeps_in_a_form_json_can_carry() -> None:
    row = ("a1", Decimal("1.10"), float("inf"), {"x": [1]}, "2026-03-01T00:00:00Z")
    names = ["DeviceId", "Cost", "Ratio", "More", "Last"]
    hits = resolved(by("DeviceId", evidence=("Cost", "Ratio", "More", "Gone")), names, row)
    evidence = hits.evidence[Pair("a1", TAG)]
    assert evidence == {"Cost": "1.10", "Ratio": "inf", "More": {"x": [1]}}
    assert json.loads(json.dumps(evidence, allow_nan=False)) == evidence


class TestTemplates:
    rules = by("DeviceId", value=DEPARTMENT, values=("Finance", "HR"))
    names = ("DeviceId", "Department")

    def test_a_template_declares_a_tag_for_each_value(self) -> None:
        assert tag_columns(DEPARTMENT) == ("Department",)
        assert declared_tags(self.rules.tag) == {"Department: Finance", "Department: HR"}
        assert declared_tags(flow().tag) == {TAG}
        assert declared_tags(by("DeviceId", value="x {A}", values=(r"back\slash \1",)).tag) == {r"x back\slash \1"}

    def test_the_rows_say_which(self) -> None:
        hits = resolved(self.rules, self.names, ("a1", "Finance"), ("a1", "HR"), ("b2", "HR"))
        assert set(hits.evidence) == {
            Pair("a1", "Department: Finance"),
            Pair("a1", "Department: HR"),
            Pair("b2", "Department: HR"),
        }
        assert hits.matched == 2

    def test_a_cell_that_is_no_text_is_written_as_kql_does(self) -> None:
        rules = by("DeviceId", value="Shared: {Shared}/{Floor}", values=("true", "3"))
        hits = resolved(rules, ("DeviceId", "Shared", "Floor"), ("a1", True, 3))
        assert set(hits.evidence) == {Pair("a1", "Shared: true/3")}

    @pytest.mark.parametrize("value", ["Legal", "finance", "", None])
    def test_a_value_that_is_not_listed_is_no_tag(self, value: str | None) -> None:
        hits = resolved(self.rules, self.names, ("a1", value))
        assert hits.evidence == {}
        assert reasons(hits) == [("a1", Reason.VALUE_NOT_LISTED)]
        assert hits.skips[0].name == "PC-1.corp.example"
        assert "none of the 2 values" in hits.skips[0].text


@pytest.mark.parametrize(
    ("rules", "key"),
    [(by("Machine"), "hunt.device"), (by("DeviceId", value=DEPARTMENT, values=("HR",)), "tag.value")],
)
def test_a_column_that_the_hunt_does_not_give_is_named(rules: Flow, key: str) -> None:
    with pytest.raises(ProjectError, match=key) as caught:
        resolved(rules, ["DeviceId", "Logons"])
    assert "DeviceId, Logons" in caught.value.message
    assert rules.file in caught.value.hint


CELLS = st.sampled_from(["a1", "b2", "PC-1.corp.example", "twin.corp.example", "nobody", "", None])
ROWS = st.lists(st.tuples(CELLS, st.sampled_from(["HR", "Finance", "Legal", None]), st.integers(0, 3)), max_size=12)


@given(ROWS, st.randoms(use_true_random=False), st.sampled_from(["DeviceId", "DeviceName", "Target"]))
def test_the_order_of_rows_decides_nothing(rows: list[tuple[Any, ...]], chance: random.Random, column: str) -> None:
    rules = by(column, value=DEPARTMENT, values=("Finance", "HR"))
    names = [column, "Department", "Logons"]
    shuffled = chance.sample(rows, len(rows))
    assert resolved(rules, names, *rows) == resolved(rules, names, *shuffled)
