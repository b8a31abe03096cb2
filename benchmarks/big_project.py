"""A project with millions of events, made by the product's own commands once and kept: simulate, init, import."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.data import big_company
from benchmarks.measure import EARMARK, Spent, spent_by_process

CACHE = Path(__file__).resolve().parents[1] / ".make" / "bench"
"""Not part of the repository; `make clean` removes it."""
FLOW = "executive"
HELD = 3
"""The exit code of a plan that its guard holds, as it should one that tags a thousand devices at once."""
SENSORS = ("streaming", "inventory/devices.csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much a run of the benchmarks works on, and how often."""

    events: int
    devices: int
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BigProject:
    """The project, and where it came from."""

    folder: Path
    sensors: Path
    """The files it was imported from."""
    now: str
    """The moment after the last event."""
    imported: Spent
    """What the import took."""
    rows: int
    """Rows that were imported."""


def big_project(size: Size) -> BigProject:
    """The project of that size, made now if there is none."""
    sensors = big_company(CACHE, events=size.events, devices=size.devices)
    manifest = json.loads((sensors / "manifest.json").read_text(encoding="utf-8"))
    folder = sensors.with_name(f"project-{sensors.name}")
    noted = folder / "imported.json"
    if not noted.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        imported = import_into(folder, sensors)
        # A state that is in use, as it is every day but the first; the guard holds so many additions at once.
        spent_by_process(EARMARK, "--now", _end(manifest), "run", FLOW, folder=folder, ok=(0, HELD))
        noted.write_text(json.dumps([imported.seconds, imported.processor, imported.peak]), encoding="utf-8")
    seconds, processor, peak = json.loads(noted.read_text(encoding="utf-8"))
    return BigProject(
        folder=folder,
        sensors=sensors,
        now=_end(manifest),
        imported=Spent(seconds=seconds, processor=processor, peak=peak),
        rows=manifest["lines"]["DeviceLogonEvents"] + manifest["lines"]["DeviceInfo"],
    )


def _end(manifest: Mapping[str, Any]) -> str:
    return f"{date.fromisoformat(manifest['start']) + timedelta(days=manifest['days'])}T00:00:00Z"


def import_into(folder: Path, sensors: Path) -> Spent:
    """A fresh project with the sensors' files in its estate; what the import took."""
    spent_by_process(EARMARK, "init", folder)
    shutil.copy(sensors / "lists" / "Executives.csv", folder / "lists" / "Executives.csv")
    return import_again(folder, sensors)


def import_again(folder: Path, sensors: Path) -> Spent:
    """Import the sensors' files."""
    return spent_by_process(EARMARK, "import", *(sensors / one for one in SENSORS), folder=folder)
