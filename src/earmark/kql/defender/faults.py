"""A diagnostic of Microsoft's service in plain words, with the repair where there is a mechanical one.

A rule a kind of fault; each gets the diagnostic and the scene of its text and gives a better diagnostic, or None when
the fault is not of its kind. Code and place stay Microsoft's. Repairs change code only, never a string or a comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from earmark.kql.base import Diagnostic, Edit
from earmark.kql.defender.hints import hint_for, name_hint, near_hint
from earmark.kql.defender.lexer import Kind, Token, closing
from earmark.kql.defender.missing_table import explain_missing_table
from earmark.kql.defender.renames import MERGED_COLUMNS, OLD_COLUMNS, OLD_TABLES, Rename
from earmark.kql.defender.scene import Scene, listed, same_but_for_case
from earmark.kql.defender.vocabulary import ENRICHMENTS, FUNCTIONS, OPERATORS

NAME_FAULTS = frozenset({"KS142", "KS204", "KS211"})
"""Unknown column or variable, unknown table, unknown function."""
_Rule = Callable[[Diagnostic, Scene], Diagnostic | None]


def explain(diagnostic: Diagnostic, scene: Scene) -> Diagnostic:
    """The diagnostic with our words, hint and edits; offsets are those of the scene's text."""
    for rule in _RULES:
        found = rule(diagnostic, scene)
        if found is not None:
            return found
    return replace(diagnostic, hint=hint_for(diagnostic, scene))


def _span(diagnostic: Diagnostic, scene: Scene) -> str:
    return scene.text[diagnostic.start : diagnostic.end]


def _exchange(diagnostic: Diagnostic, text: str) -> tuple[Edit, ...]:
    return (Edit(start=diagnostic.start, end=diagnostic.end, text=text),)


def _count_with_argument(diagnostic: Diagnostic, scene: Scene) -> Diagnostic | None:
    """`count(Column)`, as in SQL."""
    if diagnostic.code not in ("KS107", "KS119", "KS191"):
        return None
    for index in range(len(scene.words) - 1):
        if scene.words[index].text != "count" or scene.words[index + 1].text != "(":
            continue
        opening, end = scene.words[index + 1], closing(scene.words, index + 1)
        if end == len(scene.words) or not scene.words[index].start <= diagnostic.start < scene.words[end].start:
            continue
        inside = scene.text[opening.end : scene.words[end].start]
        plain = "//" not in inside and not any(w.kind is Kind.STRING for w in scene.words[index + 2 : end])
        argument = inside.strip()
        return replace(
            diagnostic,
            message=f"count() counts rows and takes no argument, but is given '{argument}'.",
            hint="Write count(). dcount(…) counts distinct values, countif(…) the rows that satisfy a condition.",
            edits=(Edit(start=opening.end, end=scene.words[end].start, text=""),) if plain else (),
        )
    return None


def _unknown_name(diagnostic: Diagnostic, scene: Scene) -> Diagnostic | None:
    """A name that does not bind: one of the past, or in the wrong case, or none that is known."""
    name = _span(diagnostic, scene)
    if diagnostic.code not in (*NAME_FAULTS, "KS145") or re.fullmatch(r"[^\W\d]\w*", name) is None:
        return None
    if diagnostic.code == "KS211":
        return _unknown_function(diagnostic, name)
    if name in OLD_TABLES and name not in scene.declared:
        return _old_table(diagnostic, scene, OLD_TABLES[name])
    today = _column_of_today(name, scene) if diagnostic.code in ("KS142", "KS145") else None
    if today is not None:
        merged = today in MERGED_COLUMNS
        return replace(
            diagnostic,
            message=f"There is no column '{name}': {_since(OLD_COLUMNS.get(name), merged)} '{today}'.",
            hint=f"Look into {today}, which holds other values." if merged else f"Write {today}.",
            edits=() if merged else _exchange(diagnostic, today),
        )
    return _near_name(diagnostic, scene, name) if diagnostic.code in NAME_FAULTS else None


def _since(rename: Rename | None, merged: bool) -> str:
    if rename is None:
        return "it is now called"
    if not rename.since:
        return "it is written"
    return f"since {rename.since} it is {'part of' if merged else 'called'}"


def _old_table(diagnostic: Diagnostic, scene: Scene, rename: Rename) -> Diagnostic:
    fitting = scene.tables_that_fit(rename.new)
    new = rename.new[0] if len(rename.new) == 1 else (fitting[0] if fitting else None)
    if new is not None:
        rest = tuple(name for name in rename.new if name != new)
        more = f"; {listed(rest)} holds the rest, joined on its id" if rest else ""
        return replace(
            diagnostic,
            message=f"There is no table '{rename.old}': since {rename.since} it is called '{new}'{more}.",
            hint=f"Write {new}.",
            edits=_exchange(diagnostic, new) if new in scene.tables else (),
        )
    return replace(
        diagnostic,
        message=f"There is no table '{rename.old}': since {rename.since} its rows are in {listed(rename.new)}.",
        hint=f"No one of them has every column used here: join {listed(rename.new)} on the id they share.",
    )


def _column_of_today(name: str, scene: Scene) -> str | None:
    """The column meant by an old name, or by a name made of one (`dcount_MachineId`)."""
    rename = OLD_COLUMNS.get(name)
    if rename is not None:
        new = rename.new[0]
        if rename.tables and not scene.named & set(rename.tables):
            return None
        return new if not scene.named or new in scene.names() else None
    # Names that the service makes: dcount_MachineId of a summarize, MachineId1 of a join.
    made = "_".join(_part_of_today(part) for part in name.split("_"))
    if made != name:
        return made
    # count(X) named its column count_X; count() names it count_.
    return "count_" if re.match(r"count_\w", name) and "count" in {word.text for word in scene.words} else None


def _part_of_today(part: str) -> str:
    bare = part.rstrip("0123456789")
    rename = OLD_COLUMNS.get(part) or OLD_COLUMNS.get(bare)
    if rename is None:
        return part
    return rename.new[0] + ("" if part in OLD_COLUMNS else part[len(bare) :])


def _near_name(diagnostic: Diagnostic, scene: Scene, name: str) -> Diagnostic:
    is_table = diagnostic.code == "KS204"
    among = (frozenset() if is_table else scene.names()) | scene.tables.keys() | scene.declared
    what = "table" if is_table else "column, list or value"
    meant = same_but_for_case(name, among)
    message = f"There is no {what} '{name}' here."
    if meant is not None:
        message = f"There is no {what} '{name}' here: names are case-sensitive, it is written '{meant}'."
        return replace(diagnostic, message=message, hint=f"Write {meant}.", edits=_exchange(diagnostic, meant))
    return replace(diagnostic, message=message, hint=name_hint(name, among, scene, is_table=is_table))


def _unknown_function(diagnostic: Diagnostic, name: str) -> Diagnostic:
    meant = same_but_for_case(name, FUNCTIONS)
    if meant is not None:
        message = f"There is no function '{name}': names are case-sensitive, it is written '{meant}'."
        return replace(diagnostic, message=message, hint=f"Write {meant}.", edits=_exchange(diagnostic, meant))
    hint = near_hint(name, FUNCTIONS)
    return replace(diagnostic, message=f"There is no function '{name}'.", hint=hint)


def _unknown_operator(diagnostic: Diagnostic, scene: Scene) -> Diagnostic | None:
    name = _span(diagnostic, scene)
    if diagnostic.code != "KS176" or re.fullmatch(r"[^\W\d]\w*", name) is None:
        return None
    if name in ENRICHMENTS:
        return None
    meant = same_but_for_case(name, OPERATORS)
    hint = f"Write {meant}." if meant else near_hint(name, OPERATORS)
    edits = () if meant is None else _exchange(diagnostic, meant)
    return replace(diagnostic, message=f"There is no operator '{name}'.", hint=hint, edits=edits)


def _single_equals(diagnostic: Diagnostic, scene: Scene) -> Diagnostic | None:
    """`where a = 1`: in KQL one sign names a column and two compare."""
    sign = _equals_sign(diagnostic, scene)
    if sign is None:
        return None
    return replace(
        diagnostic,
        message="One '=' does not compare: it gives a name to a column.",
        hint="Write == to compare, or =~ to compare without regard to case.",
        edits=(Edit(start=sign.start, end=sign.end, text="=="),),
    )


def _equals_sign(diagnostic: Diagnostic, scene: Scene) -> Token | None:
    """The sign that is to blame: inside the fault, or before an `and` that then lacks its left condition."""
    if diagnostic.code in ("KS141", "KS198"):
        first, last = diagnostic.start, max(diagnostic.end, diagnostic.start + 1)
    elif diagnostic.code == "KS106" and _span(diagnostic, scene) in ("and", "or"):
        pipes = (w.start for w in scene.words if w.text == "|" and w.start < diagnostic.start)
        first, last = max(pipes, default=0), diagnostic.start
    else:
        return None
    near = [at for at, w in enumerate(scene.words) if first <= w.start < last and w.text == "=" and w.kind is Kind.MARK]
    at = next(iter(near if diagnostic.code != "KS106" else reversed(near)), None)
    return scene.words[at] if at is not None and _operator_before(scene, at) in ("where", "filter") else None


def _operator_before(scene: Scene, index: int) -> str:
    """The operator that the word at this index belongs to."""
    depth = 0
    for at in range(index - 1, -1, -1):
        word = scene.words[at]
        if word.kind is Kind.MARK:
            depth += (word.text in ")]}") - (word.text in "([{")
            if word.text == "|" and depth <= 0:
                return scene.words[at + 1].text
    return ""


def _sign_for_word(diagnostic: Diagnostic, scene: Scene) -> Diagnostic | None:
    """`&&` and `||`, as in other languages."""
    start = diagnostic.start if diagnostic.code == "KS002" else diagnostic.start - 1
    word = {"&&": "and", "||": "or"}.get(scene.text[start : start + 2]) if start >= 0 else None
    if word is None or diagnostic.code not in ("KS002", "KS176"):
        return None
    sign = scene.text[start : start + 2]
    edit = Edit(start=start, end=start + 2, text=word)
    return replace(diagnostic, message=f"'{sign}' is not an operator of KQL.", hint=f"Write {word}.", edits=(edit,))


_RULES: tuple[_Rule, ...] = (
    explain_missing_table,
    _count_with_argument,
    _unknown_name,
    _sign_for_word,
    _unknown_operator,
    _single_equals,
)
