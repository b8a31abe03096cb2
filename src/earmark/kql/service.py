"""The door of this library: a query's text in, everything known of it out.

Microsoft's service parses and binds; `defender` explains faults and warns; what binds is compiled to SQL, or refused by
name and place. Answers are cached by content, and neither the service nor the compiler is loaded for an answer that is
known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.kql.base import TICKS_PER_SECOND, Analysis, Diagnostic, Tables, Weight
from earmark.kql.cache import AnalysisCache, tables_digest

if TYPE_CHECKING:
    from earmark.kql.compiler.tree import Node
    from earmark.kql.defender.reading import Reading
    from earmark.kql.language.service import LanguageService, ServiceAnswer, ServiceStopped

LONGEST_QUERY = 100_000
"""Characters of a query's text."""
DEEPEST_BRACKETS = 250
"""Brackets inside brackets; Microsoft's own limit on the depth of syntax is of this order."""
_FLATTER = "use fewer parentheses, or `in` in place of many `or`"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """What Microsoft's service says of a text, offsets in code points, and what stopped it."""

    reading: Reading
    stopped: Diagnostic | None = None


class Kql:
    """Analyses of queries against one set of tables."""

    def __init__(
        self,
        tables: Tables,
        *,
        cache: Path | None = None,
        timeout: timedelta = timedelta(seconds=20),
        memory: int = 768 * 2**20,
        longest: int = LONGEST_QUERY,
    ) -> None:
        """`longest` is the number of characters that a query may have."""
        # A table without columns cannot be bound, and whether a caller names it must not decide what is cached.
        self._tables = {name: columns for name, columns in tables.items() if columns}
        self._digest = tables_digest(self._tables)
        self._cache = None if cache is None else AnalysisCache(cache)
        self._timeout = timeout
        self._memory = memory
        self._longest = longest
        self._service: LanguageService | None = None

    def analyze(self, query: str) -> Analysis:
        """Parse, bind, check and compile one query."""
        known = self._cache.read(query, self._digest) if self._cache is not None else None
        if known is not None:
            return known
        analysis, lasting = self._analyze_cold(query)
        if self._cache is not None and lasting:
            self._cache.write(query, self._digest, analysis)
        return analysis

    def close(self) -> None:
        """Give the language service's memory back."""
        if self._service is not None:
            self._service.close()
            self._service = None

    def _analyze_cold(self, query: str) -> tuple[Analysis, bool]:
        """The analysis, and whether it will be the same next time (a time-out may not be)."""
        fault = _unreadable(query, self._longest)
        if fault is not None:
            return Analysis(diagnostics=(fault,), columns=None, compiled=None), True
        from earmark.kql.language.service import LanguageService, ServiceLimits, with_deep_stack

        if self._service is None:
            self._service = LanguageService(ServiceLimits(timeout=self._timeout, memory=self._memory))
        return with_deep_stack(lambda: self._bound_and_compiled(query))

    def _bound_and_compiled(self, query: str) -> tuple[Analysis, bool]:
        from earmark.kql.defender.check import check_query

        first = self._bind(query)
        if first.stopped is not None:
            return Analysis(diagnostics=(first.stopped,), columns=None, compiled=None), first.stopped.code != "EK006"
        diagnostics = check_query(query, self._tables, lambda text: self._bind(text).reading, first.reading)
        analysis = Analysis(diagnostics=diagnostics, columns=first.reading.columns, compiled=None)
        if analysis.refused or first.reading.tree is None:
            return analysis, True
        return self._compiled(query, analysis, first.reading.tree), True

    def _compiled(self, query: str, analysis: Analysis, tree: Node) -> Analysis:
        from earmark.kql.compiler import compile_tree

        result = compile_tree(tree, self._tables, query)
        if isinstance(result, Diagnostic):
            return Analysis(diagnostics=(*analysis.diagnostics, result), columns=analysis.columns, compiled=None)
        return Analysis(
            diagnostics=analysis.diagnostics,
            columns=analysis.columns,
            compiled=result.query,
            tables=tuple(sorted(table for _, table in result.query.relations)),
            window=None
            if result.reach is None
            else timedelta(microseconds=-(-result.reach // (TICKS_PER_SECOND // 1_000_000))) or None,
        )

    def _bind(self, query: str) -> _Bound:
        from earmark.kql.compiler.tree import Tree
        from earmark.kql.defender.reading import Reading
        from earmark.kql.language.service import ServiceStopped

        assert self._service is not None
        nothing = Reading(diagnostics=(), columns=None, tree=None)
        try:
            answer = self._service.analyze(query, self._tables)
        except ServiceStopped as stopped:
            return _Bound(reading=nothing, stopped=_stop(query, stopped))
        if answer.too_big is not None:
            return _Bound(
                reading=nothing,
                stopped=_whole(
                    query, "EK004", "the query is too large to be translated", "split it, or make it shorter"
                ),
            )
        offset = _code_points(query)
        tree = None if answer.tree is None else Tree(answer.tree, offset).root
        return _Bound(reading=Reading(diagnostics=_diagnostics(answer, offset), columns=answer.columns, tree=tree))


def _diagnostics(answer: ServiceAnswer, offset: Callable[[int], int]) -> tuple[Diagnostic, ...]:
    return tuple(
        Diagnostic(
            code=d.code,
            weight=Weight.ERROR if d.severity == "Error" else Weight.WARNING,
            message=d.message,
            start=offset(d.start),
            end=offset(d.start + d.length),
        )
        for d in answer.diagnostics
        if d.severity in ("Error", "Warning")
    )


def _unreadable(query: str, longest: int) -> Diagnostic | None:
    if not query.strip():
        return _whole(query, "EK005", "the query is empty", "begin with a table, such as DeviceInfo")
    if len(query) > longest:
        hint = "put long lists of values into a list of the project"
        return _whole(query, "EK004", f"the query has {len(query):,} characters; at most {longest:,} are allowed", hint)
    nested = _deepest(query)
    if nested > DEEPEST_BRACKETS:
        return _whole(
            query, "EK008", f"the query nests {nested} brackets; at most {DEEPEST_BRACKETS} are allowed", _FLATTER
        )
    for at, char in enumerate(query):
        if char == "\0" or "\ud800" <= char <= "\udfff":
            what = "a NUL character" if char == "\0" else "half of a surrogate pair"
            return Diagnostic(
                code="EK005",
                weight=Weight.ERROR,
                message=f"the query holds {what}, which is not text",
                start=at,
                end=at + 1,
                hint="remove it",
            )
    return None


def _deepest(query: str) -> int:
    """How deeply brackets are nested, strings and comments left out: the service's time grows steeply with it."""
    if max(query.count(opening) for opening in "([{") <= DEEPEST_BRACKETS:
        return 0
    from earmark.kql.defender.lexer import tokens

    depth = deepest = 0
    for token in tokens(query):
        depth += (token.text in "([{") - (token.text in ")]}" and depth > 0)
        deepest = max(deepest, depth)
    return deepest


def _stop(query: str, stopped: ServiceStopped) -> Diagnostic:
    said = {
        "time": (
            "EK006",
            "the query takes too long to be parsed and bound",
            "make it simpler, or raise the time limit",
        ),
        "memory": ("EK007", "the query takes too much memory to be parsed and bound", "make it simpler"),
        "stack": ("EK008", "the query is nested too deeply", _FLATTER),
    }
    code, message, hint = said.get(
        stopped.reason, ("EK009", f"the language service failed on this query: {stopped}", "please report it")
    )
    return _whole(query, code, message, hint)


def _whole(query: str, code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code=code, weight=Weight.ERROR, message=message, start=0, end=len(query), hint=hint)


def _code_points(text: str) -> Callable[[int], int]:
    """UTF-16 offsets, as JavaScript counts, to offsets of this text."""
    if text.isascii() or max(text) < "\U00010000":
        return lambda at: at
    table: list[int] = []
    for at, char in enumerate(text):
        table += [at, at] if char > "\uffff" else [at]
    table.append(len(text))
    return lambda at: table[min(at, len(table) - 1)]
