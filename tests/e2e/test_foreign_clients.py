from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "foreign_clients.py"


@pytest.mark.slow
def test_clients_that_nobody_here_wrote() -> None:
    ran = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, timeout=900)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    for line in ("msticpy MDE", "msticpy M365DGraph", "devices hunted", "listed page by page", "with their alerts"):
        assert line in ran.stdout
