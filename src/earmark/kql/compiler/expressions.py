"""A scalar node of the bound tree → a `Scalar`: the one door to everything in this folder that is not a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from earmark.kql.base import PHYSICAL
from earmark.kql.compiler import literals, terms
from earmark.kql.compiler.arithmetic import SYMBOLS, compile_arithmetic, compile_minus
from earmark.kql.compiler.comparisons import (
    ORDERS,
    compile_between,
    compile_equality,
    compile_in,
    compile_order,
    compile_tilde,
)
from earmark.kql.compiler.conversions import convert, document, member, text_of, to_text
from earmark.kql.compiler.functions import FUNCTIONS, Call
from earmark.kql.compiler.functions.formats import FormatError
from earmark.kql.compiler.functions.rows import WINDOWS
from earmark.kql.compiler.literals import LiteralError, constant
from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scalar import JsonPath, Scalar, quoted
from earmark.kql.compiler.scope import Scope
from earmark.kql.compiler.tree import Node

__all__ = ["compile_scalar", "convert"]


def compile_scalar(node: Node, scope: Scope, *, filtering: bool = False) -> Scalar:
    """The value of an expression for one row; with `filtering`, null and false are the same to the caller."""
    if node.kind in ("AndExpression", "OrExpression"):
        return _junction(node, scope, filtering)
    if node.kind == "ParenthesizedExpression":
        return compile_scalar(node["Expression"], scope, filtering=filtering)
    if node.kind in ("EqualExpression", "NotEqualExpression"):
        left, right = _sides(node, scope)
        return compile_equality(node, left, right, scope, filtering=filtering)
    if node.kind in ("InExpression", "NotInExpression", "InCsExpression", "NotInCsExpression"):
        return _in(node, scope, filtering)
    return _other(node, scope)


def _other(node: Node, scope: Scope) -> Scalar:
    kind = node.kind
    if kind in _PLAIN:
        return _PLAIN[kind](node, scope)
    if kind in SYMBOLS:
        return compile_arithmetic(node, *_sides(node, scope), scope)
    if kind in ORDERS:
        return compile_order(node, *_sides(node, scope), scope)
    if terms.looks_inside(kind):
        return terms.compile_looking(node, *_sides(node, scope), scope)
    if kind.endswith("LiteralExpression") or kind == "DynamicExpression":
        return _literal(node, scope)
    raise scope.refuse(node, f"{_words(kind)} is not known here")


def _words(kind: str) -> str:
    return "this " + re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


def _sides(node: Node, scope: Scope) -> tuple[Scalar, Scalar]:
    return compile_scalar(node["Left"], scope), compile_scalar(node["Right"], scope)


def _junction(node: Node, scope: Scope, filtering: bool) -> Scalar:
    """A chain of `and` or of `or`, which may be long: no recursion along it."""
    parts: list[Node] = []
    at = node
    while at.kind == node.kind:
        parts.append(at["Right"])
        at = at["Left"]
    compiled = [_truth(part, scope, filtering) for part in (at, *reversed(parts))]
    word = " AND " if node.kind == "AndExpression" else " OR "
    return Scalar(
        sql=word.join(part.inner for part in compiled), type="bool", nullable=any(part.nullable for part in compiled)
    )


def _truth(node: Node, scope: Scope, filtering: bool) -> Scalar:
    return convert(compile_scalar(node, scope, filtering=filtering), "bool", scope, node)


def _literal(node: Node, scope: Scope) -> Scalar:
    try:
        return constant(_value(node), node.type if node.type in PHYSICAL else "string")
    except LiteralError as fault:
        raise scope.refuse(node, str(fault)) from None


def _value(node: Node) -> Any:
    """The Python value of a literal."""
    kind = node.kind
    if kind == "CompoundStringLiteralExpression":
        return "".join(part.value for part in node.children["Tokens"])
    if kind == "DynamicExpression":
        return _dynamic(node["Expression"])
    if kind == "TypeOfLiteralExpression":
        types = node.list("Types")
        if len(types) != 1 or not types[0].text("Type"):
            raise LiteralError("typeof() names one type here")
        return {"double": "real", "boolean": "bool", "date": "datetime", "time": "timespan"}.get(
            types[0].text("Type"), types[0].text("Type")
        )
    text = node.token().value
    if kind == "StringLiteralExpression":
        return text
    text = text.strip()
    if text.lower() == "null":
        return None
    match node.type:
        case "bool":
            if text.lower() not in ("true", "false", "0", "1"):
                raise LiteralError(f"'{text}' is not a bool; write true or false")
            return text.lower() in ("true", "1")
        case "datetime":
            return literals.read_datetime(text.strip("'\""))
        case "timespan":
            return literals.read_timespan(text.strip("'\""))
        case "guid":
            return literals.read_guid(text.strip("'\""))
        case "int" | "long" | "real" | "decimal":
            return literals.read_number(text, node.type)
        case _:
            raise LiteralError(f"a literal of type {node.type} is not known here")


def _dynamic(node: Node) -> Any:
    """The decoded value of what stands inside dynamic(…)."""
    if node.kind == "JsonObjectExpression":
        pairs = {}
        for pair in node.list("Pairs"):
            pairs[pair.token("Name").value] = _dynamic(pair["Value"])
        return pairs
    if node.kind == "JsonArrayExpression":
        return [_dynamic(item) for item in node.list("Values")]
    if node.kind == "NullLiteralExpression":
        return None
    if node.kind == "UnaryMinusExpression":
        return -_dynamic(node["Expression"])
    if node.kind not in ("DynamicExpression",) and not node.kind.endswith("LiteralExpression"):
        raise LiteralError("only constants can stand inside dynamic(…)")
    value = _value(node)
    return text_of(value, node.type) if node.type in ("datetime", "timespan", "guid") and value is not None else value


def _name(node: Node, scope: Scope) -> Scalar:
    symbol = node.symbol
    if symbol is None or symbol.kind == "Column":
        return scope.column(node)
    if symbol.kind == "Function":
        return scope.call(node)
    value = scope.variable(node.name)
    if isinstance(value, Scalar):
        return value
    raise scope.refuse(node, f"'{node.name}' is a table, not a value")


def _path(node: Node, scope: Scope) -> Scalar:
    """`value.name`."""
    value = compile_scalar(node["Expression"], scope)
    selector = node["Selector"]
    if selector.kind == "NameReference":
        return _member(value, selector.name, node, scope)
    if selector.kind == "BracketedExpression":
        return _selected(value, compile_scalar(selector["Expression"], scope), node, scope)
    raise scope.refuse(selector, "this part of a path is not known here")


def _element(node: Node, scope: Scope) -> Scalar:
    """`value[index]` and `value["name"]`."""
    value = compile_scalar(node["Expression"], scope)
    return _selected(value, compile_scalar(node["Selector"]["Expression"], scope), node, scope)


def _selected(value: Scalar, key: Scalar, node: Node, scope: Scope) -> Scalar:
    if key.type == "string" and key.is_const:
        return _member(value, key.const, node, scope)
    if value.type != "dynamic":
        raise scope.refuse(node, f"a value of type {value.type} has no members; use parse_json()")
    if key.type in ("int", "long") and key.is_const and key.const is not None:
        return member(document(value), f"[{key.const}]" if key.const >= 0 else f"[#{key.const}]")
    found = document(value)
    inside = found.root if found.path == "$" else f"json_extract({found.root}, {quoted(found.path)})"
    if key.type in ("int", "long"):
        index = scope.hoist(key).inner
        path = f"CASE WHEN {index} < 0 THEN '$[#' ELSE '$[' END || {index}::VARCHAR || ']'"
    elif key.type == "string":
        path = f"'/' || replace(replace({key.inner}, '~', '~0'), '/', '~1')"
    else:
        raise scope.refuse(node, f"a member is chosen by a value of type {key.type}; use tostring() or tolong()")
    return Scalar(sql=f"nullif(json_extract({inside}, {path})::VARCHAR, 'null')", type="dynamic")


def _member(value: Scalar, name: str, node: Node, scope: Scope) -> Scalar:
    if value.type != "dynamic":
        raise scope.refuse(node, f"a value of type {value.type} has no members; use parse_json()")
    if not name or "\x00" in name:
        raise scope.refuse(node, "a member without a name is not known here")
    if '"' in name or "\\" in name:
        found = document(value)
        inside = found.root if found.path == "$" else f"json_extract({found.root}, {quoted(found.path)})"
        pointer = quoted("/" + name.replace("~", "~0").replace("/", "~1"))
        inner = JsonPath(root=f"json_extract({inside}, {pointer})", path="$")
        return Scalar(sql=f"nullif({inner.root}::VARCHAR, 'null')", type="dynamic", json=inner)
    return member(document(value), f'."{name}"')


def _in(node: Node, scope: Scope, filtering: bool) -> Scalar:
    value = compile_scalar(node["Left"], scope)
    elements: list[Scalar | Relation] = [
        scope.subquery(element) if element.columns is not None else compile_scalar(element, scope)
        for element in node["Right"].list("Expressions")
    ]
    return compile_in(node, value, elements, scope, filtering=filtering)


def _has_many(node: Node, scope: Scope) -> Scalar:
    value = compile_scalar(node["Left"], scope)
    needles = []
    for element in node["Right"].list("Expressions"):
        if element.columns is None:
            needles.append(compile_scalar(element, scope))
            continue
        relation = scope.subquery(element)
        found = to_text(next(iter(relation.columns.values())), scope)
        needles.append(Scalar(sql=f"(SELECT to_json(list({found.sql}))::VARCHAR FROM {relation.sql})", type="dynamic"))
    return terms.compile_many(node, value, needles, scope)


def _between(node: Node, scope: Scope) -> Scalar:
    bounds = node["Right"]
    value, low, high = (compile_scalar(part, scope) for part in (node["Left"], bounds["First"], bounds["Second"]))
    return compile_between(node, value, low, high, scope)


def _call(node: Node, scope: Scope) -> Scalar:
    symbol = node.symbol
    if symbol is not None and symbol.origin == "user":
        return scope.call(node)
    name = symbol.name if symbol is not None else node["Name"].name
    if symbol is not None and symbol.origin == "aggregate":
        return scope.aggregate(node)
    if name in ("column_ifexists", "columnifexists"):
        return _column_if_exists(node, scope)
    builder = FUNCTIONS.get(name) or WINDOWS.get(name)
    if builder is None:
        raise scope.refuse(node["Name"], f"the function {name}() is not known here")
    arguments = []
    for argument in node.arguments:
        if argument.kind == "SimpleNamedExpression" or argument.columns is not None:
            raise scope.refuse(argument, f"this argument of {name}() is not known here")
        arguments.append(compile_scalar(argument, scope))
    call = Call(name=name, arguments=tuple(arguments), type=node.type, node=node, scope=scope)
    try:
        return builder(call)
    except (FormatError, LiteralError) as fault:
        raise call.refuse(str(fault)) from None


def _column_if_exists(node: Node, scope: Scope) -> Scalar:
    wanted, default = node.arguments
    name = compile_scalar(wanted, scope)
    if not name.is_const:
        raise scope.refuse(wanted, "the column's name must be a constant")
    found = scope.columns.get(name.const)
    return found if found is not None else compile_scalar(default, scope)


def _plus(node: Node, scope: Scope) -> Scalar:
    return compile_scalar(node["Expression"], scope)


_PLAIN: Final[dict[str, Callable[[Node, Scope], Scalar]]] = {
    "NameReference": _name,
    "PathExpression": _path,
    "ElementExpression": _element,
    "FunctionCallExpression": _call,
    "ToScalarExpression": lambda node, scope: scope.scalar_subquery(node["Expression"]),
    "BetweenExpression": _between,
    "NotBetweenExpression": _between,
    "HasAnyExpression": _has_many,
    "HasAllExpression": _has_many,
    "EqualTildeExpression": lambda node, scope: compile_tilde(node, *_sides(node, scope), scope),
    "BangTildeExpression": lambda node, scope: compile_tilde(node, *_sides(node, scope), scope),
    "MatchesRegexExpression": lambda node, scope: terms.compile_regex(node, *_sides(node, scope), scope),
    "UnaryMinusExpression": lambda node, scope: compile_minus(node, compile_scalar(node["Expression"], scope), scope),
    "UnaryPlusExpression": _plus,
}
