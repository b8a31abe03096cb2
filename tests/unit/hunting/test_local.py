from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from earmark.errors import HuntError
from earmark.model.hunt import Column, HuntLimits, ListTable
from tests.unit.hunting.conftest import NOW, Hunt, logon

ORDINARY = [logon(1, AccountName="ada", LogonId=7, InitiatingProcessLogonId=9), logon(2, AccountName="bob")]


def names_list(*names: str, column: str = "AccountName") -> ListTable:
    return ListTable(columns=(Column(name=column, type="string"),), rows=tuple((name,) for name in names))


def test_cells_have_the_forms_that_a_result_promises(hunt: Hunt) -> None:
    result = hunt(
        "print a = 1, b = true, c = 1.5, d = 'x', e = datetime(2020-01-01 00:00:00.1230000), f = 1d, "
        'g = dynamic({"a": [1]}), h = decimal(1.50), i = long(null), j = datetime(2020-01-01), k = ago(1h)'
    )

    (row,) = result.rows
    assert row[:4] == (1, True, 1.5, "x")
    assert row[4:6] == ("2020-01-01T00:00:00.123Z", "1.00:00:00")
    assert row[6:9] == ({"a": [1]}, Decimal("1.5"), None)
    assert row[9:] == ("2020-01-01T00:00:00Z", "2026-01-04T05:00:00Z")
    assert [column.type for column in result.columns][:5] == ["long", "bool", "real", "string", "datetime"]
    assert (result.complete, result.why_not, result.engine) == (True, None, "local")


def test_now_is_the_hunts_end_and_later_events_are_not_seen(hunt: Hunt) -> None:
    rows = [*ORDINARY, logon(-1, AccountName="tomorrow"), logon(200, AccountName="old")]
    result = hunt(
        "DeviceLogonEvents | where Timestamp > ago(7d) | project AccountName | sort by AccountName asc",
        DeviceLogonEvents=rows,
    )

    assert result.rows == (("ada",), ("bob",))
    assert result.complete
    assert result.data_until == NOW - timedelta(hours=1)


def test_columns_that_differ_in_case_alone_are_not_mixed_up(hunt: Hunt) -> None:
    row = logon(1, LogonId=7, LogonID=9)
    result = hunt("DeviceProcessEvents | project LogonId, LogonID", DeviceProcessEvents=[row])

    assert result.rows == ((7, 9),)


def test_every_table_is_there_even_without_data(hunt: Hunt) -> None:
    result = hunt("EmailEvents | count", DeviceInfo=ORDINARY)

    assert result.rows == ((0,),)
    assert result.why_not == "EmailEvents has no data up to the hunt's end"


def test_a_snapshot_without_times_is_asked_for_rows_alone(hunt: Hunt) -> None:
    table = "DeviceTvmSoftwareInventory"
    nothing = hunt(f"{table} | count", DeviceInfo=ORDINARY)
    assert nothing.why_not == f"{table} has no data up to the hunt's end"
    one = hunt(f"{table} | count", DeviceInfo=ORDINARY, **{table: [{"DeviceId": "d1"}]})
    assert (one.rows, one.complete) == (((1,),), True)


def test_a_list_is_a_table_and_can_be_searched(hunt: Hunt) -> None:
    result = hunt(
        "DeviceLogonEvents | where AccountName in~ (Executives) | project AccountName",
        lists={"Executives": names_list("ADA", "nobody")},
        DeviceLogonEvents=ORDINARY,
    )

    assert result.rows == (("ada",),)


def test_a_refused_query_names_every_fault_with_its_place(hunt: Hunt) -> None:
    with pytest.raises(HuntError) as refusal:
        hunt("DeviceLogonEvents\n| where a = 1")

    first, *_ = refusal.value.message.splitlines()
    assert first.startswith("2:9 KS142 ")


def test_what_the_compiler_does_not_know_is_refused_by_name_and_place(hunt: Hunt) -> None:
    with pytest.raises(HuntError, match=r"^1:\d+ EK\d+ .*ingestion_time\(\)"):
        hunt("print ingestion_time()")


def test_a_result_beyond_the_limit_of_rows_is_cut_and_not_complete(hunt: Hunt) -> None:
    result = hunt("range x from 1 to 11 step 1", limits=HuntLimits(rows=10))

    assert len(result.rows) == 10
    assert not result.complete
    assert result.why_not == "the result was cut at 10 rows"
    assert hunt("range x from 1 to 10 step 1", limits=HuntLimits(rows=10)).complete


def test_a_hunt_is_stopped_at_its_limit_of_time(hunt: Hunt) -> None:
    slow = "range x from 1 to 500000000 step 1 | extend y = x * 7 % 1000003 | summarize count() by y | count"
    hunt("print 1")  # the language service starts outside the time that is measured
    result = hunt(slow, limits=HuntLimits(timeout=timedelta(seconds=1)))

    assert not result.complete
    assert result.why_not is not None
    assert "limit of time" in result.why_not
    assert result.seconds < 20


@pytest.mark.parametrize("spilling", [False, True])
def test_a_hunt_is_stopped_at_its_limit_of_memory_and_leaves_nothing_behind(
    hunt: Hunt, tmp_path: Path, spilling: bool
) -> None:
    temp = tmp_path / "temp" if spilling else None
    query = "range x from 1 to 20000000 step 1 | extend y = strcat('some text ', x) | summarize make_list(y)"
    result = hunt(query, limits=HuntLimits(memory=60 * 2**20), temp=temp)

    assert not result.complete
    assert result.why_not == "the hunt needed more memory or temporary space than its limit"
    assert temp is None or list(temp.iterdir()) == []


def test_a_failure_at_run_time_is_a_sentence_and_no_answer(hunt: Hunt) -> None:
    result = hunt("print x = 9223372036854775807 | extend y = x + 1")

    assert result.rows == ()
    assert not result.complete
    assert "Overflow" in (result.why_not or "")


def test_a_moment_without_a_zone_is_refused(hunt: Hunt) -> None:
    with pytest.raises(HuntError, match="time zone"):
        hunt("print 1", now=datetime(2026, 1, 4))


@pytest.mark.parametrize(
    ("lists", "fault"),
    [
        ({"DeviceInfo": names_list("x")}, "name of a table"),
        ({"L": ListTable(columns=(), rows=())}, "no column"),
        (
            {"L": ListTable(columns=(Column(name="A", type="string"), Column(name="a", type="string")), rows=())},
            "twice",
        ),
        ({"L": ListTable(columns=(Column(name="A", type="string"),), rows=(("1", "2"),))}, "row 1 of list 'L'"),
    ],
)
def test_a_list_that_cannot_be_a_table_is_refused(hunt: Hunt, lists: dict[str, ListTable], fault: str) -> None:
    with pytest.raises(HuntError, match=fault):
        hunt("print 1", lists=lists)


def test_data_of_another_zone_are_compared_in_utc(hunt: Hunt) -> None:
    result = hunt("print startofday(now())", now=datetime.fromisoformat("2026-01-04T01:00:00+02:00"))

    assert result.rows == (("2026-01-03T00:00:00Z",),)
    assert result.data_until is None
    assert datetime(2026, 1, 3, tzinfo=UTC) < NOW


def test_a_number_in_quotes_is_not_quietly_compared_with_a_number(hunt: Hunt) -> None:
    query = 'datatable(d:dynamic)[dynamic({"port":"443"})] | where '

    assert "tolong" in (hunt(query + "d.port == 443").why_not or "")
    assert len(hunt(query + "tolong(d.port) == 443").rows) == 1


def test_numbers_that_json_lacks_go_by_their_names(hunt: Hunt) -> None:
    result = hunt("print a = real(nan), b = real(+inf), c = real(-inf), d = 0.5, e = real(null)")
    assert result.rows == (("NaN", "Infinity", "-Infinity", 0.5, None),)
