"""The whole demo, from the simulated sensors to the tag that goes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.big_project import Size
from benchmarks.measure import in_turn, say, spent_by_process

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "demo.py"


def run(size: Size) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = str(Path(scratch) / "demo")
        spent = in_turn(
            {"demo": lambda: spent_by_process(sys.executable, SCRIPT, "--folder", folder)}, rounds=size.rounds
        )
    say("the whole demo", spent["demo"], "under 15 s")
