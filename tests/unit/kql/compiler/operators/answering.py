"""Runs a query without tables, as the operators' cases need it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from earmark.hunting.local_cells import reader_of
from earmark.hunting.local_session import open_session
from earmark.kql.base import Analysis, Weight
from earmark.kql.compiler.literals import read_datetime
from earmark.kql.service import Kql

NOW = read_datetime("2026-01-04")


def errors(analysis: Analysis) -> list[str]:
    return [f"{d.code} {d.message} {d.hint}" for d in analysis.diagnostics if d.weight is Weight.ERROR]


def answer(kql: Kql, query: str, *, threads: int = 1) -> tuple[list[str], list[list[Any]]]:
    """The names of the result's columns and its rows as cells."""
    analysis = kql.analyze(query)
    assert analysis.compiled is not None, errors(analysis)
    assert analysis.columns is not None
    readers = [reader_of(kind) for _, kind in analysis.columns]
    with open_session(events_folder=Path("/nonexistent"), temp=None, memory=10**9, threads=threads) as session:
        session.lock(analysis.compiled.macros)
        fetched = session.fetch(analysis.compiled.sql(NOW), rows=100_000, seconds=60)
    assert fetched.why_not is None
    rows = [
        [cell if reader is None or cell is None else reader(cell) for cell, reader in zip(row, readers, strict=True)]
        for row in fetched.rows
    ]
    return [name for name, _ in analysis.columns], rows


def same(left: Any, right: Any) -> bool:
    """Equal in value and in type; whole numbers and reals are two types."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9) or (math.isnan(left) and math.isnan(right))
    return type(left) is type(right) and bool(left == right)
