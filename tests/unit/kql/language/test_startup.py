"""The start-up changes make the service faster, not different: compared with the service as it is shipped."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from earmark.kql.defender.tables import TABLES
from earmark.kql.language.service import LanguageService, read_asset

CASES = Path(__file__).resolve().parents[3] / "cases" / "kql" / "operators"
LIMITS = {"nodes": 100_000, "depth": 500, "bytes": 10_000_000}
BROKEN = (
    "DeviceEvents | where a = 1",
    "| where x",
    "DeviceEvents | summarize count(DeviceId) by",
    "DeviceEvents | jion (DeviceInfo) on DeviceId",
    "let x = ; x",
    "DeviceInfo | project-reorder Foo, Bar* | render",
)


def queries() -> list[str]:
    lines = [line for path in sorted(CASES.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    return [json.loads(line)["query"] for line in lines] + list(BROKEN)


def answers_as_shipped(texts: list[str]) -> list[Any]:
    """What the service answers without any change."""
    import quickjs

    found: list[Any] = []

    def ask() -> None:
        context = quickjs.Context()
        context.set_max_stack_size(40 * 2**20)
        for name in ("assets/bridge.min.js", "assets/Kusto.Language.Bridge.min.js", "glue.js"):
            context.eval(read_asset(name))
        context.eval("EarmarkKql.declare")(json.dumps({"tables": [[n, c] for n, c in TABLES.items() if c]}))
        analyze = context.eval("EarmarkKql.analyze")
        found.extend(json.loads(analyze(json.dumps({"text": t, "limits": LIMITS, "tree": True}))) for t in texts)

    before = threading.stack_size(64 * 2**20)
    thread = threading.Thread(target=ask)
    thread.start()
    threading.stack_size(before)
    thread.join()
    return found


@pytest.mark.slow
def test_diagnostics_columns_and_trees_are_those_of_the_service_as_shipped() -> None:
    texts = queries()
    service = LanguageService()
    ours = [service.analyze(text, TABLES) for text in texts]
    service.close()

    theirs = answers_as_shipped(texts)

    assert len(theirs) == len(texts)
    for text, our, their in zip(texts, ours, theirs, strict=True):
        assert [[d.code, d.severity, d.message, d.start, d.length] for d in our.diagnostics] == their["diagnostics"], (
            text
        )
        assert (our.columns and [list(column) for column in our.columns]) == their["columns"], text
        assert our.tree == their["tree"], text
