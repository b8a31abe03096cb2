from __future__ import annotations

from collections import Counter
from pathlib import Path

from benchmarks.kql_cases import judge_all, read_cases


def test_no_recorded_answer_of_microsofts_engine_is_contradicted(shared: Path) -> None:
    verdicts = judge_all(read_cases(shared / "hunting" / "emulator_cases.jsonl"))

    against = [f"{verdict.case.id}: {verdict.why}" for verdict in verdicts if verdict.kind in ("wrong", "failed")]
    assert against == []
    assert Counter(verdict.kind for verdict in verdicts)["passed"] >= 188
