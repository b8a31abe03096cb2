"""Every finding code has a project that shows it: `tests/cases/project/CODE-what/` laid over `base`, with its findings.

`expected.txt` holds a line a finding: file:line:column-end_line:end_column CODE severity message | hint.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from earmark.model.finding import Finding
from earmark.project.codes import Code
from earmark.project.load import check_project
from tests.unit.project.fakes import FakeKql

CASES = Path(__file__).parents[2] / "cases" / "project"
NAMES = sorted(path.name for path in CASES.iterdir() if path.name != "base")
MADE_BY_HAND = {"EM001", "EM002", "EM003", "EM004", "EM005"}
"""Codes of files that no repository keeps well (missing, huge, not text, links): see test_files.py."""


def line_of(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}:{finding.column}-{finding.end_line}:{finding.end_column}"
    fixable = " (fixable)" if finding.fixable else ""
    hint = f" | {finding.hint}" if finding.hint else ""
    return f"{place} {finding.code} {finding.severity}{fixable} {finding.message}{hint}"


@pytest.mark.parametrize("name", NAMES)
def test_the_case_gives_its_findings(name: str, tmp_path: Path) -> None:
    shutil.copytree(CASES / "base", tmp_path, dirs_exist_ok=True)
    shutil.copytree(CASES / name, tmp_path, dirs_exist_ok=True)
    expected = (tmp_path / "expected.txt").read_text(encoding="utf-8").splitlines()
    findings = check_project(tmp_path, analysts=FakeKql, environment={"EARMARK_PASSWORD": "s3cret-from-outside"})
    assert [line_of(finding) for finding in findings] == expected
    code = name.partition("-")[0]
    assert code in ({finding.code for finding in findings} or {"OK"})
    assert "s3cret" not in repr(findings)
    assert "hunter2" not in repr(findings)


def test_every_code_has_a_case() -> None:
    shown = {name.partition("-")[0] for name in NAMES} | MADE_BY_HAND
    assert {code.value for code in Code} <= shown


def test_the_base_has_no_findings(tmp_path: Path) -> None:
    shutil.copytree(CASES / "base", tmp_path, dirs_exist_ok=True)
    assert check_project(tmp_path, analysts=FakeKql, environment={}) == []
