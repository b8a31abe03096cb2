"""Runs the benchmarks, one after the other, and prints their ratios.

    python -m benchmarks [NAME…] [--full] [--events N] [--devices N] [--rounds N]

Without `--full` they work on a million logon events of 10,000 devices and end within minutes; with it on ten million of
100,000. What they work on is kept in `.make/bench` (7 GB with `--full`).
"""

from __future__ import annotations

import argparse
import importlib
import time

from benchmarks.big_project import Size

BENCHMARKS = {
    "startup": "startup",
    "demo": "demo",
    "check": "checking",
    "import": "importing",
    "hunt": "hunt",
    "plan": "plan",
    "reconcile": "reconciling",
    "ledger": "ledger",
    "defender": "defender",
    "kql_cases": "kql_cases",
}
"""Name → its module."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(BENCHMARKS)}; all of them")
    parser.add_argument("--full", action="store_true", help="ten million events of 100,000 devices")
    parser.add_argument("--events", type=int, help="logon events")
    parser.add_argument("--devices", type=int, help="devices, more than 200")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured; medians are printed")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; expected one of {', '.join(BENCHMARKS)}")
    events, devices = (10_000_000, 100_000) if options.full else (1_000_000, 10_000)
    size = Size(events=options.events or events, devices=options.devices or devices, rounds=options.rounds)
    for name in options.names or BENCHMARKS:
        print(f"\n{name}", flush=True)
        began = time.perf_counter()
        importlib.import_module(f"benchmarks.{BENCHMARKS[name]}").run(size)
        print(f"  ({time.perf_counter() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
