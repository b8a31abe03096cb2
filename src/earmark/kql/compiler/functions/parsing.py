"""Functions that take texts apart or put them together in a way of their own: paths, comma-separated values, characters
by number.
"""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.functions.base import Builder, Call, template
from earmark.kql.compiler.literals import constant
from earmark.kql.compiler.scalar import Scalar

_MARKS: Final = 0xFDD0
"""The first of 32 characters that Unicode keeps free for such uses."""


def _replace_strings(call: Call) -> Scalar:
    """Each text that is looked for takes its places before the next; what is put in is not looked at again."""
    sought, put = call.constant(1), call.constant(2)
    if not isinstance(sought, list) or not isinstance(put, list) or len(sought) != len(put) or len(sought) > 32:
        raise call.refuse("what is looked for and what is put in must be two constant arrays of one length, up to 32")
    if not all(isinstance(one, str) and one for one in sought):
        raise call.refuse("what is looked for must be strings that are not empty", 1)
    if any(chr(_MARKS + at) in one for one in sought for at in range(32)):
        raise call.refuse("this character is not known here", 1)
    text = call.scope.hoist(call.text(0)).sql
    sql = text
    for at, one in enumerate(sought):
        sql = f"replace({sql}, {constant(one, 'string').sql}, chr({_MARKS + at}))"
    for at, (one, other) in enumerate(zip(sought, put, strict=True)):
        shown = constant(other if isinstance(other, str) else one, "string")
        sql = f"replace({sql}, chr({_MARKS + at}), {shown.sql})"
    marked = f"regexp_matches({text}, '[\\x{{{_MARKS:X}}}-\\x{{{_MARKS + 31:X}}}]')"
    return call.give(
        f"CASE WHEN {marked} THEN error('replace_strings: the text holds U+FDD0 to U+FDEF') ELSE {sql} END"
    )


def _characters(call: Call) -> Scalar:
    """Characters by their numbers, which may be given in arrays."""
    parts = []
    for position, argument in enumerate(call.arguments):
        if argument.type in ("int", "long"):
            parts.append(f"chr({argument.inner}::INTEGER)")
            continue
        if argument.is_null:
            raise call.refuse("null is no array", position)
        items = call.macro("k_items", call.as_type(position, "dynamic"))
        parts.append(f"array_to_string(list_transform({items}, lambda e: chr(e::INTEGER)), '')")
    return call.give(" || ".join(f"coalesce({part}, '')" for part in parts), "string")


PARSING: Final[dict[str, Builder]] = {
    "parse_csv": template("k_csv({0})", ["string"], "dynamic", nullable=False),
    "parse_path": template("k_path({0})", ["string"], "dynamic", nullable=False),
    "replace_strings": _replace_strings,
    "url_encode": template("replace(k_url_encode({0}), '%20', '+')", ["string"]),
    "url_encode_component": template("k_url_encode({0})", ["string"]),
    "unicode_codepoints_from_string": template("k_code_points({0})", ["string"], "dynamic", nullable=False),
    "unicode_codepoints_to_string": _characters,
    "make_string": _characters,
}
"""Name → mapping."""
