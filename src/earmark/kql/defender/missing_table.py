"""A query that begins with a pipe or with an operator: which table was meant, and where it goes."""

from __future__ import annotations

import re
from dataclasses import replace

from earmark.kql.base import Diagnostic, Edit
from earmark.kql.defender.lexer import Kind
from earmark.kql.defender.scene import Scene, listed


def explain_missing_table(diagnostic: Diagnostic, scene: Scene) -> Diagnostic | None:
    """A statement that begins with a pipe or with an operator."""
    index = scene.index_at(diagnostic.start)
    at_pipe = diagnostic.code == "KS198" and scene.text[diagnostic.start : diagnostic.end] == "|"
    if index is None or not (at_pipe or diagnostic.code == "KS174"):
        return None
    before = scene.words[index - 1] if index else None
    if before is not None and before.text != ";":
        return None
    if before is not None and at_pipe and not _ends_a_let(scene, index - 1):
        return replace(
            diagnostic,
            message="The semicolon ends the query, so this pipe has no table before it.",
            hint="Remove the semicolon.",
            edits=(Edit(start=before.start, end=before.end, text=""),),
        )
    fitting = scene.tables_that_fit()
    choice = scene.clear_choice(fitting)
    first = "a pipe" if at_pipe else f"'{scene.text[diagnostic.start : diagnostic.end]}'"
    return replace(
        diagnostic,
        message=f"The query starts with {first}: no table is named before it.",
        hint=_fit_hint(scene, fitting, choice),
        edits=() if choice is None else (_table_before(diagnostic, scene, choice, at_pipe),),
    )


def _ends_a_let(scene: Scene, semicolon: int) -> bool:
    """Whether the statement that this semicolon ends declares something, so that the query is yet to come."""
    depth = 0
    for index in range(semicolon - 1, -1, -1):
        text = scene.words[index].text
        depth += (text in ")]}") - (text in "([{") if scene.words[index].kind is Kind.MARK else 0
        if text == ";" and depth == 0:
            return scene.words[index + 1].text in ("let", "set", "declare", "alias", "restrict")
    return scene.words[0].text in ("let", "set", "declare", "alias", "restrict")


def _table_before(diagnostic: Diagnostic, scene: Scene, table: str, at_pipe: bool) -> Edit:
    """The table, on a line of its own where the query's pipes begin lines."""
    line_start = scene.text.rfind("\n", 0, diagnostic.start) + 1
    indent = scene.text[line_start : diagnostic.start]
    own_line = not indent.strip() and re.search(r"\n\s*\|", scene.text[diagnostic.end :]) is not None
    join = f"\n{indent}" if own_line else " "
    return Edit(start=diagnostic.start, end=diagnostic.start, text=table + join + ("" if at_pipe else "| "))


def _fit_hint(scene: Scene, fitting: tuple[str, ...], choice: str | None) -> str:
    used = ", ".join(sorted(scene.used_columns()))
    if choice is not None:
        others = f"; {listed(fitting[1:4])} would fit too" if len(fitting) > 1 else ""
        return f"Begin with {choice}: it has the columns used here ({used}){others}."
    if fitting:
        return f"Begin with a table; {listed(fitting[:5])} have the columns used here ({used}), so the choice is yours."
    return "Begin with a table, such as DeviceLogonEvents." + (
        f" None has all the columns used here ({used})." if used else ""
    )
