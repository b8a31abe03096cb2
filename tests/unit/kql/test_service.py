"""The door of the KQL library."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from earmark.kql.base import Weight
from earmark.kql.service import LONGEST_QUERY, Kql

TABLES = {"T": (("a", "string"), ("n", "long"))}


@pytest.fixture(scope="module")
def kql() -> Iterator[Kql]:
    service = Kql(TABLES)
    yield service
    service.close()


def codes(kql: Kql, query: str) -> list[str]:
    return [d.code for d in kql.analyze(query).diagnostics if d.weight is Weight.ERROR]


def test_places_count_code_points(kql: Kql) -> None:
    query = "T | where a == '😀😀' and Foo == 1"

    (fault,) = [d for d in kql.analyze(query).diagnostics if d.weight is Weight.ERROR]

    assert query[fault.start : fault.end] == "Foo"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "EK005"),
        ("  \n", "EK005"),
        ("T | where a == 'x\0'", "EK005"),
        ("T | where a == '\udc00'", "EK005"),
        ("T // " + "x" * LONGEST_QUERY, "EK004"),
        ("print " + "(" * 300 + "1" + ")" * 300, "EK008"),
        ("[" * 5_000, "EK008"),
        ("T | where " + " or ".join(f"n == {at}" for at in range(1_000)), "KS245"),
    ],
)
def test_hostile_texts_are_refused_at_once(query: str, code: str, kql: Kql) -> None:
    assert codes(kql, query) == [code]


@pytest.mark.parametrize(
    "query",
    [
        "T | where a == '" + "(" * 400 + "'",
        "T | where " + " or ".join(f"a has 't{at}'" for at in range(300)),
        "T | where a in (" + ",".join(f"'{at}'" for at in range(4_000)) + ")",
        "print x = " + "(" * 200 + "1" + ")" * 200,
        "T " + "| where n > 1 " * 200,
        "T " + "".join(f"| extend c{at} = n + {at} " for at in range(100)),
    ],
)
def test_large_but_honest_texts_compile(query: str, kql: Kql) -> None:
    assert codes(kql, query) == []
    assert kql.analyze(query).compiled is not None


def test_the_hunts_moment_is_a_hole(kql: Kql) -> None:
    analysis = kql.analyze("print x = now(), y = ago(1h)")

    assert analysis.compiled is not None
    assert len(analysis.compiled.sql_parts) == 3
    assert "638000000000000000" in analysis.compiled.sql(638_000_000_000_000_000)
