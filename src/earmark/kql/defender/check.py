"""The door of this room: everything to say of a Defender query.

In come the text, the tables it may name and a function that binds a text with Microsoft's service; out come
Microsoft's diagnostics (code and place theirs, words and repairs ours), the faults that show only once the first ones
are repaired, and warnings on what binds but may not tag what its author thinks. All are plain values in offsets of
the text as given, so that they can be cached with the rest of what is known of a query.
"""

from __future__ import annotations

from dataclasses import replace

from earmark.kql.base import Diagnostic, Tables
from earmark.kql.defender.lints import check_rule
from earmark.kql.defender.old_names import check_old_names
from earmark.kql.defender.reading import Reader, Reading
from earmark.kql.defender.repair import repair

__all__ = ["Reader", "Reading", "check_query"]


def check_query(query: str, tables: Tables, read: Reader, first: Reading | None = None) -> tuple[Diagnostic, ...]:
    """Every diagnostic of a query, in the order of its text; `first` spares reading the text once more.

    The edits of all diagnostics never touch each other. Made all at once they give a text that was bound again: it
    holds no error but those that came without a repair.
    """
    faults, draft, reading = repair(query, tables, read, first or read(query))
    found = list(faults)
    if reading.binds:
        old_names, draft, reading = check_old_names(draft, tables, read, reading)
        found.extend(old_names)
        for warning in check_rule(reading, draft.text):
            start, end = draft.place(warning.start, warning.end)
            # What a repair put in has no length in the original: point at what follows.
            found.append(replace(warning, start=start, end=end if end > start else min(start + 1, len(query))))
    return tuple(sorted(found, key=lambda d: (d.start, d.end, d.code)))
