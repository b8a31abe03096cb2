"""Results in their forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from earmark.cli.render.output import emit

AT = datetime(2026, 1, 4, 6, 5, 7, 125000, tzinfo=UTC)


def test_csv_gives_instants_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    emit("csv", None, ("device", "since", "until"), [["d1", AT, None]])
    assert capsys.readouterr().out == "device,since,until\nd1,2026-01-04T06:05:07.125000Z,\n"


def test_a_table_gives_instants_to_the_minute(capsys: pytest.CaptureFixture[str]) -> None:
    emit("table", None, ("device", "since", "until"), [["d1", AT, None]])
    assert capsys.readouterr().out.splitlines()[1] == "d1      2026-01-04 06:05"
