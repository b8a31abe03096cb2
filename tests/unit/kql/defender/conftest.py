"""Microsoft's service as this room asks it: loaded once for all tests of a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from earmark.kql.base import Diagnostic, Tables, Weight
from earmark.kql.compiler.tree import Tree
from earmark.kql.defender.check import Reader, Reading, check_query
from earmark.kql.defender.tables import TABLES
from earmark.kql.language.service import LanguageService

Check = Callable[[str], tuple[Diagnostic, ...]]


@pytest.fixture(scope="session")
def tables() -> Tables:
    return {**TABLES, "Executives": (("AccountName", "string"), ("Title", "string"))}


@pytest.fixture(scope="session")
def read(tables: Tables) -> Iterator[Reader]:
    service = LanguageService()

    def bind(text: str) -> Reading:
        units = [0]
        for at, char in enumerate(text):
            units.extend([at + 1] * (2 if ord(char) > 0xFFFF else 1))
        answer = service.analyze(text, tables)
        return Reading(
            diagnostics=tuple(
                Diagnostic(
                    code=d.code,
                    weight=Weight.ERROR if d.severity == "Error" else Weight.WARNING,
                    message=d.message,
                    start=units[d.start],
                    end=units[min(d.start + d.length, len(units) - 1)],
                )
                for d in answer.diagnostics
            ),
            columns=answer.columns,
            tree=None if answer.tree is None else Tree(answer.tree, units.__getitem__).root,
        )

    yield cache(bind)
    service.close()


@pytest.fixture(scope="session")
def check(tables: Tables, read: Reader) -> Check:
    return cache(lambda query: check_query(query, tables, read))
