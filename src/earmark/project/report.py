"""Findings as documents: JSON for programs, one line each for people."""

from __future__ import annotations

from typing import Any

from earmark.model.finding import Finding


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding as an item of the list that `check` prints as JSON."""
    return {
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "hint": finding.hint,
        "fixable": finding.fixable,
    }


def render_finding(finding: Finding) -> str:
    """`file:line:column CODE message`, on one line whatever the message quotes."""
    message = " ".join(finding.message.split())
    return f"{finding.file}:{finding.line}:{finding.column} {finding.code} {message}"
