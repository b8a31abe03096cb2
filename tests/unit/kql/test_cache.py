"""Analyses kept on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from earmark.kql.base import Analysis, CompiledQuery, Diagnostic, Edit, Weight
from earmark.kql.cache import AnalysisCache, tables_digest
from earmark.kql.service import Kql

ANALYSIS = Analysis(
    diagnostics=(
        Diagnostic(
            code="KS1",
            weight=Weight.WARNING,
            message="m",
            start=1,
            end=2,
            hint="h",
            edits=(Edit(start=1, end=2, text="é"),),
        ),
    ),
    columns=(("a", "string"),),
    compiled=CompiledQuery(sql_parts=("SELECT ", ""), macros=("m",), relations=(("v1", "T"),), sorted=True),
    tables=("T",),
    window=timedelta(days=7, microseconds=1),
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    cache = AnalysisCache(tmp_path / "deep" / "cache")

    cache.write("query \ud800 é", "digest", ANALYSIS)

    assert cache.read("query \ud800 é", "digest") == ANALYSIS


def test_another_text_or_schema_is_not_known(tmp_path: Path) -> None:
    cache = AnalysisCache(tmp_path)
    cache.write("query", "digest", ANALYSIS)

    assert cache.read("query ", "digest") is None
    assert cache.read("query", "other") is None


def test_a_damaged_entry_counts_as_absent(tmp_path: Path) -> None:
    cache = AnalysisCache(tmp_path)
    cache.write("query", "digest", ANALYSIS)
    (entry,) = tmp_path.iterdir()
    for text in ("", "{", "[]", "{}", '{"diagnostics": [[1]]}', "\x80"):
        entry.write_bytes(text.encode("latin-1"))
        assert cache.read("query", "digest") is None


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = AnalysisCache(tmp_path / "file" / "cache")

    cache.write("query", "digest", ANALYSIS)

    assert cache.read("query", "digest") is None


def test_the_digest_of_tables_knows_names_types_and_order() -> None:
    digests = {
        tables_digest(tables)
        for tables in (
            {"T": (("a", "string"), ("b", "long"))},
            {"T": (("b", "long"), ("a", "string"))},
            {"T": (("a", "string"), ("b", "int"))},
            {"U": (("a", "string"), ("b", "long"))},
        )
    }
    assert len(digests) == 4


def test_a_known_answer_loads_neither_service_nor_compiler(tmp_path: Path) -> None:
    tables = {"T": (("a", "string"),)}
    first = Kql(tables, cache=tmp_path)
    expected = first.analyze("T | where a == 'x'")
    first.close()
    assert expected.compiled is not None
    script = (
        "import sys, pathlib\n"
        "from earmark.kql.service import Kql\n"
        f"kql = Kql({tables!r}, cache=pathlib.Path({str(tmp_path)!r}))\n"
        "assert kql.analyze(\"T | where a == 'x'\").compiled is not None\n"
        "rooms = ('quickjs', 'earmark.kql.compiler', 'earmark.kql.language')\n"
        "heavy = [module for module in sys.modules if module.startswith(rooms)]\n"
        "assert heavy == [], heavy\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": "src"},
    )

    assert done.returncode == 0, done.stderr
