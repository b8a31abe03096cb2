"""The project with the KQL library itself: what is shipped binds, and the query of 2019 is explained and mended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from earmark.kql.base import Tables
from earmark.kql.service import Kql
from earmark.project.fix import fix_project
from earmark.project.init import MORE_FLOWS, write_project
from earmark.project.load import check_project, load_project
from earmark.project.reading import Analyst
from tests.unit.project.projects import FLOW, QUERY, make_project

_made: dict[str, Kql] = {}


def kql(tables: Tables) -> Analyst:
    """One library for each set of tables: starting it takes a second or two."""
    key = ",".join(tables)
    return _made.setdefault(key, Kql(tables))


def test_every_shipped_flow_binds_and_raises_no_doubt(tmp_path: Path) -> None:
    write_project(tmp_path, with_=MORE_FLOWS)
    assert check_project(tmp_path, analysts=kql, environment={}) == []
    project = load_project(tmp_path, analysts=kql, environment={})
    assert set(project.flows) == {"executive", *MORE_FLOWS}


def test_the_whole_flow_of_the_product_s_page_is_read(shared: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (shared / "product.md").read_text(encoding="utf-8"), re.DOTALL)
    settings = next(block for block in blocks if block.startswith("# earmark.yaml"))
    flow = next(block for block in blocks if block.startswith("# flows/executive.yaml"))
    make_project(tmp_path, {"earmark.yaml": settings, "flows/executive.yaml": flow})
    assert check_project(tmp_path, analysts=kql, environment={}) == []


@pytest.mark.parametrize("line_break", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_the_query_of_2019_in_a_block(line_break: str, shared: Path, tmp_path: Path) -> None:
    lines = (shared / "hunting" / "published-2019.kql").read_text(encoding="utf-8").splitlines()
    block = "|  # as published\n" + "".join(f"    {line}\n" for line in lines)
    text = ("# kept\n" + FLOW.replace(QUERY, block)).replace("\n", line_break)
    make_project(tmp_path, {"flows/executive.yaml": text})
    errors = [f for f in check_project(tmp_path, analysts=kql, environment={}) if f.severity == "error"]
    assert [(f.code, f.line, f.column, f.fixable) for f in errors] == [("KS198", 6, 5, True), ("KS107", 8, 47, True)]
    assert {f.code for f in fix_project(tmp_path, analysts=kql, environment={})} == {"KS198", "KS107", "EK109"}
    mended = (tmp_path / "flows/executive.yaml").read_bytes().decode()
    expected = text.replace(
        f"published{line_break}    |", f"published{line_break}    DeviceLogonEvents{line_break}    |"
    )
    assert mended == expected.replace("count(LogonType)", "count()").replace("argmax", "arg_max")
    assert fix_project(tmp_path, analysts=kql, environment={}) == []
    assert "KS" not in "".join(f.code for f in check_project(tmp_path, analysts=kql, environment={}))


def test_a_flow_of_2018_is_mended_in_its_query_and_in_the_columns_it_names(tmp_path: Path) -> None:
    query = "LogonEvents | where EventTime > ago(7d) | summarize Logons = count() by MachineId, ComputerName"
    hunt = "  device: MachineId  # kept\n  evidence: [ComputerName, Logons]\n"
    text = FLOW.replace(QUERY, query).replace("tag:\n", f"{hunt}tag:\n")
    make_project(tmp_path, {"flows/executive.yaml": text})
    fix_project(tmp_path, analysts=kql, environment={})
    mended = (tmp_path / "flows/executive.yaml").read_text(encoding="utf-8")
    for old, new in (("LogonEvents", "DeviceLogonEvents"), ("EventTime", "Timestamp")):
        text = text.replace(old, new)
    assert mended == text.replace("MachineId", "DeviceId").replace("ComputerName", "DeviceName")
    assert load_project(tmp_path, analysts=kql, environment={}).flow("executive").hunt.device == "DeviceId"


def test_a_flow_s_own_findings_take_the_place_of_the_query_s(tmp_path: Path) -> None:
    make_project(tmp_path, {"flows/executive.yaml": FLOW.replace(QUERY, "DeviceInfo | distinct DeviceName")})
    codes = {finding.code for finding in check_project(tmp_path, analysts=kql, environment={})}
    assert codes == {"EM506", "EM511"}
