from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from earmark.hunting.local_cells import reader_of
from earmark.hunting.local_session import open_session
from earmark.kql.base import Weight
from earmark.kql.compiler.literals import read_datetime
from earmark.kql.service import Kql

CASES = Path(__file__).resolve().parents[3] / "cases" / "kql" / "functions"


def read_lines(kind: str) -> Iterator[Any]:
    for path in sorted(CASES.glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.startswith("#") or not line.strip() or line.startswith("!!") != (kind == "refused"):
                continue
            yield pytest.param(line.removeprefix("!!").strip(), id=f"{path.stem}:{number}")


@pytest.fixture(scope="module")
def kql() -> Iterator[Kql]:
    service = Kql({})
    yield service
    service.close()


def whole_query(text: str) -> str:
    return text if text.startswith(("print ", "datatable(", "range x ")) else f"print r = {text}"


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9) or (math.isnan(left) and math.isnan(right))
    return type(left) is type(right) and bool(left == right)


@pytest.mark.parametrize("line", list(read_lines("answered")))
def test_an_expression_gives_kustos_answer(line: str, kql: Kql) -> None:
    text, _, wanted = line.rpartition(" => ")
    analysis = kql.analyze(whole_query(text))
    assert analysis.compiled is not None, [d.message for d in analysis.diagnostics]
    assert analysis.columns is not None

    with open_session(events_folder=Path("/nonexistent"), temp=None, memory=10**9, threads=1) as session:
        session.lock(analysis.compiled.macros)
        fetched = session.fetch(analysis.compiled.sql(read_datetime("2026-01-04")), rows=100, seconds=30)

    assert fetched.why_not is None
    cell = fetched.rows[0][-1]
    reader = reader_of(analysis.columns[-1][1])
    value = cell if reader is None or cell is None else reader(cell)
    expected = json.loads(wanted)
    if analysis.columns[-1][1] == "real" and isinstance(expected, int):
        expected = float(expected)
    assert same(value, expected), f"{value!r} in place of {expected!r}"


@pytest.mark.parametrize("line", list(read_lines("refused")))
def test_what_is_not_known_is_refused_with_its_place(line: str, kql: Kql) -> None:
    analysis = kql.analyze(whole_query(line))

    errors = [d for d in analysis.diagnostics if d.weight is Weight.ERROR]
    assert analysis.compiled is None
    assert errors
    assert all(0 <= error.start <= error.end <= len(whole_query(line)) for error in errors)
