"""Cases of queries as text files: a name, a query, what is said of it, and the mended text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.kql.base import Diagnostic

CASES = Path(__file__).resolve().parents[3] / "cases" / "kql" / "defender"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    name: str
    query: str
    findings: tuple[str, ...]
    """`line:column CODE`, with a star where the finding has edits."""
    mended: str | None


def read_cases(name: str) -> tuple[Case, ...]:
    """The cases of one file."""
    found = []
    for block in re.split(r"^=== ", (CASES / name).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, rest = block.partition("\n")
        query, _, rest = rest.partition("--- findings\n")
        findings, _, mended = rest.partition("--- mended\n")
        found.append(
            Case(
                name=title,
                query=query.rstrip("\n"),
                findings=tuple(findings.split("\n")) if findings.strip() else (),
                mended=mended.rstrip("\n") or None,
            )
        )
    return tuple(
        Case(name=c.name, query=c.query, findings=tuple(f for f in c.findings if f), mended=c.mended) for c in found
    )


def said(diagnostics: Sequence[Diagnostic], query: str) -> tuple[str, ...]:
    """Diagnostics in the form of a case's findings."""
    found = []
    for d in diagnostics:
        line = query.count("\n", 0, d.start) + 1
        column = d.start - query.rfind("\n", 0, d.start)
        found.append(f"{line}:{column} {d.code}{'*' if d.edits else ''}")
    return tuple(found)
