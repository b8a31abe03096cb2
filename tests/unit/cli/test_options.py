"""Instants on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import rich_click as click

from earmark.cli.main import run
from earmark.cli.options import INSTANT
from earmark.errors import ExitCode


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T06:00", datetime(2026, 3, 1, 6, tzinfo=UTC)),
        ("2026-03-01T06:00:00+02:00", datetime(2026, 3, 1, 4, tzinfo=UTC)),
        ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC)),
        ("8999-12-31T23:59:59Z", datetime(8999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_instant_without_an_offset_is_utc(text: str, at: datetime) -> None:
    assert INSTANT.convert(text, None, None) == at


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no instant"),
        ("now", "no instant"),
        ("2026-02-30", "no instant"),
        ("0001-01-01T00:00:00+14:00", "no instant"),
        ("0001-01-01", "out of range"),
        ("1969-12-31T23:59", "out of range"),
        ("9999-12-31T23:59:59Z", "out of range"),
    ],
)
def test_what_is_no_instant_of_our_calendar_is_refused(text: str, said: str) -> None:
    with pytest.raises(click.BadParameter, match=said):
        INSTANT.convert(text, None, None)


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", ""],
        ["init", ""],
        ["apply", ""],
        ["plan", "--out", ""],
        ["hunt", "--file", ""],
        ["--project", "", "plan"],
    ],
    ids=" ".join,
)
def test_an_empty_path_is_not_the_working_folder(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == ExitCode.USAGE
    assert "the path is empty" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_query_file_without_an_end_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hunt", "--file", "/dev/zero"]) == ExitCode.USAGE
    assert "has more than" in capsys.readouterr().err
