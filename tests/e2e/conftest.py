"""A fresh project for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.earmark import Earmark


@pytest.fixture
def earmark(tmp_path: Path) -> Earmark:
    """A project as `init` writes it."""
    command = Earmark(tmp_path / "company")
    command.run("init", str(command.project))
    return command
