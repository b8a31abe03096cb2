"""The big data set of the benchmarks, written by the simulator once and reused: a streaming export of plain JSON lines.

    from benchmarks.data import big_company
    folder = big_company(Path("cache"), events=10_000_000, devices=100_000)

Run alone, it prints how fast the simulator writes, and removes what it wrote:
python -m benchmarks.data [EVENTS [DEVICES]]

Ten million events are about 6 GB; the folder's name tells the size and the simulator's version apart.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import earmark.simulate
from earmark.simulate import CompanySpec, write_company

EVENTS, DEVICES = 10_000_000, 100_000
KINDS = frozenset({"DeviceLogonEvents", "DeviceInfo", "inventory"})


def big_company(cache: Path, *, events: int = EVENTS, devices: int = DEVICES, days: int = 30, seed: int = 7) -> Path:
    """Give back a folder with exactly so many logon events over so many devices, written now if `cache` has none."""
    name = f"events-{events}-devices-{devices}-days-{days}-seed-{seed}-{_version()}"
    folder = cache / name
    manifest = folder / "manifest.json"
    if manifest.is_file() and json.loads(manifest.read_text(encoding="utf-8"))["complete"]:
        return folder
    shutil.rmtree(folder, ignore_errors=True)  # half a data set is none
    spec = CompanySpec(
        seed=seed,
        days=days,
        devices=devices,
        executives=max(10, devices // 100),
        logon_events=events,
        only=KINDS,
        compress=False,
        imperfect=False,
        truth=False,
    )
    write_company(folder, spec)
    return folder


def _version() -> str:
    """Changes whenever the simulator's code does, so that a cache never serves the data of another version."""
    sources = sorted(Path(earmark.simulate.__file__).parent.glob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def main(events: int, devices: int) -> None:
    with tempfile.TemporaryDirectory() as cache:
        began, worked = time.perf_counter(), time.process_time()
        folder = big_company(Path(cache), events=events, devices=devices)
        seconds, processor = time.perf_counter() - began, time.process_time() - worked
        lines = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["lines"]
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    rows = lines["DeviceLogonEvents"] + lines["DeviceInfo"]
    print(f"simulate: {rows:,} rows over {devices:,} devices, {size / 1e6:,.0f} MB, in {seconds:.1f} s")
    print(f"          {rows / seconds:,.0f} rows/s on the clock, {rows / processor:,.0f} rows/s of processor time")


if __name__ == "__main__":
    main(events=int(sys.argv[1]) if sys.argv[1:] else 1_000_000, devices=int(sys.argv[2]) if sys.argv[2:] else DEVICES)
