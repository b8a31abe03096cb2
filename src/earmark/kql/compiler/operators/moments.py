"""Moments that are known before a hunt but for the hunt's own moment: `ago(7d)`, `now() - 1h`,
`datetime(2026-01-01)`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from earmark.kql.base import EPOCH_TICKS, TICKS_PER_SECOND
from earmark.kql.compiler.expressions import compile_scalar
from earmark.kql.compiler.scope import NOW, Scope
from earmark.kql.compiler.tree import Node

_LAST_TICK = 3_155_378_975_999_999_999
_CAST = re.compile(r"::BIGINT\b|\bk_in_time\b|'(?=-?\d+')|(?<=\d)'")
"""What stands around numbers without changing them: casts, quotes, and the macro that keeps a time in range."""
_KNOWN_KINDS = {
    "NameReference",
    "FunctionCallExpression",
    "DateTimeLiteralExpression",
    "AddExpression",
    "SubtractExpression",
    "ParenthesizedExpression",
}
_STARTS = {"startofday": 1, "startofweek": 7, "startofmonth": 31, "startofyear": 366}
"""Functions that go back by less than so many days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment in SQL."""

    sql: str
    """Ticks; names no column."""
    before_now: int | None
    """How many ticks before the hunt's moment it is at most, where it is counted from there."""


def read_moment(node: Node, scope: Scope) -> Moment | None:
    """The moment an expression stands for, if it can be told without reading a row."""
    if node.type != "datetime" or node.kind not in _KNOWN_KINDS or _names_a_column(node):
        return None
    scalar = compile_scalar(node, scope)
    if '"' in scalar.sql or "SELECT" in scalar.sql:
        return None
    slack = 0
    while node.kind == "ParenthesizedExpression":
        node = node["Expression"]
    if node.kind == "FunctionCallExpression" and node["Name"].name in _STARTS and len(node.arguments) == 1:
        slack = _STARTS[node["Name"].name] * 24 * 3600 * TICKS_PER_SECOND
        behind = _before_now(compile_scalar(node.arguments[0], scope).sql)
    else:
        behind = _before_now(scalar.sql)
    return Moment(sql=scalar.sql, before_now=None if behind is None else behind + slack)


def _before_now(sql: str) -> int | None:
    """How many ticks before now some SQL lies, if it is a sum of now and numbers."""
    text = _CAST.sub("", sql).replace(NOW, "(now)")
    if not re.fullmatch(r"[\d\s()+\-*now]+", text):
        return None
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        at_zero, at_one = _evaluate(tree, 0), _evaluate(tree, 1)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return -at_zero if at_one - at_zero == 1 else None


def _names_a_column(node: Node) -> bool:
    return any(part.symbol is not None and part.symbol.kind == "Column" for part in node.walk())


def _evaluate(node: ast.expr, now: int) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id="now"):
            return now
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, now)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _evaluate(left, now) + _evaluate(right, now)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _evaluate(left, now) - _evaluate(right, now)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _evaluate(left, now) * _evaluate(right, now)
    raise ValueError("not a sum")


def day_sql(ticks: str) -> str:
    """The day of some ticks as the partitions write it."""
    within = f"least(greatest({ticks}, {EPOCH_TICKS}), {_LAST_TICK})"
    return f"strftime(make_timestamp(({within} - {EPOCH_TICKS}) // 10), '%Y-%m-%d')"
