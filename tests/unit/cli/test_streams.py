"""Streams that are closed, full, or of another encoding: a sentence or an escape, never a fault of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from earmark.cli.render.output import WIDEST, print_table

EARMARK = f"'{sys.executable}' -c 'from earmark.cli.main import main; main()'"
posix = pytest.mark.skipif(os.name != "posix", reason="the shell's redirections are Unix's")


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line.replace("earmark", EARMARK)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault(closed: str) -> None:
    assert shell(f"earmark --format json schema flow {closed}").returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["schema flow", "--help"])
def test_a_full_output_is_said_in_a_sentence(command: str) -> None:
    ended = shell(f"earmark {command} >/dev/full")
    assert ended.returncode == 70
    assert "the output cannot be written: No space left on device." in ended.stderr
    assert "fault" not in ended.stderr


@posix
def test_json_in_a_narrow_encoding_is_still_json(tmp_path: Path) -> None:
    ended = shell(f"earmark --format json simulate --days 1 --devices 40 '{tmp_path}/é'", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["folder"] == f"{tmp_path}/é"


def test_one_long_cell_does_not_widen_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["a", "b"], [["x" * 500, "1"], ["y", "2"]])
    first, long, short = capsys.readouterr().out.splitlines()
    assert (len(first), len(long), len(short)) == (WIDEST + 3, 503, WIDEST + 3)
