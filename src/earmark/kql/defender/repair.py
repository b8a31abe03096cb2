"""Faults of a query, explained and repaired in rounds until its text binds or no repair is left.

Microsoft's service says where a fault is; the rules say what it means and how to mend it. A repair counts only when
the text bound again has no fault left at its place. A fault without a repair that goes away when others are mended
was their consequence, and is not told.
"""

from __future__ import annotations

from dataclasses import replace

from earmark.kql.base import Diagnostic, Edit, Tables, Weight
from earmark.kql.defender.draft import Draft, touch
from earmark.kql.defender.faults import NAME_FAULTS, explain
from earmark.kql.defender.reading import Reader, Reading
from earmark.kql.defender.scene import Scene

_ROUNDS = 12
"""More rounds than a query of many layers has needed; each binds the text once or twice."""
_TRIES = 3
"""How often a round may leave out what did not hold and try the rest."""
_LOST_THREAD = frozenset({"KS117", "KS176"})
"""A function without its arguments, an operator that there is not: what comes after has no table to its names."""
_Key = tuple[str, int, int]


def repair(query: str, tables: Tables, read: Reader, reading: Reading) -> tuple[tuple[Diagnostic, ...], Draft, Reading]:
    """The faults, at their places in `query`, with their edits; the draft with those edits made; and its reading."""
    draft = Draft(original=query)
    mended: list[Diagnostic] = []
    refused: set[_Key] = set()
    told = _explain_all(draft, tables, reading, refused)
    for _ in range(_ROUNDS):
        offered = _untouching([fault for fault in told if fault.edits])
        if not offered:
            break
        draft, reading, accepted = _try(draft, read, reading, offered)
        mended.extend(accepted)
        refused |= {_key(fault) for fault in offered} - {_key(fault) for fault in accepted}
        told = _explain_all(draft, tables, reading, refused)
    columns = Scene.of(draft.text, tables).columns()
    left = [replace(fault, edits=()) for fault in told if not _follows(fault, told, query, columns)]
    return (*mended, *left), draft, reading


def _explain_all(draft: Draft, tables: Tables, reading: Reading, refused: set[_Key]) -> list[Diagnostic]:
    """The reading's diagnostics in our words; places and edits are those of the original."""
    scene = Scene.of(draft.text, tables)
    told = []
    for diagnostic in reading.diagnostics:
        fault = explain(diagnostic, scene) if diagnostic.weight is Weight.ERROR else diagnostic
        start, end = draft.place(fault.start, fault.end)
        back = [draft.back(edit) for edit in fault.edits]
        edits = () if None in back else tuple(edit for edit in back if edit is not None)
        placed = replace(fault, start=start, end=end, edits=edits)
        told.append(replace(placed, edits=()) if _key(placed) in refused else placed)
    return told


def _untouching(faults: list[Diagnostic]) -> list[Diagnostic]:
    """The faults whose edits can be made together; the others wait for the next round."""
    chosen: list[Diagnostic] = []
    taken: list[Edit] = []
    for fault in faults:
        if not any(touch(edit, other) for edit in fault.edits for other in taken):
            chosen.append(fault)
            taken.extend(fault.edits)
    return chosen


def _try(
    draft: Draft, read: Reader, reading: Reading, offered: list[Diagnostic]
) -> tuple[Draft, Reading, list[Diagnostic]]:
    """The draft with those repairs made that left no fault at their places."""
    accepted = offered
    for _ in range(_TRIES):
        if not accepted:
            break
        trial = draft.with_edits([edit for fault in accepted for edit in fault.edits])
        trial_reading = read(trial.text)
        if not trial_reading.binds and not trial_reading.errors:
            break
        left = [(error.code, *trial.place(error.start, error.end)) for error in trial_reading.errors]
        sound = [fault for fault in accepted if not any(_remains(fault, key) for key in left)]
        if len(sound) == len(accepted):
            return trial, trial_reading, accepted
        accepted = sound
    return draft, reading, []


def _remains(fault: Diagnostic, key: _Key) -> bool:
    """Whether a fault of the mended text is this one again: of its kind, and on what one of its edits wrote."""
    code, start, end = key
    alike = code == fault.code or (code in NAME_FAULTS and fault.code in NAME_FAULTS)
    return alike and any(start == edit.start or (start < edit.end and edit.start < end) for edit in fault.edits)


def _follows(fault: Diagnostic, told: list[Diagnostic], query: str, columns: frozenset[str]) -> bool:
    """Whether a fault only follows from one before it, where the service lost the thread of the text."""
    before = {other.code for other in told if other.start <= fault.start and other is not fault}
    if fault.code == "KS005":
        return bool(before & _LOST_THREAD)
    return (
        fault.code == "KS142" and query[fault.start : fault.end] in columns and bool(before & {*_LOST_THREAD, "KS005"})
    )


def _key(fault: Diagnostic) -> _Key:
    return fault.code, fault.start, fault.end
