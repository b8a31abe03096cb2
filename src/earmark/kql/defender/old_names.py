"""Old names that still bind: aggregates and operators in their old spelling, tables of the past.

Microsoft's service takes them silently. In comes a draft that binds, out come a warning for each, and the draft with
the present names; a repair counts only when the text still binds and gives the same columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from earmark.kql.base import Diagnostic, Edit, Tables, Weight
from earmark.kql.defender.draft import Draft
from earmark.kql.defender.lexer import Kind, Token, arguments, closing
from earmark.kql.defender.reading import Reader, Reading
from earmark.kql.defender.renames import OLD_AGGREGATES, OLD_FUNCTIONS, OLD_OPERATORS
from earmark.kql.defender.scene import Scene
from earmark.kql.defender.tables import Standing, known_tables

_PREFIX = {"argmax": "max_", "argmin": "min_", "any": "any_", "anyif": "anyif_", "make_dictionary": "dictionary_"}
"""How the old aggregates name a result column: this before the column's name."""


_TRIES = 24
"""How often the text is bound to find a repair; what is left then gets none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OldName:
    """One old name in the draft's text, with the repairs to try, best first."""

    code: str
    word: Token
    message: str
    hint: str
    repairs: tuple[tuple[Edit, ...], ...]
    note: str = ""
    """What to look at when the repair could not keep every column's name."""
    may_rename: str | None = None
    """Result columns that begin so may lose their names; None: every column must stay as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repair:
    """What was done about one old name."""

    edits: tuple[Edit, ...] = ()
    """Edits of the original; none where nothing held."""
    kept_columns: bool = False
    """Whether every column of the result kept its name."""

    @classmethod
    def of(cls, way: tuple[Edit, ...], draft: Draft, *, kept_columns: bool = True) -> _Repair:
        """A repair of the draft's text as one of the original; empty when it touches what was already edited."""
        back = tuple(edit for edit in map(draft.back, way) if edit is not None)
        return cls(edits=back if len(back) == len(way) else (), kept_columns=kept_columns)


def check_old_names(
    draft: Draft, tables: Tables, read: Reader, reading: Reading
) -> tuple[tuple[Diagnostic, ...], Draft, Reading]:
    """A warning for each old name; the draft with the repairs made; and its reading."""
    scene = Scene.of(draft.text, tables)
    found = (*_old_spellings(scene), *_tables_of_the_past(scene))
    made, mended, reading = _mend(found, draft, read, reading)
    warnings = []
    for old, repair in zip(found, made, strict=True):
        start, end = draft.place(old.word.start, old.word.end)
        hint = old.hint if repair.kept_columns else old.hint + old.note
        warnings.append(
            Diagnostic(
                code=old.code,
                weight=Weight.WARNING,
                message=old.message,
                start=start,
                end=end,
                hint=hint,
                edits=repair.edits,
            )
        )
    return tuple(warnings), mended, reading


def _mend(
    found: tuple[_OldName, ...], draft: Draft, read: Reader, reading: Reading
) -> tuple[tuple[_Repair, ...], Draft, Reading]:
    """A repair for each old name: all by their first ways or all by their last when that holds, else one by one."""
    for pick in (0, -1) if len(found) > 1 else ():
        ways = tuple(_Repair.of(old.repairs[pick] if old.repairs else (), draft) for old in found)
        if all(repair.edits for repair in ways):
            trial = draft.with_edits([edit for repair in ways for edit in repair.edits])
            trial_reading = read(trial.text)
            if trial_reading.binds and trial_reading.columns == reading.columns:
                return ways, trial, trial_reading
    made = []
    mended = draft
    tries = _TRIES
    for old in found:
        repair = _Repair()
        for way, lenient in [*((r, False) for r in old.repairs), *((r, True) for r in old.repairs[:1])]:
            offered = _Repair.of(way, draft, kept_columns=not lenient)
            tries -= 1
            if not offered.edits or tries < 0:
                continue
            trial = mended.with_edits(offered.edits)
            trial_reading = read(trial.text)
            if trial_reading.binds and _same_result(trial_reading, reading, old.may_rename if lenient else None):
                repair, mended, reading = offered, trial, trial_reading
                break
        made.append(repair)
    return tuple(made), mended, reading


def _same_result(mended: Reading, reading: Reading, may_rename: str | None) -> bool:
    """Whether a repair kept the result's columns, but for those that may be renamed."""
    if mended.columns == reading.columns or may_rename is None or reading.columns is None or mended.columns is None:
        return mended.columns == reading.columns
    return {c for c in reading.columns if not c[0].startswith(may_rename)} <= set(mended.columns)


def _old_spellings(scene: Scene) -> Iterator[_OldName]:
    for index, word in enumerate(scene.words):
        after = scene.words[index + 1].text if index + 1 < len(scene.words) else ""
        before = scene.words[index - 1].text if index else ""
        if word.kind is not Kind.NAME or word.text in scene.declared or before == ".":
            continue
        if word.text in OLD_AGGREGATES and after == "(":
            new, what = OLD_AGGREGATES[word.text], "function"
            repairs = (_exchange(word, new), *_named_repair(scene.words, index, new))
        elif word.text in OLD_FUNCTIONS and after == "(":
            new, what = OLD_FUNCTIONS[word.text], "function"
            repairs = (_exchange(word, new),)
        elif word.text in OLD_OPERATORS and before == "|":
            new, what = OLD_OPERATORS[word.text], "operator"
            repairs = (_exchange(word, new),)
        else:
            continue
        note = ""
        if word.text in _PREFIX:
            note = f" {new} does not begin the names of its columns with {_PREFIX[word.text]}: check them."
        yield _OldName(
            code="EK109",
            word=word,
            message=f"'{word.text}' is the old name of the {what} '{new}'.",
            hint=f"Write {new}.",
            note=note,
            repairs=repairs,
            may_rename=_PREFIX.get(word.text),
        )


def _exchange(word: Token, new: str) -> tuple[Edit, ...]:
    return (Edit(start=word.start, end=word.end, text=new),)


def _named_repair(words: tuple[Token, ...], index: int, new: str) -> Iterator[tuple[Edit, ...]]:
    """The new name with the result columns named as the old one named them."""
    old = words[index]
    if old.text not in _PREFIX:
        return
    parts = [
        part[0].text if len(part) == 1 and part[0].kind is Kind.NAME else "" for part in arguments(words, index + 1)
    ]
    if old.text in ("anyif", "make_dictionary"):
        parts = parts[:1]
    prefix = _PREFIX[old.text]
    names = [
        prefix + (part if place == 0 or old.text == "any" else f"{parts[0]}_{part}") for place, part in enumerate(parts)
    ]
    given, edit_names = _given_names(words, index)
    if not parts or "" in parts or len(given) >= len(names):
        return
    names = [*given, *names[len(given) :]]
    listed = names[0] if len(names) == 1 else f"({', '.join(names)})"
    if edit_names is None:
        yield (Edit(start=old.start, end=old.end, text=f"{listed} = {new}"),)
    else:
        first, last = edit_names
        yield Edit(start=first.start, end=last.end, text=listed), *_exchange(old, new)


def _given_names(words: tuple[Token, ...], index: int) -> tuple[list[str], tuple[Token, Token] | None]:
    """The names before the call's `=`, with their first and last words."""
    if index < 2 or words[index - 1].text != "=":
        return [], None
    last = index - 2
    if words[last].text != ")":
        return [words[last].text], (words[last], words[last])
    first = next((at for at in range(last, -1, -1) if words[at].text == "(" and closing(words, at) == last), last)
    return [word.text for word in words[first + 1 : last] if word.kind is Kind.NAME], (words[first], words[last])


def _tables_of_the_past(scene: Scene) -> Iterator[_OldName]:
    known = known_tables()
    for index, word in enumerate(scene.words):
        table = known.get(word.text)
        before = scene.words[index - 1].text if index else ""
        if word.kind is not Kind.NAME or table is None or word.text in scene.declared or before == ".":
            continue
        if table.standing in (Standing.CURRENT, Standing.WORKSPACE):
            continue
        fitting = scene.tables_that_fit(table.successors)
        new = table.successors if len(table.successors) == 1 else fitting
        today = " and ".join(table.successors)
        yield _OldName(
            code="EK110",
            word=word,
            message=f"'{word.text}' is a table of the past: its rows are in {today} today.",
            hint=f"Write {' or '.join(new or table.successors)}; the old name finds nothing.",
            repairs=tuple(_exchange(word, name) for name in new),
            may_rename="",
        )
