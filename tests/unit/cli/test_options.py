"""The options that stand before every command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from earmark.cli.options import INSTANT, Options


def test_the_options_repeated_mean_the_same_moment() -> None:
    now = datetime(2026, 1, 4, 6, 5, 7, 125_001, tzinfo=UTC)
    words = Options(project=Path("company"), env="test", now=now, format="json").as_arguments()
    assert words == ["--project", "company", "--env", "test", "--now", "2026-01-04T06:05:07.125001Z"]
    assert INSTANT.convert(words[-1], None, None) == now


def test_options_not_given_are_not_repeated() -> None:
    assert Options(project=Path(), env=None, now=None, format="table").as_arguments() == []
