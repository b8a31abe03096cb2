from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.errors import ProjectError
from earmark.kql.base import Analysis, Edit
from earmark.project.fix import edited, fix_project
from earmark.project.load import check_project
from earmark.project.query_text import inline_query
from earmark.project.source import Source
from earmark.project.yaml_nodes import find_text, parse_yaml
from tests.unit.project.fakes import FakeKql
from tests.unit.project.projects import FLOW, QUERY, make_project

TAIL = " | where Timestamp > ago(7d) | project DeviceId"
NOTATIONS = {
    "block": f"|  # kept\n    DeviceInfo  // OLD\n      | where OLD{TAIL}",
    "block with indentation": f"|2-\n      DeviceInfo\n    | where OLD{TAIL}\n\n",
    "kept line breaks": f"|+\n\n    DeviceInfo | where OLD{TAIL}\n   \n\n",
    "folded": f">\n    DeviceInfo\n    | where OLD{TAIL}",
    "plain": f"DeviceInfo | where OLD{TAIL}   # kept",
    "plain on two lines": f"DeviceInfo\n    | where OLD{TAIL}",
    "single quotes": f"'DeviceInfo | where A == ''x'' and OLD{TAIL}'",
    "double quotes": f'"DeviceInfo | where A == \\"\\u0041\\" and OLD{TAIL}"',
}


def written(folder: Path, file: str = "flows/executive.yaml") -> str:
    return (folder / file).read_bytes().decode()


def fix(folder: Path) -> list[str]:
    return [finding.code for finding in fix_project(folder, analysts=FakeKql, environment={})]


@pytest.mark.parametrize("line_break", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("notation", NOTATIONS.values(), ids=NOTATIONS)
def test_only_the_edit_changes(notation: str, line_break: str, tmp_path: Path) -> None:
    text = ("# top\n" + FLOW.replace(QUERY, notation) + "# no line break at the end").replace("\n", line_break)
    make_project(tmp_path, {"flows/executive.yaml": "\ufeff" + text})
    assert set(fix(tmp_path)) == {"EK101"}
    assert written(tmp_path) == "\ufeff" + text.replace("OLD", "NEW")
    assert fix(tmp_path) == []
    assert not [path for path in (tmp_path / "flows").iterdir() if path.name != "executive.yaml"]


def test_a_kql_file(tmp_path: Path) -> None:
    query = b"\xef\xbb\xbfDeviceInfo\r\n\t| where OLD and Timestamp > ago(7d)\r\n| project DeviceId"
    flow = FLOW.replace(f"query: {QUERY}", "file: executive.kql")
    other = flow.replace("flow: executive", "flow: other").replace("Executive", "Other")
    make_project(tmp_path, {"flows/executive.yaml": flow, "flows/other.yaml": other, "flows/executive.kql": query})
    assert fix(tmp_path) == ["EK101"]
    assert (tmp_path / "flows/executive.kql").read_bytes() == query.replace(b"OLD", b"NEW")
    assert written(tmp_path) == flow


def test_one_repair_makes_the_next_one_possible(tmp_path: Path) -> None:
    make_project(tmp_path, {"flows/executive.yaml": FLOW.replace("DeviceLogonEvents", "FIRST OLD")})
    assert fix(tmp_path) == ["EK102", "EK101", "EK101"]
    assert "NEW NEW" in written(tmp_path)


def test_repairs_that_never_end_are_bounded(tmp_path: Path) -> None:
    make_project(tmp_path, {"flows/executive.yaml": FLOW.replace("DeviceLogonEvents", "GROW")})
    assert len(fix(tmp_path)) >= 20


def test_a_repair_that_breaks_a_query_that_ran_is_not_written(tmp_path: Path) -> None:
    make_project(tmp_path, {"flows/executive.yaml": FLOW.replace("DeviceLogonEvents", "WORSE")})
    assert fix(tmp_path) == []
    assert "WORSE" in written(tmp_path)


def test_lines_are_written_with_the_block_s_indentation(tmp_path: Path) -> None:
    text = FLOW.replace(QUERY, f"|\n    LINES{TAIL}\n").replace("\n", "\r\n")
    make_project(tmp_path, {"flows/executive.yaml": text})
    assert fix(tmp_path) == ["EK105"]
    assert written(tmp_path) == text.replace("LINES", "one\r\n      two")


def test_what_a_notation_cannot_say_is_left_alone(tmp_path: Path) -> None:
    text = FLOW.replace(QUERY, f"LINES{TAIL}")
    make_project(tmp_path, {"flows/executive.yaml": text})
    assert fix(tmp_path) == []
    assert written(tmp_path) == text


def test_the_published_fault_at_the_beginning_of_a_block(tmp_path: Path) -> None:
    text = FLOW.replace(QUERY, "|\n    | where Timestamp > ago(7d)\n    | project DeviceId\n")
    make_project(tmp_path, {"flows/executive.yaml": text})
    assert fix(tmp_path) == ["EK107"]
    assert written(tmp_path) == text.replace("|\n    | where", "|\n    DeviceInfo\n    | where")
    assert check_project(tmp_path, analysts=FakeKql, environment={}) == []


def test_a_broken_flow_is_repaired_where_it_can_be(tmp_path: Path) -> None:
    text = FLOW.replace("DeviceLogonEvents", "OLD").replace("value: Executive", "valu: Executive")
    make_project(tmp_path, {"flows/executive.yaml": text})
    assert fix(tmp_path) == ["EK101"]
    assert written(tmp_path) == text.replace("OLD", "NEW")


def hunt_of_2018(device: str, evidence: str) -> str:
    columns = f"  device: {device}   # the machine\n  evidence:\n    - {evidence}\n    - AccountName\n"
    return FLOW.replace(QUERY, QUERY.replace("project DeviceId", "project DeviceId, DeviceName")).replace(
        "tag:\n", f"{columns}tag:\n"
    )


@pytest.mark.parametrize("line_break", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("quote", ["", "'", '"'], ids=["plain", "single", "double"])
def test_columns_of_2018_are_renamed_in_the_flow_s_file(quote: str, line_break: str, tmp_path: Path) -> None:
    old, new = (
        hunt_of_2018(f"{quote}{device}{quote}", f"{quote}{name}{quote}").replace("\n", line_break)
        for device, name in (("MachineId", "ComputerName"), ("DeviceId", "DeviceName"))
    )
    make_project(tmp_path, {"flows/executive.yaml": "\ufeff" + old})
    found = check_project(tmp_path, analysts=FakeKql, environment={})
    assert [(f.code, f.line, f.fixable) for f in found] == [("EM506", 5, True), ("EM506", 7, True)]
    assert fix(tmp_path) == ["EM506", "EM506"]
    assert written(tmp_path) == "\ufeff" + new
    assert check_project(tmp_path, analysts=FakeKql, environment={}) == []


def test_a_column_without_a_name_of_today_in_the_query_is_left_alone(tmp_path: Path) -> None:
    text = hunt_of_2018("MachineId", "NoSuchColumn").replace("project DeviceId, ", "project Device, ")
    make_project(tmp_path, {"flows/executive.yaml": text})
    assert fix(tmp_path) == []
    assert written(tmp_path) == text
    assert not any(f.fixable for f in check_project(tmp_path, analysts=FakeKql, environment={}))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    make_project(tmp_path, {"flows/executive.yaml": FLOW.replace("DeviceLogonEvents", "OLD")})

    class Meddling(FakeKql):
        def analyze(self, query: str) -> Analysis:
            if "NEW" in query:
                (tmp_path / "flows/executive.yaml").write_text("changed meanwhile")
            return super().analyze(query)

    with pytest.raises(ProjectError, match="changed while it was being repaired"):
        fix_project(tmp_path, analysts=Meddling, environment={})
    assert written(tmp_path) == "changed meanwhile"


@given(
    lines=st.lists(st.text(alphabet="ab|'\"#: ", max_size=6), min_size=1, max_size=5),
    style=st.sampled_from(["|", "|-", "|+", ">", "'", '"']),
    cut=st.tuples(st.integers(0, 30), st.integers(0, 8)),
    new=st.text(alphabet="xy'\"\\ \n:#", max_size=6),
)
def test_an_edit_says_what_it_should_or_is_refused(
    lines: list[str], style: str, cut: tuple[int, int], new: str
) -> None:
    lines = ["q" + lines[0], *lines[1:]]
    if style in ("'", '"'):
        quoted = " ".join(lines).replace("'", "''") if style == "'" else " ".join(lines).replace('"', '\\"')
        text = f"hunt:\n  query: {style}{quoted}{style}\ntag: x # kept\n"
    else:
        body = "".join(f"    {line}\n" if line else "\n" for line in lines)
        text = f"hunt:\n  query: {style}\n{body}tag: x # kept\n"
    root, _ = parse_yaml(Source(file="x.yaml", text=text))
    scalar = find_text(root, "hunt", "query")
    assert scalar is not None
    query = inline_query(scalar)
    start = min(cut[0], len(query.text))
    end = min(start + cut[1], len(query.text))
    after = edited(query, [Edit(start=start, end=end, text=new)])
    if after is not None:
        wanted = query.text[:start] + new + query.text[end:]
        assert after.text.rstrip("\n") == wanted.rstrip("\n")
        assert after.source.text.endswith("tag: x # kept\n")
