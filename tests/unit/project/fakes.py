"""A stand-in for the KQL library: it knows a query by the words that tests put into it."""

from __future__ import annotations

import re
from datetime import timedelta

from earmark.kql.base import Analysis, Diagnostic, Edit, Tables, Weight


class FakeKql:
    """Finds WRONG (an error), OLD (one repaired to NEW), DOUBT (a warning); the last `project` gives the columns."""

    asked: list[str]

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.asked = []

    def analyze(self, query: str) -> Analysis:
        self.asked.append(query)
        found = [
            *self._found(query, r"\bWRONG\b", "KS142", Weight.ERROR, None),
            *self._found(query, r"\bOLD\b", "EK101", Weight.ERROR, "NEW"),
            *self._found(query, r"\bFIRST\b", "EK102", Weight.ERROR, "OLD"),
            *self._found(query, r"\bDOUBT\b", "EK103", Weight.WARNING, None),
            *self._found(query, r"\bGROW\b", "EK110", Weight.WARNING, "GROW more"),
            *self._found(query, r"\bLINES\b", "EK105", Weight.WARNING, "one\n  two"),
            *self._found(query, r"\bWORSE\b", "EK106", Weight.WARNING, "WRONG"),
            *self._found(query, r"\A\|", "EK107", Weight.ERROR, "DeviceInfo\n|"),
        ]
        if re.search(r"\bEND\b", query) and not query.rstrip().endswith(";"):
            found.append(
                Diagnostic(code="EK111", weight=Weight.WARNING, message="Ends.", start=len(query), end=len(query))
            )
        days = re.search(r"ago\((\d+)d\)", query)
        return Analysis(
            diagnostics=tuple(sorted(found, key=lambda d: d.start)),
            columns=self._columns(query),
            compiled=None,
            tables=tuple(sorted(name for name in self.tables if re.search(rf"\b{name}\b", query))),
            window=timedelta(days=int(days[1])) if days else None,
        )

    def _found(self, query: str, pattern: str, code: str, weight: Weight, repair: str | None) -> list[Diagnostic]:
        return [
            Diagnostic(
                code=code,
                weight=weight,
                message=f"Found {match.group()}.",
                start=match.start(),
                end=match.end(),
                edits=() if repair is None else (Edit(start=match.start(), end=match.end(), text=repair),),
            )
            for match in re.finditer(pattern, query)
        ]

    def _columns(self, query: str) -> tuple[tuple[str, str], ...] | None:
        if query in self.tables:
            return self.tables[query]
        projected = re.findall(r"project ([^|\n]+)", re.sub(r" //[^\n]*", "", query))
        return tuple((name.split("=")[0].strip(), "string") for name in projected[-1].split(",")) if projected else None
