"""Analyses of queries, kept on disk by content: one JSON file an entry.

An entry's name is the digest of everything its value depends on, so nothing is ever out of date, only unused. Writes
are atomic; an entry that cannot be read counts as absent. A warm analysis touches neither the language service nor the
compiler, so this module imports neither.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from earmark.kql.base import Analysis, CompiledQuery, Diagnostic, Edit, Tables, Weight

_FORMAT = 1
_PACKAGE = Path(__file__).parent


@cache
def code_digest() -> str:
    """Changes whenever a file of this library does: translation is part of what an entry depends on."""
    digest = hashlib.sha256()
    for folder, subfolders, files in os.walk(_PACKAGE):
        subfolders.sort()
        for name in sorted(files):
            if name.endswith((".py", ".js", ".txt")):
                status = os.stat(os.path.join(folder, name))
                digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def tables_digest(tables: Tables) -> str:
    """A digest of names, columns and types."""
    text = json.dumps([[name, columns] for name, columns in sorted(tables.items())], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


class AnalysisCache:
    """The folder of entries."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, query: str, tables: str) -> Path:
        text = json.dumps([_FORMAT, code_digest(), tables, query])
        return self._folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"

    def read(self, query: str, tables: str) -> Analysis | None:
        """The analysis of a text against tables of that digest, if it is known."""
        try:
            return _analysis(json.loads(self._path(query, tables).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, query: str, tables: str, analysis: Analysis) -> None:
        """Keep an analysis; a full or read-only disk only means that the next one is slower."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(_document(analysis), file)
                os.replace(name, self._path(query, tables))
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(name)
                raise


def _document(analysis: Analysis) -> dict[str, Any]:
    compiled = analysis.compiled
    return {
        "diagnostics": [
            [d.code, d.weight.value, d.message, d.start, d.end, d.hint, [[e.start, e.end, e.text] for e in d.edits]]
            for d in analysis.diagnostics
        ],
        "columns": analysis.columns,
        "compiled": None
        if compiled is None
        else [compiled.sql_parts, compiled.macros, compiled.relations, compiled.sorted],
        "tables": analysis.tables,
        "window": None if analysis.window is None else analysis.window / timedelta(microseconds=1),
    }


def _analysis(document: dict[str, Any]) -> Analysis:
    compiled, columns, window = document["compiled"], document["columns"], document["window"]
    return Analysis(
        diagnostics=tuple(
            Diagnostic(
                code=code,
                weight=Weight(weight),
                message=message,
                start=start,
                end=end,
                hint=hint,
                edits=tuple(Edit(start=from_, end=to, text=text) for from_, to, text in edits),
            )
            for code, weight, message, start, end, hint, edits in document["diagnostics"]
        ),
        columns=None if columns is None else tuple((name, kind) for name, kind in columns),
        compiled=None
        if compiled is None
        else CompiledQuery(
            sql_parts=tuple(compiled[0]),
            macros=tuple(compiled[1]),
            relations=tuple((name, table) for name, table in compiled[2]),
            sorted=compiled[3],
        ),
        tables=tuple(document["tables"]),
        window=None if window is None else timedelta(microseconds=window),
    )
