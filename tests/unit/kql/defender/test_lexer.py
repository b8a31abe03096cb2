"""The words of a text against Microsoft's own, and the way from a draft back to its original."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from earmark.kql.base import Edit
from earmark.kql.defender.check import Reader
from earmark.kql.defender.draft import Draft
from earmark.kql.defender.lexer import Kind, arguments, tokens
from tests.unit.kql.defender.cases import read_cases


def words(text: str) -> list[str]:
    return [token.text for token in tokens(text)]


def test_strings_of_every_form_are_one_word() -> None:
    forms = ['"a\\"b"', "'a'", '@"c:\\"', "h'x'", 'H@"y"', '```a\n"b"```', '@"say ""x"""']
    assert words(" == ".join(forms)) == [part for form in forms for part in (form, "==")][:-1]


def test_comments_and_what_is_in_them_are_no_words() -> None:
    assert words('a // "b\n| c') == ["a", "|", "c"]


def test_operators_of_letters_and_hyphens_are_one_word() -> None:
    assert words("x in~ (y) !in (z) | mv-expand a-b | project-away !contains") == (
        [
            "x",
            "in~",
            "(",
            "y",
            ")",
            "!in",
            "(",
            "z",
            ")",
            "|",
            "mv-expand",
            "a",
            "-",
            "b",
            "|",
            "project-away",
            "!contains",
        ]
    )


def test_an_open_string_ends_with_its_line() -> None:
    assert words('where a == "x\n| take 1') == ["where", "a", "==", '"x', "|", "take", "1"]


def test_arguments_are_parted_at_their_own_commas() -> None:
    found = arguments(tokens("f(a, g(b, c), [d, e])"), 1)
    assert ["".join(word.text for word in part) for part in found] == ["a", "g(b,c)", "[d,e]"]
    assert arguments(tokens("f()"), 1) == ()


@given(st.text(alphabet="ab \"'`@h\\\n/|(){}[],=~!.😀é0", max_size=60))
def test_words_lie_in_order_and_spell_the_text(text: str) -> None:
    found = tokens(text)
    assert all(text[word.start : word.end] == word.text for word in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_strings_are_where_microsofts_service_sees_them(read: Reader) -> None:
    for case in (*read_cases("repairs.txt"), *read_cases("lints.txt")):
        assert_same_strings(case.mended or case.query, read)


def test_strings_of_recorded_queries_are_where_microsofts_service_sees_them(shared: Path, read: Reader) -> None:
    lines = (shared / "hunting" / "emulator_cases.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines[::12]:
        assert_same_strings(json.loads(line)["query"], read)


def assert_same_strings(query: str, read: Reader) -> None:
    tree = read(query).tree
    if tree is None:
        return
    seen = {(n.start, n.end) for n in tree.walk() if n.kind == "StringLiteralExpression"}
    assert seen <= {(word.start, word.end) for word in tokens(query) if word.kind is Kind.STRING}, query


TEXT = "0123456789abcdefghijklmnopqrstuvwxyz"


@given(st.lists(st.tuples(st.integers(0, 36), st.integers(0, 4), st.text("XYZ", max_size=4)), max_size=6))
def test_what_a_draft_kept_leads_back_to_itself(cuts: list[tuple[int, int, str]]) -> None:
    draft = Draft(original=TEXT)
    for start, length, text in cuts:
        edit = draft.back(Edit(start=min(start, len(draft.text)), end=min(start + length, len(draft.text)), text=text))
        if edit is not None:
            draft = draft.with_edits([edit])
    for at, char in enumerate(draft.text):
        start, end = draft.place(at, at + 1)
        assert 0 <= start <= end <= len(TEXT)
        if char in TEXT:
            assert TEXT[start:end] == char


def test_what_a_repair_wrote_leads_to_what_it_replaced() -> None:
    draft = Draft(original="LogonEvents | take 1").with_edits([Edit(start=0, end=11, text="DeviceLogonEvents")])
    assert draft.place(0, 17) == (0, 11)
    assert draft.place(6, 11) == (0, 11)
    assert draft.back(Edit(start=3, end=4, text="")) is None
    assert draft.back(Edit(start=20, end=24, text="top")) == Edit(start=14, end=18, text="top")
