"""A project that an account may read and not write: it can be looked at, and what writes ends with the right code."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.earmark import Earmark
from tests.e2e.logons import write_logons

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are set as on Unix")
NOW = "2026-03-01T06:00:00Z"
BOUND = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Gives up what makes root pass over permissions."""


@contextmanager
def unwritable(project: Path) -> Iterator[None]:
    """Nobody may write below the project."""
    paths = [project, *project.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture
def bound(earmark: Earmark) -> Earmark:
    """A project with a device that an executive uses, and a command that permissions bind."""
    write_logons(earmark.project / "events.json", [("pc-1", "ceo", "2026-03-01T05:00:00Z")])
    earmark.write("lists/Executives.csv", "AccountName\nceo\n")
    earmark.run("import", str(earmark.project / "events.json"))
    if os.geteuid() != 0:
        return earmark
    if shutil.which(BOUND[0]) is None or subprocess.run([*BOUND, "true"], check=False).returncode:
        pytest.skip("permissions do not bind this account")
    return replace(earmark, under=BOUND)


@pytest.mark.parametrize("written_to", [False, True], ids=["at rest", "while another process has it open"])
def test_a_project_that_cannot_be_written_can_be_looked_at(bound: Earmark, written_to: bool) -> None:
    bound.run("run", "executive", now=NOW)
    files = [bound.project / file for file in (".earmark/state.db", "estate/devices.db")]
    with closing(sqlite3.connect(files[0])) as state, closing(sqlite3.connect(files[1])) as devices:
        for connection in (state, devices) if written_to else ():
            connection.execute("CREATE TABLE left_in_the_log (x)")
            connection.execute("DROP TABLE left_in_the_log")
        with unwritable(bound.project):
            assert bound.tagged("Executive", now=NOW) == {"pc-1"}
            assert [run["flows"][0]["added"] for run in bound.read("runs", now=NOW)] == [1]
            assert bound.read("explain", "pc-1", now=NOW)["tags"][0]["owned"]
            assert bound.read("hunt", "DeviceLogonEvents | count", now=NOW)["rows"] == [[1]]
            for command in ("tags", "check", "lists", "plan"):
                bound.run(command, now=NOW)


@pytest.mark.parametrize(
    "command", [("run", "executive"), ("plan", "--out", "plan.json"), ("estate", "tag", "pc-1", "VIP"), ("import", ".")]
)
def test_what_writes_is_denied(bound: Earmark, command: tuple[str, ...], tmp_path: Path) -> None:
    bound.run("run", "executive", now=NOW)
    command = tuple(str(tmp_path / word) if word == "plan.json" else word for word in command)
    with unwritable(bound.project):
        denied = bound.run(*command, now=NOW, code=7)
    assert "Give this account the right" in denied.err


@pytest.mark.parametrize("folder", [True, False], ids=["in its folder", "nor its folder"])
def test_a_state_that_cannot_be_made_is_denied(bound: Earmark, folder: bool) -> None:
    if folder:
        (bound.project / ".earmark").mkdir(exist_ok=True)
    with unwritable(bound.project):
        denied = bound.run("devices", now=NOW, code=7).err
    assert "state.db cannot be" in denied
    assert "Give this account the right" in denied


@pytest.mark.parametrize(
    "command", [("run", "executive"), ("estate", "tag", "pc-1", "VIP"), ("estate", "untag", "pc-1", "VIP")]
)
def test_no_command_changes_a_tag_while_the_project_only_observes(bound: Earmark, command: tuple[str, ...]) -> None:
    settings = (bound.project / "earmark.yaml").read_text(encoding="utf-8")
    bound.write("earmark.yaml", settings.replace("mode: apply", "mode: observe"))
    assert "mode: observe" in bound.run(*command, now=NOW, code=7).err
    assert bound.tagged("VIP", now=NOW) == bound.tagged("Executive", now=NOW) == set()


def test_an_estate_that_cannot_be_written_ends_its_section_and_is_told(bound: Earmark) -> None:
    with unwritable(bound.project / "estate"):
        ended = bound.run("run", "executive", now=NOW, code=5)
        assert "devices.db: attempt to write a readonly database" in ended.err
        assert bound.read("runs", now=NOW)[0]["flows"][0]["failed"] == 1
    assert bound.read("run", "executive", now=NOW)["flows"][0]["added"] == 1
