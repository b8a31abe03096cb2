"""The demo, as `make demo` runs it, and what it leaves behind against the simulator's own truth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.earmark import Earmark

ROOT = Path(__file__).resolve().parents[2]


def play(folder: Path, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "scripts" / "demo.py"), "--folder", str(folder), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_simulated_company(tmp_path: Path) -> None:
    shown = play(tmp_path / "demo")
    assert "10 to add, 0 to remove" in shown
    assert "Nothing to do" in shown
    truth = json.loads((tmp_path / "demo" / "sensors" / "truth.json").read_text(encoding="utf-8"))
    story, end = truth["story"], truth["now"]["grace_over"]
    tagged = Earmark(tmp_path / "demo" / "company").tagged("Executive", now=end)
    assert story["changed"]["name"] not in tagged
    assert {story["shut"]["name"], story["tagged_by_hand"]["name"], story["replacement"]["name"]} <= tagged
    assert "silence is not no" in shown
    in_tenant = shown[shown.index("The same flow in a tenant") :]
    assert "10 to add, 0 to remove, in 1 call" in in_tenant
    assert "Nothing to do" in in_tenant


def test_recorded_logons(tmp_path: Path, shared: Path) -> None:
    shown = play(tmp_path / "demo", "--data", str(shared / "realdata"))
    assert "1 to add, 0 to remove" in shown
    assert "AccountName pedro-admin, Logons 6" in shown
    company = Earmark(tmp_path / "demo" / "company")
    assert company.tagged("Executive", now="2022-09-02T07:00:00Z") == {"pedro-computer"}


def test_a_folder_that_the_demo_did_not_make_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    command = [sys.executable, str(ROOT / "scripts" / "demo.py"), "--folder", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "was not made by the demo" in done.stderr
    assert (tmp_path / "mine.txt").exists()
