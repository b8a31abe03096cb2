from __future__ import annotations

from pathlib import Path

import pytest

from earmark.errors import ProjectError, UsageError
from earmark.model.finding import Finding
from earmark.project.load import check_project, load_project
from earmark.project.source import MAX_YAML_BYTES
from tests.unit.project.fakes import FakeKql
from tests.unit.project.projects import FLOW, make_project


def check(folder: Path) -> list[Finding]:
    return check_project(folder, analysts=FakeKql, environment={})


def codes(folder: Path) -> list[tuple[str, str]]:
    return [(finding.file, finding.code) for finding in check(folder)]


def test_a_folder_without_settings_is_no_project(tmp_path: Path) -> None:
    findings = check(tmp_path)
    assert [(f.file, f.code) for f in findings] == [("earmark.yaml", "EM001")]
    assert "earmark init" in findings[0].hint


def test_a_folder_that_is_not_there_or_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file"):
        with pytest.raises(UsageError, match="is not a folder"):
            check(tmp_path / name)


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "flows" / "other.yaml").mkdir()
    assert codes(tmp_path) == [("flows/other.yaml", "EM002")]


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    for name in ("earmark.yaml", "flows", "lists"):
        (tmp_path / name).write_text("estate: {kind: embedded}\n")
    assert codes(tmp_path) == [("flows", "EM002"), ("lists", "EM002")]


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text(FLOW)
    project = make_project(
        tmp_path / "project", {"flows/within.txt": FLOW.replace("executive", "w").replace("Ex", "W")}
    )
    (project / "flows" / "out.yaml").symlink_to(secret)
    (project / "flows" / "within.yaml").symlink_to(project / "flows" / "within.txt")
    (project / "flows" / "nothing.yaml").symlink_to(project / "absent")
    (project / "flows" / "loop.yaml").symlink_to(project / "flows" / "loop.yaml")
    found = codes(project)
    assert ("flows/out.yaml", "EM003") in found
    assert ("flows/nothing.yaml", "EM001") in found
    assert {file for file, _ in found} >= {"flows/out.yaml", "flows/nothing.yaml", "flows/loop.yaml"}
    assert [code for file, code in found if file == "flows/within.yaml"] == ["EM507"]


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    make_project(tmp_path, {"flows/big.yaml": "#" * (MAX_YAML_BYTES + 1)})
    assert codes(tmp_path) == [("flows/big.yaml", "EM004")]


@pytest.mark.parametrize(
    ("raw", "place"),
    [(b"flow: x\nowner: caf\xe9\n", (2, 11)), (FLOW.encode("utf-16"), (1, 1)), (b"\xef\xbb\xbfa: \xff", (1, 4))],
    ids=["latin-1", "utf-16", "after a byte order mark"],
)
def test_a_file_that_is_not_utf8(raw: bytes, place: tuple[int, int], tmp_path: Path) -> None:
    make_project(tmp_path, {"flows/odd.yaml": raw})
    (finding,) = check(tmp_path)
    assert (finding.file, finding.code) == ("flows/odd.yaml", "EM005")
    assert (finding.line, finding.column) == place


def test_a_byte_order_mark_is_no_fault_and_moves_nothing(tmp_path: Path) -> None:
    text = FLOW.replace("tag:\n", "tag:\n  valu: x\n")
    make_project(tmp_path, {"flows/executive.yaml": b"\xef\xbb\xbf" + text.encode()})
    (finding,) = check(tmp_path)
    assert (finding.line, finding.column) == (6, 3)


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "[" * 50_000,
        "{" * 50_000,
        "- " * 5_000,
        "a: " + "9" * 100_000,
        "\u2028: \u2028",
        "? ? ?",
        "&a *a",
        "--- ---",
    ],
    ids=["nul", "brackets", "braces", "dashes", "digits", "separators", "questions", "alias", "markers"],
)
def test_hostile_text_gives_findings_and_nothing_worse(text: str, tmp_path: Path) -> None:
    make_project(tmp_path, {"flows/hostile.yaml": text, "tags.yaml": text, "earmark.yaml": text})
    findings = check(tmp_path)
    assert {finding.file for finding in findings} >= {"flows/hostile.yaml", "earmark.yaml", "tags.yaml"}
    with pytest.raises(ProjectError, match=r"earmark\.yaml"):
        load_project(tmp_path, analysts=FakeKql, environment={})
