"""Warnings on how far back a rule looks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from earmark.kql.base import Diagnostic
from earmark.kql.compiler.tree import Node
from earmark.kql.defender.routes import Routes, is_column, warn
from earmark.kql.defender.tables import known_tables

KEPT_DAYS = 30
"""Days that Defender keeps for hunting (https://learn.microsoft.com/defender-xdr/advanced-hunting-limits)."""

_SNAPSHOTS = frozenset({"DeviceInfo", "DeviceNetworkInfo", "DeviceFileCertificateInfo"})
"""Tables that repeat a state, whose latest row is wanted whenever it came."""


def check_time_bound(routes: Routes) -> Iterator[Diagnostic]:
    """EK104."""
    for node, names in routes.tables:
        events = [name for name in names if name.endswith("Events") and name not in _SNAPSHOTS and _has_timestamp(name)]
        if not events:
            continue
        if any(_bounds_time(operator) for operator in routes.downstream(node)):
            continue
        yield warn(
            "EK104",
            node,
            f"Nothing says how far back '{node.name}' is read: the answer depends on how much is kept.",
            f"Write {node.name} | where Timestamp > ago(7d).",
        )


_PART_ABOUT_TIME = {"FilterOperator": "Condition", "JoinOperator": "ConditionClause", "MakeSeriesOperator": "OnClause"}


def _has_timestamp(name: str) -> bool:
    table = known_tables().get(name)
    return table is not None and ("Timestamp", "datetime") in table.columns


def _bounds_time(operator: Node) -> bool:
    """Whether a condition is about a moment; leaves doubt to the author."""
    part = _PART_ABOUT_TIME.get(operator.kind)
    condition = None if part is None else operator.get(part)
    return condition is not None and any(n.type == "datetime" and is_column(n) for n in condition.walk())


def check_kept_days(routes: Routes) -> Iterator[Diagnostic]:
    """EK105."""
    for node in routes.nodes:
        span = _span_back(node)
        days = None if span is None else _days_of(span, routes.root)
        if days is None or days <= KEPT_DAYS:
            continue
        comparison = routes.within(node, *_COMPARISONS)
        if comparison is not None and {"Timestamp", "TimeGenerated"} & routes.columns(comparison):
            yield warn(
                "EK105",
                node,
                f"This looks {days:g} days back, but Defender keeps {KEPT_DAYS} days for hunting.",
                f"Write ago({KEPT_DAYS}d); more is found only where events are kept longer, in a store of their own.",
            )


_COMPARISONS = (
    "GreaterThanExpression",
    "GreaterThanOrEqualExpression",
    "LessThanExpression",
    "LessThanOrEqualExpression",
    "BetweenExpression",
    "NotBetweenExpression",
)


def _span_back(node: Node) -> Node | None:
    """The timespan in `ago(x)` or `now() - x`."""
    if node.kind == "FunctionCallExpression" and node["Name"].name == "ago" and len(node.arguments) == 1:
        return node.arguments[0]
    if node.kind == "SubtractExpression":
        left = node["Left"]
        if left.kind == "FunctionCallExpression" and left["Name"].name == "now" and not left.arguments:
            return node["Right"]
    return None


_DAYS = {"d": 1.0, "h": 1 / 24, "m": 1 / 1440, "s": 1 / 86400}


def _days_of(node: Node, root: Node) -> float | None:
    """The days of a literal, or of the let that a name stands for; None when the text does not say."""
    if node.kind == "TimespanLiteralExpression":
        return _literal_days(node.text("Token"))
    if node.kind == "NameReference" and node.symbol is not None and node.symbol.kind == "Variable":
        for statement in root.list("Statements"):
            value = statement.get("Expression")
            if statement.kind == "LetStatement" and statement["Name"].name == node.name and value is not None:
                return _days_of(value, root) if value.kind == "TimespanLiteralExpression" else None
    return None


def _literal_days(text: str) -> float | None:
    """`30d`, `12h`, `90days` or `timespan(45.00:00:00)`."""
    short = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([dhms])(?!s|i|icrosec|illisec)[a-z]*", text, re.IGNORECASE)
    if short is not None:
        return float(short[1]) * _DAYS[short[2].lower()]
    long = re.fullmatch(r"(?:time|timespan)\(\s*(?:(\d+)d?|(\d+)\.\d+:\d+:\d+(?:\.\d+)?)\s*\)", text)
    return float(long[1] or long[2]) if long is not None else None
