"""The default company, written once for all tests of the room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from earmark.simulate import CompanySpec, Written, write_company
from tests.unit.simulate.plain import read_json, read_logons, read_streaming


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """A written company and what a plain reader makes of it."""

    folder: Path
    spec: CompanySpec
    written: Written
    truth: dict[str, Any]
    rows: list[tuple[str, dict[str, Any]]]
    logons: list[dict[str, Any]]

    def at(self, name: str) -> dict[str, Any]:
        """The truth at a moment of the demo."""
        found: dict[str, Any] = next(m for m in self.truth["moments"] if m["now"] == self.truth["now"][name])
        return found


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    folder = tmp_path_factory.mktemp("company")
    spec = CompanySpec()
    written = write_company(folder, spec)
    rows, _ = read_streaming(folder)
    return Simulated(
        folder=folder,
        spec=spec,
        written=written,
        truth=read_json(folder / "truth.json"),
        rows=rows,
        logons=read_logons(folder, rows),
    )
