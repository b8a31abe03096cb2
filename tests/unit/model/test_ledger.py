"""The state of a pair follows from its entries and from nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earmark.model.ledger import UNOWNED, Pair, PairState, What, advance, replay
from tests.unit.model.samples import DAY, NOON, TAG, entry, owned

PAIR = Pair("d1", TAG)
OWNED = owned()
LEAVING = owned(unmatched=NOON - DAY)
BARRED = PairState(given_up=True)


@pytest.mark.parametrize(
    ("before", "what", "after"),
    [
        (UNOWNED, What.ADDED, owned(NOON)),
        (UNOWNED, What.ADOPTED, owned(NOON)),
        (OWNED, What.ADDED, OWNED),
        (LEAVING, What.ADDED, OWNED),
        (LEAVING, What.REMOVED, UNOWNED),
        (LEAVING, What.RELEASED, UNOWNED),
        (OWNED, What.GIVEN_UP, owned(given_up=True)),
        (owned(given_up=True), What.REMOVED, BARRED),
        (owned(given_up=True), What.RELEASED, BARRED),
        (BARRED, What.GIVE_UP_ENDED, UNOWNED),
        (OWNED, What.UNMATCHED, owned(unmatched=NOON)),
        (LEAVING, What.UNMATCHED, LEAVING),
        (LEAVING, What.MATCHED_AGAIN, OWNED),
        *((LEAVING, what, LEAVING) for what in (What.ADD_INTENDED, What.REMOVE_INTENDED)),
        *((LEAVING, what, LEAVING) for what in (What.ADD_REJECTED, What.REMOVE_REJECTED)),
    ],
)
def test_one_entry_more(before: PairState, what: What, after: PairState) -> None:
    assert advance(before, entry(what, PAIR, NOON)) == after


def test_replay_keeps_what_is_worth_keeping() -> None:
    added = entry(What.ADDED, PAIR, NOON)
    entries = [
        added,
        replace(added, flow="other"),
        replace(added, estate="e2"),
        replace(added, device="d2"),
        replace(added, device="d2", what=What.REMOVED),
        replace(added, device="", tag="", what=What.RUN_ENDED),
    ]
    keys = [("e1", "executive", PAIR), ("e1", "other", PAIR), ("e2", "executive", PAIR)]
    assert replay(entries) == {key: owned(NOON) for key in keys}
