"""Equality, order, `in` and `between`, with Kusto's nulls.

`==` and `!=` are false and true when one side is null, and null when both are; `<` and its kin, and `between`, are
null when anything is null; `in` is never null. `filtering` says that null counts as false where the result is used,
which allows cheaper SQL.
"""

from __future__ import annotations

import re
from typing import Final

from earmark.kql.compiler.conversions import NUMBERS, call_macro, convert, read, to_text
from earmark.kql.compiler.literals import constant
from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scalar import Scalar
from earmark.kql.compiler.scope import Scope
from earmark.kql.compiler.terms import constant_texts, subject
from earmark.kql.compiler.tree import Node

ORDERS: Final = {
    "LessThanExpression": "<",
    "LessThanOrEqualExpression": "<=",
    "GreaterThanExpression": ">",
    "GreaterThanOrEqualExpression": ">=",
}
_NUMBER: Final = re.compile(r"-?[0-9]+")
_ORDERED: Final = (*NUMBERS, "datetime", "timespan")


def matched(left: Scalar, right: Scalar, scope: Scope, node: Node) -> tuple[Scalar, Scalar]:
    """Both sides in the type in which they are compared; refused where Kusto's choice is not proven."""
    if left.type == right.type:
        if left.type == "dynamic":
            raise scope.refuse(node, "two dynamic values are compared; write tostring(…) or tolong(…) around them")
        return left, right
    if left.type in NUMBERS and right.type in NUMBERS:
        if {"decimal", "real"} <= {left.type, right.type}:
            raise scope.refuse(node, "decimal and real are compared; convert one of them")
        return left, right
    turned = (right.type == "string" and left.type != "dynamic") or (right.type == "bool" and left.type in NUMBERS)
    if right.type == "dynamic" or turned:
        other, one = matched(right, left, scope, node)
        return one, other
    if left.type == "dynamic":
        return _from_dynamic(left, right.type, scope, node), right
    if left.type == "string" and right.type == "datetime" and left.is_const:
        moment = convert(left, "datetime", scope, node)
        if moment.is_const and moment.const is not None:
            return moment, right
    if left.type == "string" and right.type == "guid":
        return convert(left, "guid", scope, node), right
    if left.type == "bool" and right.type in ("int", "long"):
        return convert(left, "long", scope, node), right
    bare = left.is_const and left.type == "string" and right.type in NUMBERS and _NUMBER.fullmatch(left.const)
    raise scope.refuse(
        node,
        f"a value of type {left.type} is compared with one of type {right.type}; convert one of them",
        hint=f"write {left.const}, without quotes" if bare else "",
    )


def _from_dynamic(value: Scalar, kql_type: str, scope: Scope, node: Node) -> Scalar:
    if kql_type == "string":
        return to_text(value, scope)
    if kql_type in ("int", "long", "real"):
        return Scalar(sql=call_macro(scope, "k_json_number", read(value)), type="real")
    if kql_type in ("bool", "datetime", "timespan", "guid"):
        return convert(value, kql_type, scope, node)
    raise scope.refuse(node, f"a dynamic value is compared with one of type {kql_type}; convert one of them")


def _never_nan(value: Scalar, scope: Scope) -> tuple[Scalar, str]:
    """A value that is named twice, and the condition that it is a number: DuckDB takes NaN for the largest number and
    equal to itself, while in Kusto no comparison with it holds.
    """
    if value.type != "real" or (value.is_const and value.const == value.const):
        return value, ""
    value = scope.hoist(value)
    return value, f" AND NOT isnan({value.sql})"


def compile_equality(node: Node, left: Scalar, right: Scalar, scope: Scope, *, filtering: bool) -> Scalar:
    """`==` and `!=`."""
    same = node.kind == "EqualExpression"
    left, right = matched(left, right, scope, node)
    if left.type == right.type == "real" and not left.is_const and not right.is_const:
        return _equal_reals(left, right, scope, same=same)
    if not left.nullable and not right.nullable:
        return _bool(f"{left.inner} {'=' if same else '<>'} {right.inner}")
    if filtering and same:
        return _bool(f"{left.inner} = {right.inner}", nullable=True)
    operator = "IS NOT DISTINCT FROM" if same else "IS DISTINCT FROM"
    if filtering or not left.nullable or not right.nullable:
        return _bool(f"{left.inner} {operator} {right.inner}", nullable=filtering)
    left, right = scope.hoist(left), scope.hoist(right)
    both = f"{left.inner} IS NULL AND {right.inner} IS NULL"
    return _bool(f"CASE WHEN {both} THEN NULL ELSE {left.inner} {operator} {right.inner} END", nullable=True)


def _equal_reals(left: Scalar, right: Scalar, scope: Scope, *, same: bool) -> Scalar:
    left, right = scope.hoist(left), scope.hoist(right)
    whens = f"WHEN {left.inner} IS NULL AND {right.inner} IS NULL THEN NULL WHEN isnan({left.sql}) THEN {not same}"
    test = f"{left.inner} IS {'NOT ' if same else ''}DISTINCT FROM {right.inner}"
    return _bool(f"CASE {whens} ELSE {test} END", nullable=left.nullable and right.nullable)


def compile_tilde(node: Node, left: Scalar, right: Scalar, scope: Scope) -> Scalar:
    """`=~` and `!~`."""
    one, other = (_lowered(subject(side, scope, node)) for side in (left, right))
    return _bool(f"{one} {'=' if node.kind == 'EqualTildeExpression' else '<>'} {other}")


def _lowered(text: Scalar) -> str:
    if text.is_const and text.const.isascii():
        return constant(text.const.lower(), "string").sql
    return f"lower({text.sql})"


def compile_order(node: Node, left: Scalar, right: Scalar, scope: Scope) -> Scalar:
    """`<`, `<=`, `>`, `>=`."""
    left, right = matched(left, right, scope, node)
    if left.type not in (*_ORDERED, "string"):
        raise scope.refuse(node, f"values of type {left.type} have no order here")
    operator, numbers = ORDERS[node.kind], ""
    if operator.startswith(">"):
        left, numbers = _never_nan(left, scope)
    else:
        right, numbers = _never_nan(right, scope)
    null = left.nullable or right.nullable
    return _bool(f"({left.inner} {operator} {right.inner}{numbers})", nullable=null)


def compile_between(node: Node, value: Scalar, low: Scalar, high: Scalar, scope: Scope) -> Scalar:
    """`between (low .. high)`; a timespan after a datetime counts from the lower bound."""
    if low.type == "datetime" and high.type == "timespan":
        scope.require_macro("k_in_time")
        high = Scalar(sql=f"k_in_time({low.inner} + {high.inner})", type="datetime", nullable=True)
    value, low = matched(value, low, scope, node)
    value, high = matched(value, high, scope, node)
    if value.type not in _ORDERED:
        raise scope.refuse(node, f"values of type {value.type} have no order here")
    operator = "NOT BETWEEN" if node.kind == "NotBetweenExpression" else "BETWEEN"
    null = value.nullable or low.nullable or high.nullable
    return _bool(f"{value.inner} {operator} {low.inner} AND {high.inner}", nullable=null)


def compile_in(
    node: Node, value: Scalar, elements: list[Scalar | Relation], scope: Scope, *, filtering: bool
) -> Scalar:
    """`in`, `!in`, `in~` and `!in~`; an element may be an array or a table, whose first column counts."""
    negated = node.kind.startswith("Not")
    blind = node.kind.endswith("InCsExpression")
    if value.type == "dynamic":
        value = _unwrapped(value, elements, scope, node)
    if blind:
        value = subject(value, scope, node)
    subjects = Scalar(sql=_lowered(value), type="string", nullable=False) if blind else value
    plain: list[str] = []
    tests: list[str] = []
    null = value.nullable
    for element in elements:
        if isinstance(element, Relation):
            found = next(iter(element.columns.values()))
            selected = _like(value, found, scope, node, blind)
            tests.append(f"{subjects.inner} IN (SELECT {selected} FROM {element.sql})")
            null = null or found.nullable
        elif element.type == "dynamic" and not element.is_const:
            tests.append(_in_array(subjects, element, scope, node, blind))
        else:
            for one in _constants(element, value.type, scope, node):
                null = null or one.nullable
                plain.append(_like(value, one, scope, node, blind))
    if plain:
        tests.insert(0, f"{subjects.inner} IN ({', '.join(plain)})")
    if not tests:
        return constant(negated, "bool")
    sql = " OR ".join(f"({test})" for test in tests) if len(tests) > 1 else tests[0]
    if null and not (filtering and not negated):
        sql = f"coalesce({sql}, FALSE)"
    return _bool(f"NOT ({sql})" if negated else sql, nullable=null and filtering and not negated)


def _unwrapped(value: Scalar, elements: list[Scalar | Relation], scope: Scope, node: Node) -> Scalar:
    """A dynamic value in the type of what it is looked for among."""
    types = set()
    for element in elements:
        one = next(iter(element.columns.values())) if isinstance(element, Relation) else element
        listed = one.const if one.type == "dynamic" and isinstance(one.const, list) else None
        if listed is None:
            types.add("string" if one.type == "dynamic" else one.type)
        else:
            types |= {
                "string" if isinstance(item, str) else "long" if type(item) is int else "dynamic" for item in listed
            }
    if len(types) != 1:
        raise scope.refuse(node, "a dynamic value is looked for among values of several types; convert it")
    return _from_dynamic(value, types.pop(), scope, node)


def _constants(element: Scalar, kql_type: str, scope: Scope, node: Node) -> list[Scalar]:
    """An element, or the elements of a constant array."""
    if element.type != "dynamic":
        return [element]
    listed = element.const if isinstance(element.const, list) else [element.const]
    if kql_type == "string":
        if not all(isinstance(one, str) for one in listed):
            raise scope.refuse(node, "strings are looked for among values that are not all strings")
        return [constant(text, "string") for text in constant_texts(element, scope, node)]
    wanted = {"long": (int,), "int": (int,), "real": (int, float), "bool": (bool,)}.get(kql_type, ())
    if not all(type(one) in wanted for one in listed):
        raise scope.refuse(node, f"values of type {kql_type} are looked for among values of another type")
    return [
        constant(one, "real" if isinstance(one, float) else "bool" if kql_type == "bool" else "long") for one in listed
    ]


def _like(value: Scalar, other: Scalar, scope: Scope, node: Node, blind: bool) -> str:
    """SQL of a value that another is compared with, in a type that suits."""
    if blind:
        return _lowered(subject(other, scope, node))
    if other.type == "dynamic" and value.type == "string":
        return to_text(other, scope).sql
    one, compared = matched(value, other, scope, node)
    if one is not value:
        raise scope.refuse(
            node, f"values of type {value.type} are looked for among values of type {other.type}; convert them"
        )
    return compared.sql


def _in_array(value: Scalar, array: Scalar, scope: Scope, node: Node, blind: bool) -> str:
    if value.type not in ("string", "int", "long"):
        raise scope.refuse(node, f"values of type {value.type} are looked for in an array known only at run time")
    array = scope.hoist(read(array))
    for name in ("k_texts", "k_is_array"):
        scope.require_macro(name)
    wanted = to_text(value, scope).sql
    texts, single = f"k_texts({array.sql})", f"coalesce(json_extract_string(TRY_CAST({array.sql} AS JSON), '$'), '')"
    if blind:
        texts, single = f"list_transform({texts}, lambda one: lower(one))", f"lower({single})"
    wanted = scope.hoist(Scalar(sql=wanted, type="string", nullable=False)).inner
    found = f"CASE WHEN k_is_array({array.sql}) THEN list_contains({texts}, {wanted}) ELSE {single} = {wanted} END"
    return f"coalesce({found}, FALSE)"


def _bool(sql: str, *, nullable: bool = False) -> Scalar:
    return Scalar(sql=sql, type="bool", nullable=nullable)
