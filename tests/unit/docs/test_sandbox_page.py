"""The sandbox's page of reference says every endpoint, limit, fault and setting, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.sandbox.app import create_app
from earmark.sandbox.faults import SETTINGS, Fault
from earmark.sandbox.operations import OPERATIONS
from earmark.sandbox.tenant import Tenant
from tests.unit.docs.console import ROOT

PAGE = (ROOT / "docs" / "reference" / "sandbox.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[list[str]]:
    return [re.findall(r"`([^`]+)`", cell) for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)]


def test_every_endpoint(tmp_path: Path) -> None:
    paths = create_app(Tenant(EmbeddedEstate(tmp_path))).openapi()["paths"]
    real = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    real = {one for one in real if not one.startswith("POST /beta") and " /beta/" not in one}
    said = {name for cell in first_cells(section("Endpoints")) for name in cell}
    assert said == real, f"to add {sorted(real - said)}, to take out {sorted(said - real)}"


def test_every_limit() -> None:
    rows = re.findall(r"^\| (`.*?`) \| ([\d,–]*) \| ([\d,–]*) \|", section("Limits"), re.MULTILINE)
    said = {
        name: tuple(int(n.replace(",", "")) if n != "–" else None for n in (minute, hour))
        for cell, minute, hour in rows
        for name in re.findall(r"`([^`]+)`", cell)
    }
    assert said == {name: (rule.per_minute, rule.per_hour) for name, rule in OPERATIONS.items()}


def test_every_fault_and_setting() -> None:
    said = [name for cell in first_cells(section("Faults")) for name in cell]
    assert said == [*Fault, *SETTINGS]
    defaults = dict(re.findall(r"^\| `([\w-]+)` \| (\d+) \|", section("Faults"), re.MULTILINE))
    assert {name: float(value) for name, value in defaults.items()} == {n: v for n, (v, _) in SETTINGS.items()}
