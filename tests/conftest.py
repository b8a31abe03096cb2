"""What every test may ask for: the `--slow` option and the folder of shared reference material."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the long form."""
    parser.addoption("--slow", action="store_true", help="also run tests marked slow (EARMARK_SLOW=1 does the same)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests marked slow out unless asked for."""
    if config.getoption("--slow") or os.environ.get("EARMARK_SLOW") == "1":
        return
    skip = pytest.mark.skip(reason="slow: run with --slow or EARMARK_SLOW=1")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference material beside the checkout (`../shared`, or where EARMARK_SHARED says)."""
    folder = Path(os.environ.get("EARMARK_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        pytest.skip(
            f"reads reference material that is not part of this repository ({folder.name}/ beside the checkout)"
        )
    return folder
