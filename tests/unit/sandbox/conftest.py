from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.sandbox.world import World, make_estate


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_estate(tmp_path_factory.mktemp("sandbox"))


@pytest.fixture
def world(estate: Path, tmp_path: Path) -> World:
    return World(estate, tmp_path)
