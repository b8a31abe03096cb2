"""What every test may ask for: the `--slow` option and the folder of shared reference material."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

SLOW_FROM_ENVIRONMENT = os.environ.get("EARMARK_SLOW") == "1"

# A busy machine must not fail a property. CI takes the same examples every time; the search for new ones is for people.
settings.register_profile(
    "quick",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.register_profile("slow", settings.get_profile("quick"), max_examples=2_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the long form."""
    parser.addoption("--slow", action="store_true", help="also run tests marked slow (EARMARK_SLOW=1 does the same)")


def pytest_configure(config: pytest.Config) -> None:
    """Look at more examples of every property in the long form."""
    settings.load_profile("slow" if is_slow(config) else "quick")


def is_slow(config: pytest.Config) -> bool:
    """Whether the long form was asked for."""
    return SLOW_FROM_ENVIRONMENT or bool(config.getoption("--slow"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests marked slow out unless asked for."""
    if is_slow(config):
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
