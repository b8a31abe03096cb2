from __future__ import annotations

from datetime import timedelta

import pytest

from earmark.model.hunt import HuntLimits
from tests.unit.hunting.conftest import Hunt, logon

COUNT = "DeviceLogonEvents | where Timestamp > ago(7d) | count"


def test_data_that_reach_the_hunts_end_make_it_complete(hunt: Hunt) -> None:
    assert hunt(COUNT, DeviceLogonEvents=[logon(23)]).complete


def test_data_that_stop_short_make_it_incomplete(hunt: Hunt) -> None:
    result = hunt(COUNT, DeviceLogonEvents=[logon(75)])

    assert not result.complete
    assert result.why_not == (
        "data stop at 2026-01-01T03:00:00Z, 3d 3h before the hunt's end, more than the freshness of 24h"
    )


def test_freshness_is_a_limit_of_the_hunt(hunt: Hunt) -> None:
    limits = HuntLimits(freshness=timedelta(days=4))

    assert hunt(COUNT, limits=limits, DeviceLogonEvents=[logon(75)]).complete


def test_an_estate_without_any_event_answers_nothing(hunt: Hunt) -> None:
    assert hunt(COUNT).why_not == "the estate holds no event up to the hunt's end"


def test_a_table_of_the_sensor_without_data_is_named(hunt: Hunt) -> None:
    result = hunt(COUNT, DeviceInfo=[logon(1)])

    assert result.why_not == "DeviceLogonEvents has no data up to the hunt's end"


def test_events_after_the_hunts_end_do_not_count_as_data(hunt: Hunt) -> None:
    result = hunt(COUNT, DeviceInfo=[logon(1)], DeviceLogonEvents=[logon(-1)])

    assert result.why_not == "DeviceLogonEvents has no data up to the hunt's end"


def test_a_table_of_the_sensor_that_stops_short_is_named(hunt: Hunt) -> None:
    result = hunt(COUNT, DeviceInfo=[logon(1)], DeviceLogonEvents=[logon(48)])

    assert (result.why_not or "").startswith("data of DeviceLogonEvents stop at 2026-01-02T06:00:00Z, 2d before")


def test_every_table_that_is_read_is_judged_wherever_it_stands(hunt: Hunt) -> None:
    query = "DeviceInfo | where DeviceId in ((DeviceLogonEvents | project DeviceId)) | project DeviceId"
    result = hunt(query, DeviceInfo=[logon(1)])

    assert result.why_not == "DeviceLogonEvents has no data up to the hunt's end"


@pytest.mark.parametrize("query", ["print 1", "datatable(x:long)[1] | count"])
def test_a_query_that_reads_no_events_needs_none(hunt: Hunt, query: str) -> None:
    assert hunt(query).complete


def test_what_stopped_the_hunt_is_said_before_stale_data(hunt: Hunt) -> None:
    result = hunt(
        "DeviceLogonEvents | project DeviceId",
        limits=HuntLimits(rows=1),
        DeviceLogonEvents=[logon(75), logon(76)],
    )

    assert result.why_not == "the result was cut at 1 rows"
