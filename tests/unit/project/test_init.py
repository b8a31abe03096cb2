from __future__ import annotations

from pathlib import Path

import pytest

from earmark.errors import UsageError
from earmark.project.init import MORE_FLOWS, write_project
from earmark.project.load import load_project
from tests.unit.project.fakes import FakeKql


def test_every_file_is_read_and_has_no_findings(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "new"
    paths = write_project(folder, with_=MORE_FLOWS)
    assert all(path.is_file() for path in paths)
    project = load_project(folder, analysts=FakeKql, environment={})
    assert set(project.flows) == {"executive", *MORE_FLOWS}
    assert set(project.lists) == {"Executives", "RedTeam"}
    assert {flow.tag.value for flow in project.flows.values()} == set(project.catalogue.entries)


def test_a_plain_project_has_the_executive_flow_alone(tmp_path: Path) -> None:
    names = {path.relative_to(tmp_path).as_posix() for path in write_project(tmp_path)}
    assert names == {"earmark.yaml", "tags.yaml", "flows/executive.yaml", "lists/Executives.csv", ".gitignore"}
    assert (tmp_path / ".gitignore").read_text() == ".earmark/\nestate/\n"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tags.yaml").write_text("mine")
    with pytest.raises(UsageError, match=r"already holds tags\.yaml"):
        write_project(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tags.yaml"]
    assert (tmp_path / "tags.yaml").read_text() == "mine"


def test_the_ignore_file_of_a_repository_is_added_to(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"*.log\r\nestate/")
    write_project(tmp_path)
    assert (tmp_path / ".gitignore").read_bytes() == b"*.log\r\nestate/\n.earmark/\n"


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "a\0b", tmp_path / ("x" * 300)):
        with pytest.raises(UsageError):
            write_project(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unknown_flow_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean `servers`"):
        write_project(tmp_path, with_=["server"])
    assert not list(tmp_path.iterdir())
