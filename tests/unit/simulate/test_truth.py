"""truth.json against what a plain reader finds in the files, and the story that the demo tells."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from earmark.simulate import CompanySpec, write_company
from tests.unit.simulate.conftest import Simulated
from tests.unit.simulate.plain import executives_of, instant, matches, read_json


def test_the_truth_is_what_a_plain_reader_finds_at_every_moment(simulated: Simulated) -> None:
    executives = executives_of(simulated.folder)
    for moment in simulated.truth["moments"]:
        found = matches(simulated.logons, executives, instant(moment["now"]))
        said = {d["name"]: (d["logons"], set(d["accounts"])) for d in moment["executive"]}
        assert said == found, moment["now"]


def test_the_silent_are_those_without_any_row_for_a_week(simulated: Simulated) -> None:
    seen = [(logon["device"], logon["at"]) for logon in simulated.logons]
    seen += [
        (row["DeviceName"], instant(row["Timestamp"])) for table, row in simulated.rows if table.startswith("Device")
    ]
    for moment in simulated.truth["moments"]:
        now = instant(moment["now"])
        last = {device: at for device, at in sorted(seen, key=lambda pair: pair[1]) if at <= now}
        assert moment["silent"] == sorted(d for d, at in last.items() if at <= now - timedelta(days=7)), moment["now"]


def test_the_last_logon_of_every_winner_is_in_the_files(simulated: Simulated) -> None:
    moment = simulated.at("first_run")
    for device in moment["executive"]:
        for account, last in device["last_logon"].items():
            found = [x["at"] for x in simulated.logons if x["device"] == device["name"] and x["account"] == account]
            assert instant(last) in found


def test_the_story_goes_as_the_demo_needs_it(simulated: Simulated) -> None:
    tell_story(simulated.truth)


def tell_story(truth: dict[str, Any]) -> None:
    story, now = truth["story"], truth["now"]
    changed, shut, new = (story[part]["name"] for part in ("changed", "shut", "replacement"))
    moments = {name: next(m for m in truth["moments"] if m["now"] == at) for name, at in now.items()}
    matching = {name: {d["name"] for d in m["executive"]} for name, m in moments.items()}
    assert list(now) == ["first_run", "changed_no_longer_matches", "grace_over", "laptop_reopened"]
    for name in now:
        assert len(matching[name]) >= 8, name
        assert (changed in matching[name]) == (name == "first_run")
        assert (new in matching[name]) == (name != "first_run")
        assert (shut in matching[name]) == (name in ("first_run", "laptop_reopened"))
        assert (shut in moments[name]["silent"]) == (name in ("changed_no_longer_matches", "grace_over"))
        assert story["tagged_by_hand"]["name"] not in matching[name]
    gone = instant(now["grace_over"]) - instant(now["changed_no_longer_matches"])
    assert gone > timedelta(days=14)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_story_holds_for_other_seeds(seed: int, tmp_path: Path) -> None:
    write_company(tmp_path, CompanySpec(seed=seed, only=frozenset({"inventory"})))
    tell_story(read_json(tmp_path / "truth.json"))


def test_the_published_rule_is_deceived_where_the_shipped_one_is_not(simulated: Simulated) -> None:
    """Failed logons make a reception desk an executive's, and a crashing window manager hides an executive's laptop."""
    executives, now = executives_of(simulated.folder), instant(simulated.truth["now"]["changed_no_longer_matches"])
    shipped = matches(simulated.logons, executives, now)
    published = matches(simulated.logons, executives, now, failures=True, services=True)
    desk = simulated.truth["story"]["failed_logons"]["name"]
    assert desk in published
    assert desk not in shipped
    assert set(shipped) - set(published)
