"""Random lives of a small estate, told to the command and to a reference model that shares nothing with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.earmark import COMMAND


@pytest.mark.parametrize("seed", [0, 3, 5])
def test_a_life_ends_as_the_model_says(shared: Path, seed: int) -> None:
    assert_equal_lives(shared, "--seeds", str(seed), "--days", "8")


def test_a_life_with_kills_ends_as_the_model_says(shared: Path) -> None:
    assert_equal_lives(shared, "--seeds", "1", "--days", "5", "--kill")


@pytest.mark.slow
@pytest.mark.parametrize("kill", [(), ("--kill",)])
def test_twenty_lives(shared: Path, kill: tuple[str, ...]) -> None:
    assert_equal_lives(shared, "--seeds", "0-19", *kill)


def assert_equal_lives(shared: Path, *arguments: str) -> None:
    script = shared / "acceptance" / "random_lives.py"
    done = subprocess.run(
        [sys.executable, str(script), str(COMMAND), *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
