"""The bound tree as small typed nodes: the glue's JSON in, `Node`s out.

A node keeps Microsoft's kind ("FilterOperator") and names of children ("Condition"), so that the service's own
documentation can be read beside an operator's module. Offsets become code points of the query's text here, once. Bodies
of called functions are built on demand and shared by their callers; their offsets count from the body's own text, so
only a caller's span is shown to people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from earmark.kql.base import Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """What a name stands for."""

    kind: str
    """Column, Variable, Parameter, Function, Table, Group, Operator …"""
    name: str
    origin: str = ""
    """Of a function: builtin, aggregate or user."""
    database: bool = False
    """Of a table: whether it is one of the estate's, not one that the query makes."""
    members: tuple[Symbol, ...] = ()
    """Of a group (`union Device*`): its tables, in order."""
    columns: Columns | None = None
    """Of a table: its columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A literal's text."""

    text: str
    """As written."""
    value: str
    """With quotes and escapes resolved."""


Child = "Node | Token | str | tuple[Node, ...]"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """One node of the bound tree."""

    kind: str
    """Microsoft's SyntaxKind, e.g. `AddExpression`."""
    start: int
    end: int
    type: str = ""
    """The KQL type of a scalar expression (`unknown` is given as dynamic); empty for anything else."""
    columns: Columns | None = None
    """The columns of a tabular expression or operator, in order."""
    sorted: bool = False
    """Whether the service calls that table sorted."""
    symbol: Symbol | None = None
    name: str = ""
    """Of a NameReference or NameDeclaration: the name, unquoted."""
    wildcard: bool = False
    """Whether that name is a pattern with `*`."""
    result_name: str = ""
    """The column name an unnamed expression gets from the service (`count_`, `a_b`), where it has one."""
    parameters: tuple[str, ...] = ()
    """Of a call of a user function: the parameters' names."""
    children: Mapping[str, Any] = field(default_factory=dict)
    """Child name → Node, tuple of Nodes, Token, or the text of a keyword or operator."""
    body_of: Callable[[], Node] | None = None
    """Builds the expanded body of the user function called here."""

    def __getitem__(self, child: str) -> Node:
        """The child node of that name, which must be there."""
        found = self.children[child]
        if not isinstance(found, Node):
            raise KeyError(f"{self.kind}.{child} is not a node")
        return found

    def get(self, child: str) -> Node | None:
        """The child node of that name, if there is one."""
        found = self.children.get(child)
        return found if isinstance(found, Node) else None

    def list(self, child: str) -> Sequence[Node]:
        """The child list of that name; empty when absent."""
        found = self.children.get(child, ())
        return tuple(item for item in found if isinstance(item, Node)) if isinstance(found, tuple) else ()

    def text(self, child: str) -> str:
        """The text of the token of that name; empty when absent."""
        found = self.children.get(child, "")
        return found.text if isinstance(found, Token) else found if isinstance(found, str) else ""

    def token(self, child: str = "Token") -> Token:
        """The literal token of that name, which must be there."""
        found = self.children[child]
        if not isinstance(found, Token):
            raise KeyError(f"{self.kind}.{child} is not a literal token")
        return found

    @property
    def body(self) -> Node | None:
        """The expanded body (`FunctionBody`) of the user function called here, bound for these arguments."""
        return None if self.body_of is None else self.body_of()

    @property
    def arguments(self) -> Sequence[Node]:
        """Of a FunctionCallExpression: its arguments."""
        return self["ArgumentList"].list("Expressions") if "ArgumentList" in self.children else ()

    def walk(self) -> Iterator[Node]:
        """This node and all below it, without bodies of functions."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            below: list[Node] = []
            for child in node.children.values():
                if isinstance(child, Node):
                    below.append(child)
                elif isinstance(child, tuple):
                    below.extend(item for item in child if isinstance(item, Node))
            waiting.extend(reversed(below))


def render_tree(node: Node, indent: int = 0, label: str = "") -> str:
    """A node as indented text, for people."""
    facts = [node.kind, f"[{node.start}:{node.end}]"]
    if node.type:
        facts.append(f"type={node.type}")
    if node.columns is not None:
        shown = ", ".join(f"{name}:{kind}" for name, kind in node.columns[:6]) + (
            ", …" if len(node.columns) > 6 else ""
        )
        facts.append(f"columns=({shown})")
    if node.symbol is not None:
        facts.append(
            f"symbol={node.symbol.kind}:{node.symbol.name}{' ' + node.symbol.origin if node.symbol.origin else ''}"
        )
    facts.extend(f"{key}={value!r}" for key, value in (("name", node.name), ("result_name", node.result_name)) if value)
    if node.parameters:
        facts.append(f"parameters={node.parameters}")
    lines = ["  " * indent + (f"{label}: " if label else "") + " ".join(facts)]
    for name, child in node.children.items():
        if isinstance(child, Node):
            lines.append(render_tree(child, indent + 1, name))
        elif isinstance(child, tuple):
            lines.extend(
                render_tree(item, indent + 1, f"{name}[{at}]")
                if isinstance(item, Node)
                else f"{'  ' * (indent + 1)}{name}[{at}]: {item!r}"
                for at, item in enumerate(child)
            )
        else:
            lines.append("  " * (indent + 1) + f"{name}: {child!r}")
    if node.body is not None:
        lines.append(render_tree(node.body, indent + 1, "body"))
    return "\n".join(lines)


class Tree:
    """The glue's JSON for one query, built into nodes as they are asked for."""

    def __init__(self, dumped: Mapping[str, Any], offset: Callable[[int], int] = lambda at: at) -> None:
        self._dumped = dumped
        self._offset = offset
        self._tables: list[tuple[Columns, bool]] = [
            (tuple((name, known_type(kind)) for name, kind in table["columns"]), table["sorted"])
            for table in dumped["tables"]
        ]
        self._symbols: dict[int, Symbol] = {}
        self._bodies: dict[int, Node] = {}
        self.root = self._node(dumped["root"], offset)

    def _node(self, raw: Mapping[str, Any], offset: Callable[[int], int]) -> Node:
        kind_of = raw.get("t")
        columns, ordered = self._tables[kind_of] if isinstance(kind_of, int) else (None, False)
        body = raw.get("b")
        return Node(
            kind=raw["k"],
            start=offset(raw["a"]),
            end=offset(raw["z"]),
            type=known_type(kind_of) if isinstance(kind_of, str) else "",
            columns=columns,
            sorted=ordered,
            symbol=None if "s" not in raw else self._symbol(raw["s"]),
            name=raw.get("v", ""),
            wildcard=raw.get("w", False),
            result_name=raw.get("n", ""),
            parameters=tuple(raw.get("p", ())),
            children={name: self._child(child, offset) for name, child in raw.get("c", {}).items()},
            body_of=None if body is None else lambda: self._body(body),
        )

    def _child(self, raw: Any, offset: Callable[[int], int]) -> Any:
        if isinstance(raw, dict):
            return self._node(raw, offset)
        if isinstance(raw, str):
            return raw
        if len(raw) == 2 and all(isinstance(part, str) for part in raw):
            return Token(text=raw[0], value=raw[1])
        return tuple(self._child(item, offset) for item in raw)

    def _body(self, index: int) -> Node:
        if index not in self._bodies:
            self._bodies[index] = self._node(self._dumped["bodies"][index], lambda at: at)
        return self._bodies[index]

    def _symbol(self, index: int) -> Symbol:
        if index not in self._symbols:
            raw = self._dumped["symbols"][index]
            kind_of = raw.get("type")
            self._symbols[index] = Symbol(
                kind=raw["kind"],
                name=raw["name"],
                origin=raw.get("origin", ""),
                database=raw.get("database", False),
                members=tuple(self._symbol(member) for member in raw.get("members", ())),
                columns=self._tables[kind_of][0] if isinstance(kind_of, int) else None,
            )
        return self._symbols[index]


def known_type(name: str) -> str:
    """The KQL type of that name; what the service could not tell is dynamic, as at run time."""
    return "dynamic" if name == "unknown" else name
