"""Which tables a tenant has: asked for in batches, missing told apart from unknown."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from earmark.errors import EstateError, HuntError, PermissionDenied
from earmark.kql.defender.tables import TABLES
from earmark.kql.service import Kql
from earmark.model.hunt import Column, HuntResult
from earmark.services.tables import BATCH, MOST_HUNTS, current_tables, find_tables, named_tables, query_for

WORDINGS = [
    "Failed to resolve table or column expression named '{}'",
    "The name '{}' does not refer to any known table, tabular variable or function.",
]


def tenant(*missing: str, wording: str = WORDINGS[0], asked: list[str] | None = None) -> Callable[[str], HuntResult]:
    """A tenant that lacks some tables and names the first it meets."""

    def hunt(query: str) -> HuntResult:
        if asked is not None:
            asked.append(query)
        for name in re.findall(r"(\w+) \| take 0", query):
            if name in missing:
                raise HuntError(wording.format(name))
        return result()

    return hunt


def result(*, answered: bool = True, why_not: str | None = None) -> HuntResult:
    columns = (Column(name="Present", type="long"),) if answered else ()
    return HuntResult(
        columns=columns, rows=(), complete=why_not is None, why_not=why_not, engine="", data_until=None, seconds=0.0
    )


def test_all_there_takes_a_hunt_for_twenty() -> None:
    asked: list[str] = []
    found = find_tables(tenant(asked=asked), current_tables())
    assert found.present == list(current_tables())
    assert (found.missing, found.unknown) == ([], {})
    assert len(asked) == found.hunts == -(-len(current_tables()) // BATCH)


@pytest.mark.parametrize("wording", WORDINGS)
def test_a_refusal_takes_the_table_that_it_names_out(wording: str) -> None:
    found = find_tables(tenant("DeviceInfo", "EmailEvents", wording=wording), current_tables())
    assert found.missing == ["DeviceInfo", "EmailEvents"]
    assert set(found.present) == set(current_tables()) - {"DeviceInfo", "EmailEvents"}
    assert found.hunts <= -(-len(current_tables()) // BATCH) + 2


def test_a_refusal_that_names_none_is_halved_down_to_the_one() -> None:
    found = find_tables(tenant("DeviceInfo", wording="Could not resolve something"), current_tables())
    assert found.missing == ["DeviceInfo"]
    assert found.unknown == {}


def test_a_refusal_for_another_reason_says_nothing_of_the_table() -> None:
    found = find_tables(tenant("DeviceInfo", wording="Hunting is switched off"), ["DeviceInfo", "DeviceEvents"])
    assert found.unknown == dict.fromkeys(["DeviceInfo", "DeviceEvents"], "Hunting is switched off")
    assert (found.present, found.missing, found.hunts) == ([], [], 1)


def test_a_request_that_failed_leaves_its_tables_unknown() -> None:
    def hunt(_query: str) -> HuntResult:
        raise EstateError("hunting got no answer.")

    found = find_tables(hunt, ["DeviceInfo", "DeviceEvents"])
    assert found.unknown == dict.fromkeys(["DeviceInfo", "DeviceEvents"], "hunting got no answer.")
    assert (found.present, found.missing, found.hunts) == ([], [], 1)


def test_a_hunt_that_was_not_answered_leaves_them_unknown() -> None:
    found = find_tables(lambda _query: result(answered=False, why_not="it took too long"), ["DeviceInfo"])
    assert found.unknown == {"DeviceInfo": "it took too long"}


def test_data_that_stop_short_do_not_matter() -> None:
    found = find_tables(lambda _query: result(why_not="the data stop short"), ["DeviceInfo"])
    assert found.present == ["DeviceInfo"]


def test_what_stops_every_hunt_is_raised() -> None:
    def hunt(_query: str) -> HuntResult:
        raise PermissionDenied("hunting was refused with 403.")

    with pytest.raises(PermissionDenied):
        find_tables(hunt, ["DeviceInfo"])


def test_hunts_have_an_end() -> None:
    tables = [f"Table{n}" for n in range(200)]
    found = find_tables(tenant(*tables), tables)
    assert found.hunts == MOST_HUNTS
    assert len(found.missing) + len(found.unknown) == 200
    assert "not asked" in found.unknown["Table0"] or "not asked" in found.unknown["Table199"]


def test_the_query_binds_where_the_tables_are() -> None:
    for tables in (["DeviceInfo"], list(current_tables())[:BATCH]):
        analysis = Kql(TABLES).analyze(query_for(tables))
        assert not analysis.refused
        assert analysis.columns is not None


def test_tables_are_named_by_queries_and_not_by_their_comments() -> None:
    query = 'let T = DeviceEvents; // DeviceInfo\nT | where A == "EmailEvents" | join (IdentityInfo) on X'
    assert named_tables(query) == {"DeviceEvents", "IdentityInfo"}
