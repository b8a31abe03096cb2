"""What is not known is refused by its name, at its place; nothing is approximated."""

from __future__ import annotations

import pytest

from earmark.kql.base import Weight
from earmark.kql.service import Kql
from tests.unit.kql.compiler.operators.answering import errors


@pytest.mark.parametrize(
    ("query", "place", "said"),
    [
        (
            "DeviceEvents | sample-distinct 5 of DeviceId",
            "sample-distinct 5 of DeviceId",
            "'sample-distinct' is not supported yet",
        ),
        ("union Device*Events | project AdditionalFields", None, "column 'AdditionalFields' has different types"),
        ("union Device*Events | extend p = pack_all() | project p", None, "has different types"),
        ("union Device*Events | take 5", None, "has different types"),
        ("DeviceEvents | top-nested 3 of DeviceId by count()", "top-nested 3 of DeviceId by count()", "'top-nested'"),
        ("search 'x'", "search 'x'", "operator 'search' is not supported yet"),
        (
            "DeviceInfo | evaluate pivot(OSPlatform)",
            "evaluate pivot(OSPlatform)",
            "plugin 'pivot' is not supported yet",
        ),
        ("externaldata(a:string)['https://example.com/x.csv']", None, "externaldata is not allowed"),
        ("cluster('x').database('y').DeviceEvents", None, "other clusters, databases"),
        (".show tables", None, "a management command is not a query"),
        ("set notruncation; print 1", "set notruncation", "statement 'set-option' is not supported"),
        ("print 1; print 2", "print 2", "several results"),
        ("let x = 1;", None, "gives no result"),
        ("1 + 1", "1 + 1", "single value"),
        ("union (print a=1), (print a='x'), (print a_long=2)", None, "column 'a_long' is there already"),
        ("print s='x' | parse s with 'a' b 'c' *, s", None, ""),
        ("print s='x' | parse kind=regex flags=x s with 'a' b", None, "parse flags=x is not supported"),
        ("let f = (a:long) { print x = rand(a) }; f(1) | where x > 0", "f(1)", "rand"),
        ("print s='x', b='y' | parse s with 'a' b", "parse s with 'a' b", "parse into column 'b'"),
        (
            "let f = (x:string) { toscalar(DeviceInfo | where DeviceId == x | count) }; "
            "DeviceEvents | extend n = f(DeviceId)",
            "f(DeviceId)",
            "'x' differs from row to row",
        ),
    ],
)
def test_a_refusal_names_thing_and_place(query: str, place: str | None, said: str, kql: Kql) -> None:
    analysis = kql.analyze(query)

    assert analysis.compiled is None
    found = [d for d in analysis.diagnostics if d.weight is Weight.ERROR]
    assert found
    assert said in found[-1].message
    if place is not None:
        assert query[found[-1].start : found[-1].end] == place


@pytest.mark.parametrize(
    "query", ["['/etc/passwd'] | take 1", "['/tmp/x.parquet']", "external_table('x')", "NoSuchTable"]
)
def test_nothing_but_tables_can_be_read(query: str, kql: Kql) -> None:
    analysis = kql.analyze(query)

    assert analysis.refused
    assert analysis.compiled is None


def test_a_slip_for_equality_does_not_bind(kql: Kql) -> None:
    assert kql.analyze("DeviceEvents | where DeviceId = 'x'").compiled is None


def test_a_column_in_the_wrong_case_does_not_bind(kql: Kql) -> None:
    assert kql.analyze("DeviceEvents | where deviceid == 'x'").compiled is None


@pytest.mark.parametrize("levels", [5, 20])
def test_sql_grows_with_the_query_not_with_its_nesting(levels: int, kql: Kql) -> None:
    nested = "iff(isempty(" * levels + "ActionType" + "), 'x', 'y')" * levels
    doubled = "".join(f"let u{at + 1} = union u{at}, u{at}; " for at in range(levels // 2))
    for query in (f"DeviceEvents | extend a = {nested}", f"let u0 = DeviceInfo; {doubled}u{levels // 2} | count"):
        analysis = kql.analyze(query)
        assert analysis.compiled is not None, errors(analysis)
        assert len(analysis.compiled.sql(0)) < 20_000 + 100 * len(query)


def test_a_query_that_doubles_itself_is_refused(kql: Kql) -> None:
    doubling = "".join(f"let f{at} = (a:long) {{ f{at - 1}(a) + f{at - 1}(a) }}; " for at in range(1, 14))
    analysis = kql.analyze(f"let f0 = (a:long) {{ a + 1 }}; {doubling}DeviceEvents | extend z = f13(ProcessId)")

    assert [d.code for d in analysis.diagnostics if d.weight is Weight.ERROR] == ["EK004"]


@pytest.mark.parametrize(
    "rest", ["count", "where Timestamp > ago(7d) | summarize count() by DeviceId", "extend x = DeviceId | project x"]
)
def test_a_column_of_two_types_does_not_matter_where_nobody_reads_it(rest: str, kql: Kql) -> None:
    analysis = kql.analyze(f"union Device*Events | {rest}")

    assert analysis.compiled is not None, errors(analysis)


@pytest.mark.parametrize("condition", ['RemotePort == "3389"', '"3389" != RemotePort', 'RemotePort in ("3389")'])
def test_a_number_in_quotes_is_refused_with_the_number(condition: str, kql: Kql) -> None:
    (error,) = [d for d in kql.analyze(f"DeviceNetworkEvents | where {condition}").diagnostics if d.weight == "error"]
    assert error.hint == "write 3389, without quotes"
