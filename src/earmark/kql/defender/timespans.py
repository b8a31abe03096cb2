"""How many days a timespan expression says, where that can be read from the text."""

from __future__ import annotations

import re

from earmark.kql.compiler.tree import Node

_DAYS = {"d": 1.0, "h": 1 / 24, "m": 1 / 1440, "s": 1 / 86400}


def days_of(node: Node, root: Node) -> float | None:
    """The days of a literal, or of the let that a name stands for; None when the text does not say."""
    if node.kind == "TimespanLiteralExpression":
        return _literal_days(node.text("Token"))
    if node.kind == "NameReference" and node.symbol is not None and node.symbol.kind == "Variable":
        for statement in root.list("Statements"):
            value = statement.get("Expression")
            if statement.kind == "LetStatement" and statement["Name"].name == node.name and value is not None:
                return days_of(value, root) if value.kind == "TimespanLiteralExpression" else None
    return None


def _literal_days(text: str) -> float | None:
    """`30d`, `12h`, `90days` or `timespan(45.00:00:00)`."""
    short = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([dhms])(?!s|i|icrosec|illisec)[a-z]*", text, re.IGNORECASE)
    if short is not None:
        return float(short[1]) * _DAYS[short[2].lower()]
    long = re.fullmatch(r"(?:time|timespan)\(\s*(?:(\d+)d?|(\d+)\.\d+:\d+:\d+(?:\.\d+)?)\s*\)", text)
    return float(long[1] or long[2]) if long is not None else None
