from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.errors import ProjectError, UsageError
from earmark.model.finding import Finding
from earmark.project.load import check_project, load_project
from earmark.project.source import MAX_YAML_BYTES
from tests.unit.project.fakes import FakeKql
from tests.unit.project.projects import FLOW, QUERY, make_project

PIECES = [
    *(
        "\n",
        "\t",
        "  ",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        "|",
        ">",
        "#",
        "&a ",
        "*a",
        "!x ",
        "<<: ",
        "null",
        "true",
    ),
    *(
        "3",
        "1e9",
        ".inf",
        "${env:",
        "${file:/etc/passwd}",
        "{A}",
        "WRONG",
        "\r\n",
        "\u2028",
        "\x85",
        "é",
        "😀",
        "? ",
        ",",
    ),
    *(
        "query: ",
        "list: Executives",
        "values: {list: Executives, column: Name}",
        'cron: "* * * * *"',
        "start: 0001-01-01",
    ),
]


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


def test_files_beside_those_that_are_read(tmp_path: Path) -> None:
    make_project(tmp_path, {"flows/.hidden.yaml": "x", "lists/._Executives.csv": "x", "lists/Other.CSV": "A\n1\n"})
    assert codes(tmp_path) == [("lists/Other.CSV", "EM007")]


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


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        ("flows/executive.yaml", "tag:\n", "tag:\n  expires: 9999-12-31T23:59:59-10:00\n", [(6, 12, "EM209")]),
        ("flows/executive.yaml", "on_demand: true", "on_demand: false", [(2, 22, "EM204")]),
        ("flows/executive.yaml", "on_demand: true", "cron: '@daily'", [(2, 17, "EM402")]),
        (
            "flows/executive.yaml",
            "on_demand: true",
            "recurrence: {frequency: day, time_zone: UTC, start: 0001-01-01T00:00:00+14:00}",
            [(2, 63, "EM209")],
        ),
        (
            "flows/executive.yaml",
            "on_demand: true",
            "recurrence: {frequency: day, time_zone: ../../etc/passwd}",
            [(2, 51, "EM403")],
        ),
        ("flows/executive.yaml", f"query: {QUERY}", 'file: "a\\0.kql"', [(4, 9, "EM008")]),
        ("flows/executive.yaml", f"query: {QUERY}", "file: C:/secret.kql", [(4, 9, "EM008")]),
        ("flows/executive.yaml", f"query: {QUERY}", "file: flows", [(4, 9, "EM008")]),
        ("earmark.yaml", "embedded", 'embedded, path: "a\\0b"', [(1, 32, "EM008")]),
        ("earmark.yaml", "embedded", "embedded, path: ''", [(1, 32, "EM214")]),
        ("tags.yaml", "Executive", '"": {}\n  Executive', [(2, 3, "EM210")]),
        ("tags.yaml", "Executive: {}", "Executive:", [(2, 3, "EM203")]),
    ],
)
def test_odd_values(file: str, old: str, new: str, found: list[tuple[int, int, str]], tmp_path: Path) -> None:
    make_project(tmp_path)
    path = tmp_path / file
    path.write_text(path.read_text().replace(old, new, 1))
    assert [(f.line, f.column, f.code) for f in check(tmp_path) if f.file == file] == found


@given(
    splices=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=5),
    file=st.sampled_from(["flows/executive.yaml", "earmark.yaml", "tags.yaml", "lists/Executives.csv"]),
)
def test_a_file_with_anything_in_it_gives_findings_with_places(
    splices: list[tuple[float, int, str]], file: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = make_project(tmp_path_factory.mktemp("spliced"))
    text = (folder / file).read_text()
    for share, width, piece in splices:
        at = round(share * len(text))
        text = text[:at] + piece + text[at + width :]
    (folder / file).write_bytes(text.encode())
    for finding in check(folder):
        assert (1, 1) <= (finding.line, finding.column) <= (finding.end_line, finding.end_column)
    with contextlib.suppress(ProjectError):
        load_project(folder, analysts=FakeKql, environment={})
