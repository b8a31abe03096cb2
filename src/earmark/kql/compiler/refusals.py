"""Sentences of refusals: how people write what Microsoft calls a kind of node, and why some things cannot be."""

from __future__ import annotations

import re

from earmark.kql.base import Columns
from earmark.kql.compiler.scope import Refused
from earmark.kql.compiler.tree import Node

INSTEAD = {
    "bag_unpack": "name the members that are needed: extend Member = tostring(Bag.Member)",
    "facet": "write a query for each column",
    "find": "name the tables: union A, B | where …",
    "fork": "write a query for each branch",
    "make-series": "summarize … by bin(Timestamp, 1d) gives the same values, without the gaps",
    "mv-apply": "use mv-expand, then summarize",
    "parse-kv": "use parse, or extract(…) for each key",
    "partition": "use summarize or join by the key",
    "pivot": "use countif(…) for each value",
    "sample": "use take, which keeps the same rows every time",
    "sample-distinct": "use distinct, then take",
    "search": "name the tables: union A, B | where Column has 'term'",
    "set-option": "leave it out",
    "top-nested": "use summarize, then top for each level",
}
"""What to write in place of what is not supported."""


def refused_source(node: Node, *, is_operator: bool) -> Refused:
    """Why this cannot stand at the head of a pipe."""
    only = "a hunt reads the tables of the estate and the lists of the project, nothing else"
    if node.kind == "ExternalDataExpression":
        return Refused("externaldata is not allowed", node, hint=f"{only}: put the rows into a list")
    if node.kind == "PathExpression" or "External" in node.kind:
        return Refused("other clusters, databases and external tables cannot be read", node, hint=only)
    if "Command" in node.kind:
        return Refused("a management command is not a query", node)
    if is_operator:
        return Refused(f"operator '{spoken(node.kind)}' needs a table in front of it", node)
    word = spoken(node.kind)
    return Refused(f"operator '{word}' is not supported yet", node, hint=INSTEAD.get(word, ""))


def difference(expected: Columns, made: Columns) -> str:
    """The first column in which two lists differ."""
    for left, right in zip(expected, made, strict=False):
        if left != right:
            return f"expected {left[0]}:{left[1]}, found {right[0]}:{right[1]}"
    return f"expected {len(expected)} columns, found {len(made)}"


def spoken(kind: str) -> str:
    """How people write what Microsoft's kind of node stands for: ParseKvOperator → parse-kv."""
    stem = re.sub(r"(Operator|Expression|Statement)$", "", kind)
    stem = {"Filter": "Where", "ReduceBy": "Reduce"}.get(stem, stem)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", stem).lower()
