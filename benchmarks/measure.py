"""How the benchmarks measure: several rounds in turn, medians, processor time beside the clock, peak memory.

The contestants of one comparison take turns, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

EARMARK = Path(sys.executable).with_name("earmark")

_STARTER = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
seconds, usage = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a piece of work took."""

    seconds: float
    """On the clock."""
    processor: float
    """Seconds of processor time, over all cores."""
    peak: int = 0
    """Most bytes of memory held at once; 0 where it was not a process of its own."""

    def __str__(self) -> str:
        peak = f", {self.peak / 1e6:,.0f} MB" if self.peak else ""
        return f"{self.seconds:.3f} s ({self.processor:.3f} s of processor{peak})"


def spent_by(work: Callable[[], Any]) -> Spent:
    """Time one call."""
    began, worked = time.perf_counter(), time.process_time()
    work()
    return Spent(seconds=time.perf_counter() - began, processor=time.process_time() - worked)


def spent_by_process(*arguments: str | Path, folder: Path | None = None, ok: Sequence[int] = (0,)) -> Spent:
    """Run a command to its end, quietly, and time it.

    A small process starts it: Linux counts the memory of the one that starts another to the other's peak.
    """
    starter = (sys.executable, "-I", "-S", "-c", _STARTER, *arguments)
    done = subprocess.run(starter, cwd=folder, capture_output=True, text=True, check=True)
    code, seconds, processor, peak = json.loads(done.stdout)
    if code not in ok:
        sys.exit(f"{' '.join(map(str, arguments))} ended with exit code {code}:\n{done.stderr}")
    return Spent(seconds=seconds, processor=processor, peak=peak * (1 if sys.platform == "darwin" else 1024))


def in_turn(contestants: Mapping[str, Callable[[], Spent]], *, rounds: int) -> dict[str, Spent]:
    """The medians of each contestant over some rounds, after a first round that does not count."""
    taken: dict[str, list[Spent]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, measure in contestants.items():
            spent = measure()
            if number:
                taken[name].append(spent)
    return {name: middle(found) for name, found in taken.items()}


def middle(found: Sequence[Spent]) -> Spent:
    """The median of each figure; the highest peak."""
    return Spent(
        seconds=median(one.seconds for one in found),
        processor=median(one.processor for one in found),
        peak=max(one.peak for one in found),
    )


def say(name: str, value: object, target: str = "") -> None:
    """One line of a benchmark's report."""
    print(f"  {name:44} {value}" + (f"   (target: {target})" if target else ""), flush=True)
