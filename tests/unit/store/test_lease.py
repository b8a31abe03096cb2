"""A lease holds across processes and dies with its holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from earmark.errors import StateError
from earmark.store.base import LeaseHeldError
from earmark.store.lease import held

HOLDER = """
import sys
from pathlib import Path
from earmark.store.lease import held
with held(Path(sys.argv[1]), "executive", who="ann@host", timeout=0):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_holder_is_named(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(LeaseHeldError) as caught, held(tmp_path, "executive", who="bob", timeout=0.01):
            pass
        assert f"process {process.pid} (ann@host), since 20" in caught.value.message
        assert caught.value.hint
        with held(tmp_path, "kiosk", who="bob", timeout=0):
            pass
        process.communicate("")
    with held(tmp_path, "executive", who="bob", timeout=0):
        pass


def test_a_lease_dies_with_its_process(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with held(tmp_path, "executive", who="bob", timeout=0):
        pass


@pytest.mark.parametrize("name", ["../../etc/passwd", "a b/c", "flow.1", "flow.2", "ü", "CON", ""])
def test_any_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "leases"
    with (
        held(folder, name, who="", timeout=0),
        pytest.raises(LeaseHeldError),
        held(folder, name, who="", timeout=0),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["leases"]


def test_names_that_differ_in_their_ends_do_not_exclude_each_other(tmp_path: Path) -> None:
    with (
        held(tmp_path, "flow.1", who="a", timeout=0),
        held(tmp_path, "flow.2", who="b", timeout=0),
        pytest.raises(LeaseHeldError, match=r"\(a\)"),
        held(tmp_path, "flow.1", who="c", timeout=0),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be taken"), held(tmp_path / "file", "x", who="", timeout=0):
        pass
