"""`parse` and `parse-where`: one regular expression for the whole pattern, a group for each column.

kind=simple (the default) matches the whole text from its start: literals as written, columns as little as possible; a
column whose type cannot be read empties all of them. kind=relaxed lets each column stand alone. kind=regex takes
literals as regular expressions, is not tied to the ends of the text, and gives each typed column a shape of its own.
Kusto and DuckDB both use RE2's rules here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from earmark.kql.compiler.conversions import convert
from earmark.kql.compiler.expressions import compile_scalar
from earmark.kql.compiler.operators.join import parameter
from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scalar import Scalar, quoted
from earmark.kql.compiler.scope import Environment, Refused, Row, Scope
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation

_WHOLE = r"\s*[-+]?\d+"
_BEFORE_STAR = {"long": _WHOLE, "int": _WHOLE, "real": r"\s*[-+]?(?:\d+\.?\d*|\.\d+)"}
_DATETIME = r"\s*\d{1,4}[-/]\d{1,2}[-/]\d{1,4}(?:[T ]\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d+)?)?Z?)?"
_REGEX_SHAPES = {
    "long": _WHOLE,
    "int": _WHOLE,
    "real": r"\s*[-+]?\d+(?:\.\d+)?",
    "bool": r"\s*(?i:true|false)",
    "datetime": _DATETIME,
}
_FLAGS = set("ismU")


@dataclass(slots=True, kw_only=True)
class _Piece:
    """A column of the pattern with what stands before it."""

    name: str
    type: str


def compile_parse(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile ParseOperator."""
    return _parsed(compilation, node, relation, environment, keep_all=True)


def compile_parse_where(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile ParseWhereOperator: only the rows that fit."""
    return _parsed(compilation, node, relation, environment, keep_all=False)


def _parsed(
    compilation: Compilation, node: Node, relation: Relation, environment: Environment, *, keep_all: bool
) -> Relation:
    kind = parameter(node, "kind") or "simple"
    if kind not in ("simple", "relaxed", "regex") or (kind == "relaxed" and not keep_all):
        raise Refused(f"{'parse' if keep_all else 'parse-where'} kind={kind} is not supported", node)
    pattern, pieces = _pattern(node, kind)
    scope = Scope(compilation, environment, Row(relation))
    source = convert(compile_scalar(node["Expression"], scope), "string", scope, node)
    settled, placed = compilation.placed(scope.settled(), [("text", source)])
    text = placed["text"].sql
    fits, captured = compilation.new_column(), compilation.new_column()
    groups = ", ".join(quoted(f"g{at}") for at in range(len(pieces)))
    added = [(fits, f"regexp_matches({text}, {quoted(pattern)})")]
    if pieces:
        added.append((captured, f"regexp_extract({text}, {quoted(pattern)}, [{groups}])"))
    settled = compilation.extend(settled, added)
    return _columns(
        compilation, node, settled, pieces, (fits, captured), kind=kind, keep_all=keep_all, environment=environment
    )


def _columns(
    compilation: Compilation,
    node: Node,
    settled: Relation,
    pieces: list[_Piece],
    made: tuple[str, str],
    *,
    kind: str,
    keep_all: bool,
    environment: Environment,
) -> Relation:
    fits, captured = made
    scope = Scope(compilation, environment, Row(settled))
    texts = [Scalar(sql=f"{captured}.g{at}", type="string", nullable=False, atomic=True) for at in range(len(pieces))]
    read = [
        (str(at), convert(text, piece.type, scope, node))
        for at, (text, piece) in enumerate(zip(texts, pieces, strict=True))
    ]
    settled, values = compilation.placed(scope.settled(), read)
    good = " AND ".join([fits, *(f"{value.sql} IS NOT NULL" for value in values.values() if value.type != "string")])
    columns: list[tuple[str, Scalar]] = []
    for at, piece in enumerate(pieces):
        value = values[str(at)]
        if kind == "relaxed" or not keep_all:
            columns.append((piece.name, value))
        else:
            blank = "''" if piece.type == "string" else "NULL"
            columns.append(
                (piece.name, replace(value, sql=f"CASE WHEN {good} THEN {value.sql} ELSE {blank} END", atomic=False))
            )
    if not keep_all:
        settled = compilation.filter(settled, good)
    there = [piece.name for piece in pieces if piece.name in settled.columns]
    if there:
        hint = f"leave the old one out first: project-away {there[0]}"
        raise Refused(f"parse into column '{there[0]}', which is there already, is not supported", node, hint=hint)
    settled, shown = compilation.placed(settled, columns)
    everything = {**settled.columns, **shown}
    names = [name for name, _ in node.columns or ()]
    if not everything.keys() >= set(names):
        raise Refused("the columns of parse cannot be told", node)
    return replace(settled, columns={name: everything[name] for name in names})


def _pattern(node: Node, kind: str) -> tuple[str, list[_Piece]]:
    pieces: list[_Piece] = []
    patterns = node.list("Patterns")
    out = [_flags(node, kind)]
    if kind != "regex":
        out.append(r"(?s)^")
    for at, part in enumerate(patterns):
        following = patterns[at + 1] if at + 1 < len(patterns) else None
        if part.kind == "StarExpression":
            out.append(".*?")
        elif part.kind == "StringLiteralExpression":
            literal = part.token().value
            if not literal:
                raise Refused("an empty text in a pattern of parse", part)
            out.append(_ungrouped(literal, part) if kind == "regex" else re.escape(literal))
        else:
            piece = _piece(part)
            if any(piece.name == known.name for known in pieces):
                raise Refused(f"parse names column '{piece.name}' twice", part)
            out.append(f"(?P<g{len(pieces)}>{_capture(piece, part, following, kind, last=at + 2 >= len(patterns))})")
            pieces.append(piece)
    if kind != "regex":
        out.append("$")
    return "".join(out), pieces


def _piece(part: Node) -> _Piece:
    if part.kind == "NameDeclaration":
        return _Piece(name=part.name, type="string")
    if part.kind == "NameAndTypeDeclaration":
        kind = part["Type"].symbol
        return _Piece(name=part["Name"].name, type=kind.name if kind is not None else "?")
    raise Refused("this part of a parse pattern is not supported", part)


def _capture(piece: _Piece, part: Node, following: Node | None, kind: str, *, last: bool) -> str:
    before_star = following is not None and following.kind == "StarExpression"
    if following is not None and following.kind not in ("StarExpression", "StringLiteralExpression"):
        raise Refused("two columns of parse with nothing between them", part)
    if kind == "regex":
        if piece.type in ("string", "dynamic"):
            return ".*"
        if piece.type not in _REGEX_SHAPES or (piece.type == "datetime" and following is None):
            raise Refused(f"parse kind=regex with a {piece.type} here is not supported", part)
        return _REGEX_SHAPES[piece.type]
    if not before_star:
        return ".*?"
    if piece.type not in _BEFORE_STAR:
        raise Refused(f"a {piece.type} column before * in parse is not supported", part)
    shape = _BEFORE_STAR[piece.type]
    return f"(?:{shape})?" if last else shape


def _flags(node: Node, kind: str) -> str:
    flags = parameter(node, "flags")
    if not flags:
        return ""
    if kind != "regex" or not set(flags) <= _FLAGS:
        raise Refused(f"parse flags={flags} is not supported", node)
    if "U" in flags and any(
        part.kind == "NameAndTypeDeclaration" and _piece(part).type == "datetime" for part in node.list("Patterns")
    ):
        raise Refused("parse flags=U with a datetime is not supported", node)
    return f"(?{flags})"


def _ungrouped(pattern: str, part: Node) -> str:
    """A user's pattern with its groups made non-capturing, or they would be counted among ours."""
    if re.search(r"\\[1-9]", pattern) or "(?<" in pattern or "(?=" in pattern or "(?!" in pattern:
        raise Refused("this regular expression is not supported in parse", part)
    out: list[str] = []
    in_class = escaped = False
    for at, char in enumerate(pattern):
        if not escaped and not in_class and char == "(" and pattern[at + 1 : at + 2] != "?":
            out.append("(?:")
        else:
            out.append(char)
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "[":
            in_class = True
        elif char == "]":
            in_class = False
    text = "".join(out)
    return re.sub(r"\(\?P<[^>]*>", "(?:", text)
