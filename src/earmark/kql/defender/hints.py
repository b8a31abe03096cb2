"""Plain hints for Microsoft's commonest diagnostics: what its sentence does not say."""

from __future__ import annotations

import re
from collections.abc import Iterable

from earmark.kql.base import Diagnostic
from earmark.kql.defender.scene import Scene, nearest
from earmark.kql.defender.tables import DEVICE_TELEMETRY
from earmark.kql.defender.vocabulary import ENRICHMENTS

_EMPTY_LINE = re.compile(r"[ \t]*\n[ \t]*\n")


def near_hint(name: str, among: Iterable[str]) -> str:
    """The names that may be meant."""
    if name in ENRICHMENTS:
        return _enrichment(name)
    near = nearest(name, among)
    return f"Did you mean {' or '.join(near)}?" if near else ""


def name_hint(name: str, among: Iterable[str], scene: Scene, *, is_table: bool) -> str:
    """What to do about an unknown column, value or table."""
    if name.lower() in ("select", "from") and scene.words[0].text.lower() == "select":
        return "This is SQL; KQL names the table first: DeviceLogonEvents | where … | project …."
    if is_table:
        return (
            near_hint(name, among) or "Name a table of advanced hunting, a list of the project, or a let of this query."
        )
    givers = [table for table in sorted(scene.named) if name in (column for column, _ in scene.tables[table])]
    if givers:
        kept = "after summarize, project or distinct a column is there only if it is named in them"
        return f"{givers[0]} has such a column, but it does not reach this place: {kept}."
    near = near_hint(name, among)
    if near:
        return near
    others = sorted(
        (table for table, columns in scene.tables.items() if name in (column for column, _ in columns)),
        key=lambda table: (table not in DEVICE_TELEMETRY, table),
    )
    if others:
        return f"It is a column of {' and '.join(others[:3])}{', among others' if len(others) > 3 else ''}."
    tables = sorted(scene.named)
    return f"The columns of {' and '.join(tables[:3])} are in the reference of tables." if tables else ""


def hint_for(diagnostic: Diagnostic, scene: Scene) -> str:
    """What to do, for a diagnostic that no rule explains; empty where Microsoft's sentence says it all."""
    span = scene.text[diagnostic.start : diagnostic.end]
    rest = scene.text[diagnostic.start :]
    if any(rest.startswith(quote) for quote in "‘’“”"):
        return "This is a typographic quotation mark; write ' or \"."
    if diagnostic.code == "KS204" and span.startswith("["):
        return "A query reads the estate's tables and the project's lists alone, never a file."
    if span in ENRICHMENTS:
        return _enrichment(span)
    if span == "not" and diagnostic.code == "KS117":
        after = rest[3:].lstrip().partition(" ")[0].partition("(")[0]
        if after in ("in", "in~", "contains", "has", "startswith", "endswith", "between"):
            return f"Write !{after}."
        return "not is a function: write not(…)."
    if diagnostic.code == "KS107" and "timespan" in diagnostic.message and span.isdigit():
        return f"Give the number a unit: {span}d is {span} days, {span}h {span} hours."
    if diagnostic.code == "KS106" and "datetime and string" in diagnostic.message:
        return "Compare with a datetime: datetime(2026-01-31) or ago(7d)."
    if diagnostic.code == "KS106" and span in ("and", "or"):
        return f"Each side of {span} must be a condition of its own: a == 1 {span} a == 2, or a in (1, 2)."
    if diagnostic.code == "KS144":
        return "Aggregates belong into summarize: summarize n = count() by DeviceId | where n > 5."
    if diagnostic.code == "KS001":
        return "Close the string with the quotation mark that opened it."
    if diagnostic.code == "KS005" and _EMPTY_LINE.match(rest):
        return "An empty line parts two queries in Defender's portal; a text here is one query. Keep one of them."
    if diagnostic.code == "KS005" and "Expected: ;" in diagnostic.message:
        return "Something is missing before this place: a pipe, an operator, or a semicolon after a let."
    return _BY_CODE.get(diagnostic.code, "")


_BY_CODE = {
    "KS006": "Complete the expression, or remove the comma or pipe before it.",
    "KS109": "Give the name of a column.",
    "KS119": "Give the function as many arguments as it takes.",
    "KS141": "A condition compares: write == for equal, =~ for equal without regard to case.",
}


def _enrichment(name: str) -> str:
    return f"{name} asks Microsoft's cloud, which this engine cannot; leave it out, or keep what it gives in a list."
