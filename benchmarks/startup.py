"""What a user waits for before any work begins: `earmark --help`, beside a bare Python, and what it loads."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.big_project import Size
from benchmarks.measure import EARMARK, in_turn, say, spent_by_process

HEAVY = ("alembic", "duckdb", "polars", "pydantic", "quickjs", "ruamel", "sqlalchemy")
_PROBE = """
import sys
from earmark.cli.main import run
run(["--help"])
print(len(sys.modules), *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def run(size: Size) -> None:
    spent = in_turn(
        {
            "python -c pass": lambda: spent_by_process(sys.executable, "-c", "pass"),
            "earmark --help": lambda: spent_by_process(EARMARK, "--help"),
        },
        rounds=size.rounds,
    )
    for name, one in spent.items():
        say(name, one)
    say("--help / bare Python", f"{spent['earmark --help'].processor / spent['python -c pass'].processor:.1f}")
    probe = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True)
    count, *packages = probe.stderr.split()
    heavy = sorted(set(HEAVY) & set(packages))
    say("modules loaded", f"{count}; of the heavy parts {', '.join(heavy) or 'none'}", "none of the heavy parts")
