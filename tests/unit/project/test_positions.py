"""An offset in a query is a line and a column of its file: exactly, in every notation of YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.project.load import check_project
from earmark.project.source import Source
from earmark.project.yaml_nodes import ScalarNode, find_text, parse_yaml
from earmark.project.yaml_text import scalar_offsets
from tests.unit.project.fakes import FakeKql
from tests.unit.project.projects import FLOW, QUERY, make_project

WORDS = st.text(alphabet="abcé|\"'\\#:,{}[]()&*!%@`😀 \t", max_size=12)


def scalar_of(text: str) -> ScalarNode:
    root, findings = parse_yaml(Source(file="x.yaml", text=text))
    scalar = find_text(root, "hunt", "query")
    assert scalar is not None, findings
    return scalar


@given(
    lines=st.lists(WORDS, min_size=1, max_size=6),
    marker=st.integers(0, 5),
    style=st.sampled_from("|>"),
    chomping=st.sampled_from(["", "-", "+"]),
    indent=st.integers(1, 6),
    explicit=st.booleans(),
    line_break=st.sampled_from(["\n", "\r\n"]),
    blank_after=st.integers(0, 3),
    last=st.booleans(),
)
def test_a_marker_in_a_block_scalar(
    lines: list[str],
    marker: int,
    style: str,
    chomping: str,
    indent: int,
    explicit: bool,
    line_break: str,
    blank_after: int,
    last: bool,
) -> None:
    at = marker % len(lines)
    lines = [*lines[:at], f"{lines[at]}MARK", *lines[at + 1 :]]
    if not explicit:
        lines[0] = "x" + lines[0]  # the first line settles the indentation
    header = f"{style}{indent if explicit else ''}{chomping}"
    body = [f"{' ' * (2 + indent)}{line}" if line else "" for line in lines]
    text = line_break.join(["hunt:", f"  query: {header}", *body, *[""] * blank_after, "" if last else "tag: x"])
    scalar = scalar_of(text)
    offsets = scalar_offsets(scalar)
    assert offsets is not None
    assert len(offsets) == len(scalar.text) + 1
    assert list(offsets) == sorted(offsets)
    found = scalar.source.position(offsets[scalar.text.index("MARK")])
    assert found == (3 + at, 3 + indent + lines[at].index("MARK"))
    for character, offset in zip(scalar.text, offsets, strict=False):
        assert text[offset] == character or (character in " \n" and text[offset] in "\r\n")


@pytest.mark.parametrize(
    ("notation", "place"),
    [
        ("a MARK b", (2, 12)),
        ("a\n    b\n\n    c MARK", (5, 7)),
        ("'it''s MARK'", (2, 17)),
        ("'it''s\n    b\n\n    MARK'", (5, 5)),
        ('"\\u00e9\\t\\"\\x41 MARK"', (2, 26)),
        ('"a \\\n    b\\\n     MARK"', (4, 6)),
        ('"a\n\n    MARK"', (4, 5)),
        ('"é😀 MARK"', (2, 14)),
    ],
)
def test_a_marker_in_a_flow_scalar(notation: str, place: tuple[int, int]) -> None:
    for line_break in ("\n", "\r\n"):
        scalar = scalar_of(f"hunt:\n  query: {notation}\ntag: x\n".replace("\n", line_break))
        offsets = scalar_offsets(scalar)
        assert offsets is not None
        assert scalar.source.position(offsets[scalar.text.index("MARK")]) == place


@given(st.text(alphabet="ab'\"\\\n \t#:nx4", max_size=30), st.sampled_from(["'", '"', "", "|\n    ", ">\n    "]))
def test_a_position_is_exact_or_unknown(body: str, opening: str) -> None:
    closing = opening if opening in ("'", '"') else ""
    root, _ = parse_yaml(Source(file="x.yaml", text=f"hunt:\n  query: {opening}{body}{closing}\ntag: x\n"))
    scalar = find_text(root, "hunt", "query")
    offsets = scalar_offsets(scalar) if scalar is not None else None
    if scalar is None or offsets is None:
        return
    assert len(offsets) == len(scalar.text) + 1
    for character, offset in zip(scalar.text, offsets, strict=False):
        written = scalar.source.text[offset]
        assert written == character or written == "\\" or (character in " \n" and written in "\r\n")


def test_a_finding_of_the_query_stands_at_its_own_place(tmp_path: Path) -> None:
    block = f"query: |  # comment\n\n      {QUERY}\n        | where WRONG\n\n"
    make_project(tmp_path, {"flows/executive.yaml": FLOW.replace(f"query: {QUERY}", block).replace("\n", "\r\n")})
    (finding,) = check_project(tmp_path, analysts=FakeKql, environment={})
    assert (finding.line, finding.column, finding.end_line, finding.end_column) == (7, 17, 7, 22)


def test_the_end_of_a_query_is_within_its_block(tmp_path: Path) -> None:
    make_project(tmp_path, {"flows/executive.yaml": FLOW.replace(f"query: {QUERY}", f"query: |\n    {QUERY} END\n\n")})
    (finding,) = check_project(tmp_path, analysts=FakeKql, environment={})
    assert (finding.code, finding.line) == ("EK111", 6)
