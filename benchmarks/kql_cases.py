"""What the compiler makes of answers recorded from Microsoft's engine: passed, refused, wrong.

    python -m benchmarks.kql_cases [../shared/hunting/emulator_cases.jsonl] [--list] [--only TEXT]

A case is a query with the columns, types and rows that the engine gave. Rows are compared in order only where the query
fixes it, real numbers to nine digits, elements of sets in any order. `wrong` must stay at zero; what is not known is
refused, never guessed.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.big_project import Size
from benchmarks.measure import say
from earmark.hunting.local_cells import cells_of, reader_of
from earmark.hunting.local_session import open_session
from earmark.kql.base import Analysis
from earmark.kql.compiler.literals import read_datetime
from earmark.kql.service import Kql

CASES = Path(__file__).resolve().parents[1].parent / "shared" / "hunting" / "emulator_cases.jsonl"
EITHER_WAY = {
    "emu/join-innerunique-03": "which of the rows with one key innerunique keeps is not defined",
    "emu/named-expressions-01": "which rows a sample holds is not defined",
    "emu/sample-operator-01": "which rows a sample holds is not defined",
}
"""Cases whose recorded answer is one of several right ones."""
RECORDED_AT = {
    "emu/datetime-utc-to-local-function-00": "2026-08-02T23:56:37.6227102Z",
    "emu/now-function-00": "2026-08-02T23:56:44.4514557Z",
    "emu/now-function-03": "2026-08-02T23:56:44.4607523Z",
}
"""The moment of recording, where the answer tells it."""
BINDER_TYPES = {
    "emu/datetime-part-function-00",
    "emu/datetime-diff-function-00",
    "emu/monthofyear-function-00",
    "emu/mv-expand-operator-05",
}
"""Cases where the engine gives another numeric type than the language service, whose type is ours."""
_TYPES = {
    "SByte": "bool",
    "Int32": "int",
    "Int64": "long",
    "Double": "real",
    "SqlDecimal": "decimal",
    "String": "string",
    "DateTime": "datetime",
    "TimeSpan": "timespan",
    "Guid": "guid",
    "Object": "dynamic",
}
_SETS = re.compile(r"\b(?:make_?set|set_(?:union|intersect|difference))", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A query and its recorded answer."""

    id: str
    query: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a case."""

    case: Case
    kind: str
    """passed, refused, rejected (does not bind), undecided, failed or wrong."""
    why: str = ""


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            rows = tuple(tuple(row) for row in raw["rows"])
            yield Case(
                id=raw["id"], query=raw["query"], columns=tuple(raw["columns"]), types=tuple(raw["types"]), rows=rows
            )


def judge(case: Case, kql: Kql) -> Verdict:
    """Analyse and run one case, and compare."""
    analysis = kql.analyze(case.query)
    if analysis.compiled is None or analysis.columns is None or analysis.refused:
        errors = [d for d in analysis.diagnostics if d.weight == "error"]
        kind = "refused" if any(d.code.startswith("EK") for d in errors) or not errors else "rejected"
        return Verdict(case=case, kind=kind, why="; ".join(d.message for d in errors))
    at = RECORDED_AT.get(case.id, "2026-08-02T00:00:00Z")
    with open_session(events_folder=Path("/nonexistent"), temp=None, memory=10**9, threads=1) as session:
        session.lock(analysis.compiled.macros)
        fetched = session.fetch(analysis.compiled.sql(read_datetime(at)), rows=2_000_000, seconds=60)
    if fetched.why_not is not None:
        return Verdict(case=case, kind="failed", why=fetched.why_not)
    fault = difference(case, analysis, fetched.rows)
    if fault and case.id in EITHER_WAY:
        return Verdict(case=case, kind="undecided", why=EITHER_WAY[case.id])
    return Verdict(case=case, kind="wrong" if fault else "passed", why=fault)


def difference(case: Case, analysis: Analysis, found: Sequence[tuple[Any, ...]]) -> str:
    """How an answer differs from the recorded one; empty when it does not."""
    assert analysis.columns is not None
    assert analysis.compiled is not None
    names, types = zip(*analysis.columns, strict=True)
    wanted_types = tuple(_TYPES[name] for name in case.types)
    if names != case.columns:
        return f"columns {names} in place of {case.columns}"
    if types != wanted_types and case.id not in BINDER_TYPES:
        return f"types {types} in place of {wanted_types}"
    readers = [reader_of(kind) for kind in types]
    rows = [cells_of(row, readers) for row in found]
    if len(rows) != len(case.rows):
        return f"{len(rows)} rows in place of {len(case.rows)}"
    sets = _SETS.search(case.query) is not None
    ours = [[_plain(cell, sets) for cell in row] for row in rows]
    theirs = [[_plain(cell, sets) for cell in row] for row in case.rows]
    if not analysis.compiled.sorted:
        ours, theirs = sorted(ours, key=_place), sorted(theirs, key=_place)
    for one, other in zip(ours, theirs, strict=True):
        if not all(_same(left, right) for left, right in zip(one, other, strict=True)):
            return f"row {one} in place of {other}"
    return ""


def _plain(cell: Any, sets: bool) -> Any:
    """A cell as both sides can write it."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return "NaN" if math.isnan(cell) else "Infinity" if cell > 0 else "-Infinity"
    if sets and isinstance(cell, list):
        return sorted(cell, key=_place)
    return cell if isinstance(cell, bool | int | float | str | list | dict | None) else str(cell)


def _place(value: Any) -> str:
    """Something to sort by in which numbers that are nearly the same stay together."""

    def rounded(part: Any) -> Any:
        if isinstance(part, float):
            return float(f"{part:.6g}")
        if isinstance(part, list):
            return [rounded(one) for one in part]
        return {key: rounded(one) for key, one in part.items()} if isinstance(part, dict) else part

    return json.dumps(rounded(value), sort_keys=True)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right or math.isclose(left, right, rel_tol=1e-9)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_same(one, other) for one, other in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


def judge_all(cases: Iterable[Case]) -> list[Verdict]:
    """All cases, with one language service."""
    kql = Kql({})
    return [judge(case, kql) for case in cases]


def run(_size: Size) -> None:
    """Print the counts of all cases."""
    if not CASES.is_file():
        say("recorded cases", f"none at {CASES}: nothing to compare with")
        return
    _say_counts(judge_all(read_cases(CASES)))


def _say_counts(verdicts: list[Verdict]) -> None:
    counts = Counter(verdict.kind for verdict in verdicts)
    kinds = ("passed", "refused", "wrong", "failed", "rejected", "undecided")
    say(f"of {len(verdicts)} recorded cases", "  ".join(f"{kind} {counts[kind]}" for kind in kinds), "wrong 0")


def main() -> None:
    """Print the counts, and with --list what became of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("path", nargs="?", type=Path, default=CASES)
    parser.add_argument("--list", action="store_true", help="a line for every case that did not pass")
    parser.add_argument("--only", default="", help="cases whose id holds this text")
    options = parser.parse_args()
    if not options.path.is_file():
        print(f"no recorded cases at {options.path}: nothing to compare with")
        return
    verdicts = judge_all(case for case in read_cases(options.path) if options.only in case.id)
    if options.list:
        for verdict in sorted(verdicts, key=lambda one: (one.kind, one.case.id)):
            if verdict.kind != "passed":
                print(f"{verdict.kind:9} {verdict.case.id}  {verdict.why}")
    _say_counts(verdicts)


if __name__ == "__main__":
    main()
