"""OData query options of the sandbox's collections: which are allowed where, and a page of rows by them.

A `Collection` says what a documented list takes; `Collection.options` reads a request's parameters, and
`Options.page` gives the rows to answer with and what a `nextLink` must say. Everything wrong is an `ODataFault`: the
API answers it as 400 with the code ODataError (https://learn.microsoft.com/defender-endpoint/api/common-errors).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from earmark.sandbox.odata_filter import Predicate, Properties, Property, Row, compile_filter
from earmark.sandbox.odata_tokens import Kind, ODataFault, instant_key

__all__ = ["Collection", "Kind", "ODataFault", "Options", "Page", "Properties", "Property"]
_R = TypeVar("_R", bound=Row)
_MOST = 2**31 - 1
_DEFAULT_OPTIONS = frozenset({"$filter", "$top", "$skip"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows of a collection."""

    rows: Sequence[Row]
    count: int | None
    """How many rows the filter leaves, where `$count=true` asks for it."""
    following: str | None
    """The query of the address of the next page; None at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The query options of one request."""

    keeps: Predicate | None
    """None: every row."""
    top: int | None
    skip: int
    count: bool
    expand: frozenset[str]
    order: tuple[tuple[str, Kind, bool], ...]
    """(property, kind, descending), the most significant first."""
    page_size: int
    pages_by_top: bool
    asked: tuple[tuple[str, str], ...]
    """The parameters as they came."""

    def page(self, rows: Iterable[_R]) -> Page:
        """The rows to answer with."""
        left = [row for row in rows if self.keeps(row)] if self.keeps is not None else list(rows)
        for name, kind, descending in reversed(self.order):
            left.sort(key=partial(_order_key, name=name, kind=kind), reverse=descending)
        size, last = self.page_size, len(left)
        if self.top is not None and self.pages_by_top:
            size = min(size, self.top)
        elif self.top is not None:
            last = min(last, self.skip + self.top)
        end = min(self.skip + size, last)
        more = end < last and end > self.skip
        return Page(
            rows=left[self.skip : end],
            count=len(left) if self.count else None,
            following=self._following(end) if more else None,
        )

    def _following(self, end: int) -> str:
        """The parameters of the next page: as they came, but for what has been seen."""
        kept = [(name, value) for name, value in self.asked if name not in ("$skip", "$top")]
        if self.top is not None:
            kept.append(("$top", str(self.top if self.pages_by_top else self.top - (end - self.skip))))
        kept.append(("$skip", str(end)))
        return "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A list that the API documents."""

    properties: Properties
    """Those that `$filter` takes."""
    options: frozenset[str] = _DEFAULT_OPTIONS
    """The options it takes."""
    most: int = 10_000
    """The greatest `$top`."""
    page_size: int = 10_000
    """Rows of one answer at most."""
    pages_by_top: bool = False
    """Whether `$top` is the size of a page, with a link to the next one, as in Graph; else it ends the list."""
    expandable: frozenset[str] = frozenset()
    """What `$expand` takes."""
    order: Mapping[str, Kind] = field(default_factory=dict)
    """What `$orderby` takes."""

    def read(self, parameters: Iterable[tuple[str, str]]) -> Options:
        """The options of a request; parameters without a dollar sign are not OData's and are passed over."""
        asked = tuple((name, value) for name, value in parameters)
        given: dict[str, str] = {}
        for name, value in asked:
            if not name.startswith("$"):
                continue
            if name not in self.options:
                allowed = ", ".join(sorted(self.options))
                raise ODataFault(f"The query option '{name}' is not supported here; supported are {allowed}.")
            if name in given:
                raise ODataFault(f"The query option '{name}' is given more than once.")
            given[name] = value
        return Options(
            keeps=compile_filter(given["$filter"], self.properties) if "$filter" in given else None,
            top=_count_of("$top", given["$top"], self.most) if "$top" in given else None,
            skip=_count_of("$skip", given["$skip"], _MOST) if "$skip" in given else 0,
            count=_boolean_of("$count", given.get("$count", "false")),
            expand=self._expand(given.get("$expand", "")),
            order=self._order(given["$orderby"]) if "$orderby" in given else (),
            page_size=self.page_size,
            pages_by_top=self.pages_by_top,
            asked=asked,
        )

    def _expand(self, text: str) -> frozenset[str]:
        names = [part.strip() for part in text.split(",") if part.strip()]
        for name in names:
            if name not in self.expandable:
                can = ", ".join(sorted(self.expandable)) or "nothing"
                raise ODataFault(f"'{name[:100]}' cannot be expanded here; what can be is {can}.")
        return frozenset(names)

    def _order(self, text: str) -> tuple[tuple[str, Kind, bool], ...]:
        found = []
        names = {name.lower(): name for name in self.order}
        for part in text.split(","):
            words = part.split()
            name = names.get(words[0].lower()) if words else None
            if name is None or len(words) > 2 or words[1:] not in ([], ["asc"], ["desc"]):
                can = ", ".join(self.order)
                raise ODataFault(f"'{part.strip()[:100]}' is no order for $orderby; it takes {can}, with asc or desc.")
            found.append((name, self.order[name], words[1:] == ["desc"]))
        return tuple(found)


def _count_of(option: str, text: str, most: int) -> int:
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdigit() and len(stripped) <= 10):
        raise ODataFault(f"The query option '{option}' is '{text[:50]}', expected a whole number from 0 on.")
    if int(stripped) > most:
        raise ODataFault(f"The limit of '{most}' for {option} has been exceeded: the request asks for '{stripped}'.")
    return int(stripped)


def _boolean_of(option: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise ODataFault(f"The query option '{option}' is '{text[:50]}', expected true or false.")
    return text == "true"


def _order_key(row: Row, *, name: str, kind: Kind) -> tuple[bool, Any]:
    value = row.get(name)
    if value is None:
        return (False, "")
    return (True, instant_key(value) if kind is Kind.INSTANT else value)
