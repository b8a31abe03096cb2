"""The text that is sent to a tenant: lists as tables before the query, and a query cut into parts by device."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from earmark.errors import HuntError
from earmark.kql.defender.lexer import Kind, tokens
from earmark.model.hunt import ListTable

LARGEST_REQUEST = 1_000_000
"""Bytes of a request's body; a little below where Graph answers 413."""


_ANY_ROWS = frozenset({"take", "limit", "sample", "rand"})


def lists_read(query: str, lists: Mapping[str, ListTable]) -> list[str]:
    """The lists that a query names, sorted."""
    words = {token.text for token in tokens(query) if token.kind is Kind.NAME}
    return sorted(name for name in lists if name in words)


def tables_read(query: str, tables: Collection[str]) -> list[str]:
    """The tables that a query names, sorted; more than it reads where a column or a variable is called like one."""
    words = {token.text for token in tokens(query) if token.kind is Kind.NAME}
    return sorted(name for name in tables if name in words)


def with_lists(query: str, lists: Mapping[str, ListTable]) -> str:
    """The query with every list that it names as a table before it."""
    return "".join(f"let {name} = {_datatable(lists[name])};\n" for name in lists_read(query, lists)) + query


def require_size(query: str, lists: Mapping[str, ListTable]) -> None:
    """Refuse a query that is larger than a request may be, and say what makes it so."""
    size = len(json.dumps(query, ensure_ascii=False).encode())
    if size <= LARGEST_REQUEST:
        return
    sizes = {name: len(_datatable(lists[name]).encode()) for name in lists_read(query, lists)}
    largest = max(sizes, key=lambda name: sizes[name], default=None)
    what = f"; the list {largest} alone has {sizes[largest]:,}" if largest else ""
    raise HuntError(
        f"the query has {size:,} bytes with its lists{what}, and a tenant takes at most {LARGEST_REQUEST:,}.",
        hint="Keep only the columns and rows of the list that the query needs, or hunt without it.",
    )


def chooses_freely(query: str) -> bool:
    """Whether a query takes whatever rows come first, each time others: its parts would not make up one result."""
    return any(token.kind is Kind.NAME and token.text in _ANY_ROWS for token in tokens(query))


def part_of(query: str, part: int, parts: int) -> str:
    """One part of a query's result: the rows of the devices whose hash falls to it."""
    return f"{_open_ended(query)}\n| where hash(DeviceId, {parts}) == {part}"


def _open_ended(query: str) -> str:
    """A query that more can be added to: without the `;` at its end."""
    words = tokens(query)
    end = len(words)
    while end and words[end - 1].text == ";":
        end -= 1
    return query[: words[end - 1].end] if end else query


def _datatable(table: ListTable) -> str:
    columns = ", ".join(f"{_name(column.name)}: string" for column in table.columns)
    cells = ",\n".join(", ".join(_literal(cell) for cell in row) for row in table.rows)
    return f"datatable({columns})[\n{cells}\n]"


def _name(name: str) -> str:
    return name if name.isascii() and name.isidentifier() else f"['{_escaped(name)}']"


def _literal(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Text within a KQL string literal (https://learn.microsoft.com/kusto/query/scalar-data-types/string)."""
    return "".join(_ESCAPES.get(char) or (char if char.isprintable() else _unicode(char)) for char in text)


def _unicode(char: str) -> str:
    units = char.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


_ESCAPES = {"\\": "\\\\", '"': '\\"', "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
