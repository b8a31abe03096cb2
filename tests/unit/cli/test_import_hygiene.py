"""What a user waits for before any work begins must not load the heavy parts."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "alembic",
    "azure",
    "cryptography",
    "duckdb",
    "fastapi",
    "httpx2",
    "jwt",
    "keyring",
    "polars",
    "pydantic",
    "quickjs",
    "ruamel",
    "sqlalchemy",
)

PROBE = """
import sys
from earmark.cli.main import main
sys.argv = ["earmark", *sys.argv[1:]]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["sandbox", "--help"]], ids=" ".join)
def test_help_loads_no_heavy_part(arguments: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert "Usage" in run.stdout
    loaded = run.stderr.splitlines()[-1].split()
    assert "click" in loaded, "the probe must see what was loaded"
    assert not set(HEAVY) & set(loaded)
