"""Each operator's answers, as cases: a query, the columns and the rows that Kusto's documentation and engine give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from earmark.kql.service import Kql
from tests.unit.kql.compiler.operators.answering import answer, same

CASES = Path(__file__).resolve().parents[4] / "cases" / "kql" / "operators"


def read_cases() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            yield pytest.param(case, id=f"{path.stem}: {case['id']}")


@pytest.mark.parametrize("case", list(read_cases()))
def test_an_operator_gives_kustos_answer(case: dict[str, Any], kql: Kql) -> None:
    columns, rows = answer(kql, case["query"])

    wanted = case["rows"]
    if not case["ordered"]:
        rows, wanted = sorted(rows, key=repr), sorted(wanted, key=repr)
    assert columns == case["columns"]
    assert same(rows, wanted), (rows, wanted)
