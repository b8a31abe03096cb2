"""Functions of text."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler import regexes
from earmark.kql.compiler.functions.base import Builder, Call, template
from earmark.kql.compiler.literals import constant
from earmark.kql.compiler.regexes import RegexError
from earmark.kql.compiler.scalar import Scalar, quoted

_LONGEST_REPEATED: Final = 2**24
"""Characters that strrep() makes at most."""


def _strcat(call: Call) -> Scalar:
    parts = [call.text(position) for position in range(len(call))]
    if all(part.is_const for part in parts):
        return constant("".join(part.const for part in parts), "string")
    return call.give(" || ".join(part.inner for part in parts))


def _strcat_delim(call: Call) -> Scalar:
    delimiter, *parts = [call.text(position) for position in range(len(call))]
    return call.give(
        f" || {call.scope.hoist(delimiter).inner} || ".join(part.inner for part in parts) if parts else "''"
    )


def _folding(sql: str, fold: str) -> Builder:
    def build(call: Call) -> Scalar:
        value = call.text(0)
        if value.is_const and value.const.isascii():
            return constant(getattr(value.const, fold)(), "string")
        return call.give(sql.format(value.sql))

    return build


def _substring(call: Call) -> Scalar:
    text, start = call.text(0), call.as_type(1, "long")
    if len(call) == 2:
        length: Scalar = constant(2**31 - 1, "long")
    else:
        length = call.as_type(2, "long")
    if start.is_const and start.const is not None and start.const >= 0 and length.is_const and (length.const or 0) > 0:
        return call.give(f"substring({text.sql}, {start.const + 1}, {length.const})")
    return call.give(f"coalesce({call.macro('k_substring', text, start, length)}, '')")


def _split(call: Call) -> Scalar:
    delimiter = call.text(1)
    if not delimiter.is_const or not delimiter.const:
        raise call.refuse("the delimiter must be a constant, not empty", 1)
    parts = f"string_split({call.text(0).sql}, {delimiter.sql})"
    if len(call) == 3:
        index = call.constant(2)
        if not isinstance(index, int) or index < 0:
            raise call.refuse("the index must be a constant of 0 or more", 2)
        parts = f"list_slice({parts}, {index + 1}, {index + 1})"
    return call.give(f"to_json({parts})::VARCHAR", nullable=False)


def _pattern(call: Call, position: int) -> tuple[str, int]:
    """A constant regular expression, checked, and the number of its groups."""
    pattern = call.constant(position)
    if not isinstance(pattern, str):
        raise call.refuse("the pattern must be a constant string", position)
    try:
        return regexes.checked(pattern)
    except RegexError as fault:
        raise call.refuse(str(fault), position) from None


def _extract(call: Call) -> Scalar:
    pattern, groups = _pattern(call, 0)
    group = call.constant(1)
    if not isinstance(group, int) or not 0 <= group <= groups:
        raise call.refuse(f"the group must be a constant from 0 to {groups}", 1)
    found = Scalar(sql=f"regexp_extract({call.text(2).sql}, {quoted(pattern)}, {group})", type="string", nullable=False)
    if len(call) == 3:
        return found
    from earmark.kql.compiler.conversions import convert

    return convert(found, call.constant(3), call.scope, call.node)


def _extract_all(call: Call) -> Scalar:
    pattern, groups = _pattern(call, 0)
    if not 1 <= groups <= 16:
        raise call.refuse("the pattern must have 1 to 16 groups", 0)
    wanted = list(range(1, groups + 1))
    if len(call) == 3:
        names = regexes.group_names(pattern)
        asked = call.constant(1)
        asked = [names.get(one, one) for one in asked] if isinstance(asked, list) else []
        if not asked or not all(type(one) is int and 1 <= one <= groups for one in asked):
            raise call.refuse(f"the groups must be a constant array of names or of numbers from 1 to {groups}", 1)
        wanted = asked
    text = call.scope.hoist(call.text(len(call) - 1)).sql
    found = [f"regexp_extract_all({text}, {quoted(pattern)}, {group})" for group in wanted]
    if len(found) == 1:
        return call.give(f"nullif(to_json({found[0]})::VARCHAR, '[]')")
    row = ", ".join(f"z[{position}]" for position in range(1, len(found) + 1))
    return call.give(f"nullif(to_json(list_transform(list_zip({', '.join(found)}), lambda z: [{row}]))::VARCHAR, '[]')")


def _trim(pattern: str) -> Builder:
    def build(call: Call) -> Scalar:
        inner, groups = _pattern(call, 0)
        del groups
        return call.give(f"regexp_replace({call.text(1).sql}, {quoted(pattern.replace('…', inner))}, '', 'g')")

    return build


def _replacing(text: int, regex: int, rewritten: int) -> Builder:
    return lambda call: _replace_regex(call, text, regex, rewritten)


def _replace_regex(call: Call, text_at: int, regex_at: int, rewrite_at: int) -> Scalar:
    pattern, groups = _pattern(call, regex_at)
    rewrite = call.constant(rewrite_at)
    if not isinstance(rewrite, str) or any(
        rewrite[at + 1 : at + 2] not in set("\\0123456789"[: groups + 2])
        for at, letter in enumerate(rewrite)
        if letter == "\\" and (at == 0 or rewrite[at - 1] != "\\")
    ):
        raise call.refuse(f"the rewrite must be a constant that uses \\0 to \\{groups}", rewrite_at)
    return call.give(f"regexp_replace({call.text(text_at).sql}, {quoted(pattern)}, {quoted(rewrite)}, 'g')")


def _count_of(call: Call) -> Scalar:
    kind = call.constant(2, "normal")
    if kind == "regex":
        pattern, groups = _pattern(call, 1)
        del groups
        return call.give(
            f"len(regexp_extract_all({call.text(0).sql}, {quoted(pattern)}))::BIGINT", "long", nullable=False
        )
    if kind != "normal":
        raise call.refuse("the kind must be 'normal' or 'regex'", 2)
    return call.give(call.macro("k_count_of", call.text(0), call.text(1)), "long", nullable=False)


def _index_of(call: Call) -> Scalar:
    text, wanted = call.text(0), call.text(1)
    if len(call) == 2 and wanted.is_const and wanted.const:
        return call.give(f"(instr({text.sql}, {wanted.sql}) - 1)::BIGINT", "long", nullable=False)
    start, length, occurrence = (call.constant(position, default) for position, default in ((2, 0), (3, -1), (4, 1)))
    if (
        not wanted.is_const
        or not wanted.const
        or not isinstance(occurrence, int)
        or occurrence < 1
        or length is None
        or start is None
    ):
        raise call.refuse("what is looked for and the range must be constants, not empty")
    if length < -1:
        raise call.refuse("the length must be -1 or more", 3)
    return call.give(
        call.macro("k_index_in", text, wanted, str(start), str(length), str(occurrence)), "long", nullable=False
    )


def _hash(function: str) -> Builder:
    def build(call: Call) -> Scalar:
        if len(call) != 1:
            raise call.refuse("is known here with one argument")
        return call.give(f"coalesce({function}(nullif({call.text(0).sql}, '')), '')")

    return build


def _xxhash(call: Call) -> Scalar:
    """A number that follows from a value. The bytes of other types than these are not documented."""
    value = call[0]
    if value.type not in ("string", "long", "datetime"):
        raise call.refuse("a text, a long or a datetime can be hashed here; convert it with tostring() or tolong()", 0)
    modulus = call.constant(1, 0)
    if len(call) == 2 and (not isinstance(modulus, int) or modulus < 1):
        raise call.refuse("the modulus must be a whole number from 1 on", 1)
    if value.type == "string":
        hexadecimal = f"hex(encode({value.sql}))"
    else:  # eight bytes, the least significant first
        digits = call.scope.hoist(call.give(f"lpad(hex({value.sql}::BIGINT), 16, '0')", "string"))
        hexadecimal = " || ".join(f"substring({digits.inner}, {at}, 2)" for at in range(15, 0, -2))
    found = call.macro("k_xxh64", call.scope.hoist(call.give(hexadecimal, "string")))
    if modulus:
        return call.give(f"({found} % {modulus})::BIGINT", "long", nullable=value.nullable)
    signed = f"({found}::HUGEINT - CASE WHEN {found} >= {2**63} THEN {2**64}::HUGEINT ELSE 0 END)::BIGINT"
    return call.give(signed, "long", nullable=value.nullable)


def _repeat(call: Call) -> Scalar:
    """A text some times over. The documentation gives two bounds for how often; here the lower one holds."""
    times = call.constant(1)
    if not isinstance(times, int) or not 1 <= times <= 1024:
        raise call.refuse("how often must be a constant from 1 to 1024", 1)
    text, between = call.scope.hoist(call.text(0)), call.text(2) if len(call) == 3 else constant("", "string")
    if not between.is_const:
        raise call.refuse("what stands between must be a constant", 2)
    # A text is made at once and in memory that no limit of the engine counts.
    too_long = f"(length({text.inner}) + {len(between.const)}) * {times} > {_LONGEST_REPEATED}"
    repeated = f"repeat({text.inner} || {between.sql}, {times - 1}) || {text.inner}"
    return call.give(f"CASE WHEN {too_long} THEN error('strrep makes too long a text')::VARCHAR ELSE {repeated} END")


def _reverse(call: Call) -> Scalar:
    return call.give(f"reverse({call.text(0).sql})")


STRINGS: Final[dict[str, Builder]] = {
    "strcat": _strcat,
    "strcat_delim": _strcat_delim,
    "strlen": template("length({0})::BIGINT", ["string"], "long"),
    "string_size": template("octet_length(encode({0}))::BIGINT", ["string"], "long"),
    "tolower": _folding("lower({0})", "lower"),
    "toupper": _folding("upper({0})", "upper"),
    "reverse": _reverse,
    "substring": _substring,
    "split": _split,
    "trim": _trim("^(?:…)|(?:…)$"),
    "trim_start": _trim("^(?:…)"),
    "trim_end": _trim("(?:…)$"),
    "replace_string": template("replace({0}, {1}, {2})", ["string", "string", "string"]),
    "replace_regex": _replacing(text=0, regex=1, rewritten=2),
    "replace": _replacing(text=2, regex=0, rewritten=1),
    "extract": _extract,
    "extract_all": _extract_all,
    "countof": _count_of,
    "indexof": _index_of,
    "strcmp": template(
        "CASE WHEN {0} < {1} THEN -1 WHEN {0} > {1} THEN 1 ELSE 0 END::BIGINT", ["string", "string"], "long"
    ),
    "strrep": _repeat,
    "isascii": template(r"regexp_full_match({0}, '(?s)[\x00-\x7F]*')", ["string"], "bool"),
    "regex_quote": template(r"regexp_replace({0}, '([\\.+*?()|\[\]{{}}^$])', '\\\1', 'g')", ["string"]),
    "base64_encode_tostring": template("to_base64(encode({0}))", ["string"]),
    "base64_encodestring": template("to_base64(encode({0}))", ["string"]),
    "base64_decode_tostring": template("coalesce(TRY(decode(from_base64({0}))), '')", ["string"]),
    "base64_decodestring": template("coalesce(TRY(decode(from_base64({0}))), '')", ["string"]),
    "url_decode": template("url_decode({0})", ["string"]),
    "hash": _xxhash,
    "hash_md5": _hash("md5"),
    "hash_sha1": _hash("sha1"),
    "hash_sha256": _hash("sha256"),
}
"""Name → mapping."""
