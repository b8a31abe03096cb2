"""The operators that look inside a string: has, contains, startswith, endswith, matches regex and their kin.

A term is a run of letters, digits and characters from U+0080 on; `has` wants its needle set off from other terms,
wherever the needle itself begins or ends with such a character.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from earmark.kql.compiler import regexes
from earmark.kql.compiler.conversions import call_macro, read, to_text
from earmark.kql.compiler.literals import constant
from earmark.kql.compiler.macros import TERM
from earmark.kql.compiler.regexes import RegexError
from earmark.kql.compiler.scalar import Scalar, quoted
from earmark.kql.compiler.scope import Scope
from earmark.kql.compiler.tree import Node

_WORD: Final = re.compile(r"[A-Za-z0-9\u0080-\U0010ffff]")
_CASELESS: Final = re.compile(r"[\x00-@\[-`{-\x7f]*")
"""Text in which no character has another case."""
_KIND: Final = re.compile(r"(Not)?(Contains|HasPrefix|HasSuffix|Has|StartsWith|EndsWith)(Cs)?Expression")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """One of the operators."""

    what: str
    """Contains, Has, HasPrefix, HasSuffix, StartsWith or EndsWith."""
    sensitive: bool
    """Whether case matters."""


def looks_inside(kind: str) -> bool:
    """Whether this kind of node is one of the operators with one needle."""
    return _KIND.fullmatch(kind) is not None


def compile_looking(node: Node, left: Scalar, right: Scalar, scope: Scope) -> Scalar:
    """`left contains right` and its kin."""
    found = _KIND.fullmatch(node.kind)
    assert found is not None
    looking = Looking(what=found[2], sensitive=found[3] is not None)
    sql = _test(looking, subject(left, scope, node), subject(right, scope, node), scope)
    return Scalar(sql=f"NOT ({sql})" if found[1] else sql, type="bool", nullable=False)


def subject(value: Scalar, scope: Scope, node: Node) -> Scalar:
    """An operand as text; what is neither string nor dynamic has no text to look into."""
    if value.type not in ("string", "dynamic"):
        raise scope.refuse(node, f"this operator looks into strings, not into a value of type {value.type}")
    return to_text(value, scope)


def _test(looking: Looking, text: Scalar, needle: Scalar, scope: Scope) -> str:
    if looking.what.startswith("Has"):
        if needle.is_const:
            return _has(text.sql, [needle.const], looking)
        before, after = looking.what != "HasSuffix", looking.what != "HasPrefix"
        flags = "" if looking.sensitive else "(?i)"
        return call_macro(scope, "k_has", text, needle, str(before).upper(), str(after).upper(), quoted(flags))
    if needle.is_const and not needle.const:
        return "TRUE"
    if looking.sensitive or (needle.is_const and _CASELESS.fullmatch(needle.const)):
        function = {"Contains": "contains", "StartsWith": "starts_with", "EndsWith": "ends_with"}[looking.what]
        return f"{function}({text.sql}, {needle.sql})"
    if needle.is_const and not re.search(r"[%_\\]", needle.const):
        pattern = {"Contains": "%{}%", "StartsWith": "{}%", "EndsWith": "%{}"}[looking.what].format(needle.const)
        return f"{text.inner} ILIKE {quoted(pattern)}"
    function = {"Contains": "contains", "StartsWith": "starts_with", "EndsWith": "ends_with"}[looking.what]
    return f"{function}(lower({text.sql}), lower({needle.sql}))"


def _has(text: str, needles: list[str], looking: Looking) -> str:
    """Whether any of some constant needles is there."""
    if not needles:
        return "FALSE"
    if "" in needles:
        return "TRUE"
    flags = "" if looking.sensitive else "(?i)"
    pattern = flags + "|".join(_bounded(needles, looking))
    test = f"regexp_matches({text}, {quoted(pattern)})"
    if len(needles) > 1 or re.search(r"[%_\\]", needles[0]):
        return test
    like = "LIKE" if looking.sensitive or _CASELESS.fullmatch(needles[0]) else "ILIKE"
    return f"({text} {like} {quoted('%' + needles[0] + '%')} AND {test})"


def _bounded(needles: list[str], looking: Looking) -> list[str]:
    """The needles as patterns, those with the same bounds gathered under them."""
    before, after = rf"(?:^|[^{TERM}])", rf"(?:$|[^{TERM}])"
    gathered: dict[tuple[bool, bool], list[str]] = {}
    for needle in needles:
        starts = looking.what != "HasSuffix" and _WORD.match(needle) is not None
        ends = looking.what != "HasPrefix" and _WORD.match(needle[-1]) is not None
        gathered.setdefault((starts, ends), []).append(regexes.literal(needle))
    return [
        f"{before if starts else ''}(?:{'|'.join(dict.fromkeys(group))}){after if ends else ''}"
        for (starts, ends), group in gathered.items()
    ]


def compile_many(node: Node, left: Scalar, needles: list[Scalar], scope: Scope) -> Scalar:
    """`left has_any (…)` and `left has_all (…)`; an element may itself be an array."""
    text = subject(left, scope, node)
    every = node.kind == "HasAllExpression"
    constants: list[str] = []
    tests: list[str] = []
    for needle in needles:
        if needle.is_const:
            constants += constant_texts(needle, scope, node)
        elif needle.type == "dynamic":
            tests.append(_in_array(text, needle, scope, every=every))
        else:
            tests.append(_test(Looking(what="Has", sensitive=False), text, subject(needle, scope, node), scope))
    looking = Looking(what="Has", sensitive=False)
    if constants:
        hoisted = scope.hoist(text).sql if every and len(constants) > 1 else text.sql
        tests += [_has(hoisted, [one], looking) for one in constants] if every else [_has(text.sql, constants, looking)]
    if not tests:
        return constant(every, "bool")
    return Scalar(sql=(" AND " if every else " OR ").join(f"({test})" for test in tests), type="bool", nullable=False)


def _in_array(text: Scalar, array: Scalar, scope: Scope, *, every: bool) -> str:
    """Needles known only at run time: a pattern is made only for those that are in the text at all."""
    for name in ("k_has", "k_texts"):
        scope.require_macro(name)
    sought, listed = scope.hoist(text).sql, f"k_texts({scope.hoist(read(array)).sql})"
    there = f"contains(lower({sought}), lower(coalesce(needle, '')))"
    test = f"CASE WHEN {there} THEN k_has({sought}, coalesce(needle, ''), TRUE, TRUE, '(?i)') ELSE FALSE END"
    found = f"len(list_filter({listed}, lambda needle: {test}))"
    return f"coalesce({found} = len({listed}), FALSE)" if every else f"coalesce({found} > 0, FALSE)"


def constant_texts(value: Scalar, scope: Scope, node: Node) -> list[str]:
    """The strings of a constant: itself, or the elements of an array."""
    given: list[Any] = value.const if isinstance(value.const, list) else [value.const]
    texts = []
    for one in given:
        if one is None:
            texts.append("")
        elif isinstance(one, str):
            texts.append(one)
        elif isinstance(one, int) and not isinstance(one, bool):
            texts.append(str(one))
        else:
            raise scope.refuse(node, "only strings can be looked for here")
    return texts


def compile_regex(node: Node, left: Scalar, right: Scalar, scope: Scope) -> Scalar:
    """`left matches regex right`."""
    if not right.is_const or not isinstance(right.const, str):
        raise scope.refuse(node, "the pattern of 'matches regex' must be a constant string here")
    try:
        pattern, _ = regexes.checked(right.const)
    except RegexError as fault:
        raise scope.refuse(node["Right"], f"matches regex: {fault}") from None
    return Scalar(
        sql=f"regexp_matches({subject(left, scope, node).sql}, {quoted(pattern)})", type="bool", nullable=False
    )
