"""Which operators the rows of a table pass through in a bound query.

The lints ask what becomes of a table's rows: are they bounded in time, is a failed logon left out. A way leads from
the table's name through the pipes it stands in, through a let to every use of it, and out of joins and unions. Where
a query joins several ways they are taken together: a filter on one of them counts, so that doubt never raises a false
alarm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from earmark.kql.base import Diagnostic, Weight
from earmark.kql.compiler.tree import Node

_PASSING = frozenset(
    {"JoinOperator", "LookupOperator", "UnionOperator", "ParenthesizedExpression", "MaterializeExpression"}
)
_STATEMENTS = frozenset({"ExpressionStatement", "QueryBlock", "FunctionBody", "List"})


class Routes:
    """The ways of a query's rows."""

    def __init__(self, root: Node, text: str) -> None:
        self.root = root
        self._text = text
        self.nodes = tuple(root.walk())
        self._parents = {id(child): node for node in self.nodes for child in _children(node)}
        self._columns: dict[int, frozenset[str]] = {}
        self._strings: dict[int, frozenset[str]] = {}

    def quote(self, node: Node, most: int = 60) -> str:
        """The node's text on one line, to be shown in a hint; … where it is long."""
        text = " ".join(self._text[node.start : node.end].split())
        return text if len(text) <= most else "…"

    def columns(self, node: Node) -> frozenset[str]:
        """The columns that an expression or operator reads."""
        if id(node) not in self._columns:
            self._columns[id(node)] = frozenset(n.name for n in node.walk() if is_column(n))
        return self._columns[id(node)]

    def strings(self, node: Node) -> frozenset[str]:
        """The string literals in an expression or operator, without their quotes."""
        if id(node) not in self._strings:
            literals = (n for n in node.walk() if n.kind == "StringLiteralExpression")
            self._strings[id(node)] = frozenset(n.token().value for n in literals)
        return self._strings[id(node)]

    def parent(self, node: Node) -> Node | None:
        """The node that holds this one."""
        return self._parents.get(id(node))

    def within(self, node: Node, *kinds: str) -> Node | None:
        """The nearest node of one of these kinds that holds this one."""
        above = self.parent(node)
        while above is not None and above.kind not in kinds:
            above = self.parent(above)
        return above

    @cached_property
    def tables(self) -> tuple[tuple[Node, tuple[str, ...]], ...]:
        """Every place where tables of the estate are named, with their names (several for a pattern)."""
        found: list[tuple[Node, tuple[str, ...]]] = []
        for node in self.nodes:
            symbol = node.symbol
            if node.kind != "NameReference" or symbol is None:
                continue
            if symbol.kind == "Table" and symbol.database:
                found.append((node, (symbol.name,)))
            elif symbol.kind == "Group" and symbol.members:
                found.append((node, tuple(m.name for m in symbol.members if m.kind == "Table" and m.database)))
        return tuple(found)

    def downstream(self, start: Node) -> tuple[Node, ...]:
        """The operators that the rows given by this node pass through, nearest first."""
        return tuple(self._downstream(start, set()))

    def _downstream(self, start: Node, seen: set[int]) -> Iterator[Node]:
        node = start
        while id(node) not in seen:
            seen.add(id(node))
            above = self.parent(node)
            if above is None:
                return
            if above.kind == "PipeExpression":
                if above.get("Expression") is node:
                    yield above["Operator"]
            elif above.kind == "LetStatement":
                for use in self._uses(above["Name"].name, after=above.end):
                    yield from self._downstream(use, seen)
                return
            elif above.kind not in _PASSING | _STATEMENTS and not self._declares(above) and not _materializes(above):
                return
            node = above

    @cached_property
    def _references(self) -> Mapping[str, tuple[Node, ...]]:
        """Where each let is used."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            if (
                node.kind == "NameReference"
                and node.symbol is not None
                and node.symbol.kind in ("Variable", "Function")
            ):
                found.setdefault(node.name, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def _uses(self, name: str, after: int) -> Iterator[Node]:
        for node in self._references.get(name, ()):
            if node.start >= after:
                above = self.parent(node)
                yield above if above is not None and above.kind == "FunctionCallExpression" else node

    @staticmethod
    def _declares(node: Node) -> bool:
        return node.kind == "FunctionDeclaration"


def is_column(node: Node) -> bool:
    """Whether a node reads a column."""
    return node.kind == "NameReference" and node.symbol is not None and node.symbol.kind == "Column"


def _materializes(node: Node) -> bool:
    if node.kind == "ExpressionList":
        return True
    return node.kind == "FunctionCallExpression" and node["Name"].name == "materialize"


def _children(node: Node) -> Iterator[Node]:
    for child in node.children.values():
        if isinstance(child, Node):
            yield child
        elif isinstance(child, tuple):
            yield from (item for item in child if isinstance(item, Node))


def warn(code: str, node: Node, message: str, hint: str) -> Diagnostic:
    """A warning at a node's place."""
    return Diagnostic(code=code, weight=Weight.WARNING, message=message, start=node.start, end=node.end, hint=hint)
