"""The table, row by row, and what each row writes into the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from earmark.model.device import Device, Origin, Tag
from earmark.model.flow import Action, Adopt, Flow, OnDrift, Silent
from earmark.model.hits import DeviceIndex, Hits
from earmark.model.ledger import UNOWNED, Pair, PairState, What
from earmark.model.plan import Change, ChangeAction, Reason
from earmark.model.reconcile import Unknown, count_standing, effects, reconcile, unknown_whole
from tests.unit.model.samples import DAY, HOUR, NOON, TAG, WINDOW, device, flow, named, owned

PAIR = Pair("d1", TAG)
MATCH, NO_MATCH = named("d1"), named()
HAS, BARE = device("d1", TAG), device("d1")
INCOMPLETE = Unknown(reason=Reason.HUNT_INCOMPLETE, text="it timed out")


def judged(
    rules: Flow,
    hits: Hits,
    found: Device,
    state: PairState = UNOWNED,
    *,
    at: datetime = NOON,
    unknown: Unknown | None = None,
) -> Change | None:
    """The change of the one pair."""
    pairs = {} if state == UNOWNED else {PAIR: state}
    changes = reconcile(rules, hits=hits, unknown=unknown, devices=DeviceIndex([found]), pairs=pairs, at=at)
    assert len(changes) <= 1
    return changes[0] if changes else None


def outcome(change: Change | None, state: PairState = UNOWNED) -> tuple[str, ...]:
    """Action, reason and the entries beside the write."""
    assert change is not None
    return (change.action.value, change.reason.value, *(what.value for what in effects(change, state)))


GRACE = 14 * DAY
OWNED, GIVEN_UP = owned(), PairState(given_up=True)


@pytest.mark.parametrize(
    ("rules", "hits", "found", "state", "expected"),
    [
        # match
        (flow(), MATCH, BARE, UNOWNED, ("add", "matched")),
        (flow(), MATCH, HAS, OWNED, ("keep", "still-matches")),
        (flow(), MATCH, HAS, owned(unmatched=NOON - DAY), ("keep", "still-matches", "matched-again")),
        (flow(), MATCH, HAS, UNOWNED, ("keep", "found")),
        (flow(adopt=Adopt.MATCHING), MATCH, HAS, UNOWNED, ("keep", "adopted", "adopted")),
        (flow(adopt=Adopt.ALL), MATCH, HAS, UNOWNED, ("keep", "adopted", "adopted")),
        (flow(), MATCH, BARE, OWNED, ("skip", "drifted")),
        (flow(), MATCH, BARE, owned(unmatched=NOON - DAY), ("skip", "drifted", "matched-again")),
        (flow(on_drift=OnDrift.REASSERT), MATCH, BARE, OWNED, ("add", "reasserted")),
        (flow(on_drift=OnDrift.ACCEPT), MATCH, BARE, OWNED, ("skip", "drift-accepted", "released", "given-up")),
        (flow(), MATCH, BARE, GIVEN_UP, ("skip", "given-up")),
        (flow(), MATCH, HAS, GIVEN_UP, ("keep", "found")),
        # no match
        (flow(), NO_MATCH, HAS, OWNED, ("remove", "no-match", "unmatched")),
        (flow(keep_for=GRACE), NO_MATCH, HAS, OWNED, ("keep", "grace", "unmatched")),
        (flow(keep_for=GRACE), NO_MATCH, HAS, owned(unmatched=NOON - DAY), ("keep", "grace")),
        (flow(keep_for=GRACE), NO_MATCH, HAS, owned(unmatched=NOON - GRACE), ("remove", "no-match")),
        (flow(), NO_MATCH, HAS, UNOWNED, ("keep", "not-ours")),
        (flow(adopt=Adopt.MATCHING), NO_MATCH, HAS, UNOWNED, ("keep", "not-ours")),
        (flow(adopt=Adopt.ALL), NO_MATCH, HAS, UNOWNED, ("remove", "adopted-stale", "adopted", "unmatched")),
        (
            flow(adopt=Adopt.ALL, keep_for=DAY),
            NO_MATCH,
            HAS,
            UNOWNED,
            ("keep", "adopted-stale", "adopted", "unmatched"),
        ),
        (flow(), NO_MATCH, BARE, OWNED, ("skip", "gone", "released")),
        (flow(), NO_MATCH, BARE, GIVEN_UP, ("skip", "stopped-matching", "give-up-ended")),
        (flow(), NO_MATCH, HAS, GIVEN_UP, ("keep", "not-ours", "give-up-ended")),
        # action add
        (flow(action=Action.ADD), MATCH, BARE, UNOWNED, ("add", "matched")),
        (flow(action=Action.ADD), NO_MATCH, HAS, OWNED, ("keep", "no-match")),
        (flow(action=Action.ADD, adopt=Adopt.ALL), NO_MATCH, HAS, UNOWNED, ("keep", "not-ours")),
        (flow(action=Action.ADD), NO_MATCH, BARE, OWNED, ("skip", "gone", "released")),
        # action remove
        (flow(action=Action.REMOVE), MATCH, HAS, OWNED, ("remove", "named")),
        (flow(action=Action.REMOVE), MATCH, HAS, UNOWNED, ("keep", "found")),
        (flow(action=Action.REMOVE, adopt=Adopt.ALL), MATCH, HAS, UNOWNED, ("keep", "found")),
        (flow(action=Action.REMOVE, foreign=True), MATCH, HAS, UNOWNED, ("remove", "foreign")),
        (flow(action=Action.REMOVE), MATCH, BARE, UNOWNED, ("skip", "absent")),
        (flow(action=Action.REMOVE), MATCH, BARE, OWNED, ("skip", "drifted")),
        (flow(action=Action.REMOVE), NO_MATCH, HAS, OWNED, ("keep", "no-match")),
        (flow(action=Action.REMOVE, foreign=True), NO_MATCH, HAS, UNOWNED, ("keep", "not-ours")),
    ],
)
def test_the_table(rules: Flow, hits: Hits, found: Device, state: PairState, expected: tuple[str, ...]) -> None:
    assert outcome(judged(rules, hits, found, state), state) == expected


@pytest.mark.parametrize("hits", [MATCH, NO_MATCH])
@pytest.mark.parametrize(("found", "state"), [(HAS, OWNED), (HAS, UNOWNED), (BARE, OWNED), (BARE, GIVEN_UP)])
def test_an_incomplete_hunt_concludes_nothing_not_even_from_its_rows(
    hits: Hits, found: Device, state: PairState
) -> None:
    change = judged(flow(adopt=Adopt.ALL, on_drift=OnDrift.REASSERT), hits, found, state, unknown=INCOMPLETE)
    assert outcome(change, state) == ("skip", "hunt-incomplete")
    assert change is not None
    assert change.text == "it timed out"


def test_nothing_is_added_from_an_incomplete_hunt() -> None:
    assert outcome(judged(flow(), MATCH, BARE, unknown=INCOMPLETE)) == ("skip", "hunt-incomplete")


def test_why_a_section_is_unknown_as_a_whole() -> None:
    assert unknown_whole(complete=True, why_not=None) is None
    late = unknown_whole(complete=False, why_not="it timed out")
    assert late is not None
    assert (late.reason, late.text) == (Reason.HUNT_INCOMPLETE, "the hunt was not complete: it timed out")
    for complete in (True, False):  # a device that was not read must not be said to be gone
        partial = unknown_whole(
            complete=complete, why_not=None, inventory_complete=False, inventory_why_not="page 3 failed"
        )
        assert partial is not None
        assert (partial.reason, partial.text) == (
            Reason.INVENTORY_PARTIAL,
            "not every device could be read: page 3 failed",
        )


def test_a_device_that_was_not_read_may_be_there_all_the_same() -> None:
    unread = Unknown(reason=Reason.INVENTORY_PARTIAL, text="page 3 failed")
    gone = Change(
        action=ChangeAction.SKIP, device="d9", name="d9", tag=TAG, reason=Reason.NOT_IN_ESTATE, text="not known"
    )
    changes = reconcile(
        flow(),
        hits=Hits(skips=(gone,)),
        unknown=unread,
        devices=DeviceIndex([]),
        pairs={Pair("d1", TAG): owned()},
        at=NOON,
    )
    assert [(c.device, c.action, c.reason, c.text) for c in changes] == [
        ("d1", ChangeAction.SKIP, Reason.INVENTORY_PARTIAL, "page 3 failed"),
        ("d9", ChangeAction.SKIP, Reason.INVENTORY_PARTIAL, "page 3 failed"),
    ]


class TestSilence:
    @pytest.mark.parametrize("seen", [None, NOON - WINDOW, NOON - 30 * DAY])
    def test_a_silent_device_keeps_its_tag(self, seen: datetime | None) -> None:
        change = judged(flow(), NO_MATCH, replace(HAS, last_seen_at=seen), OWNED)
        assert outcome(change, OWNED) == ("skip", "silent")

    def test_one_seen_within_the_window_does_not(self) -> None:
        change = judged(flow(), NO_MATCH, replace(HAS, last_seen_at=NOON - WINDOW + timedelta(microseconds=1)), OWNED)
        assert outcome(change, OWNED) == ("remove", "no-match", "unmatched")

    def test_the_flow_may_take_silence_for_no(self) -> None:
        change = judged(flow(silent=Silent.REMOVE), NO_MATCH, replace(HAS, last_seen_at=None), OWNED)
        assert outcome(change, OWNED) == ("remove", "no-match", "unmatched")

    def test_a_match_is_a_match_however_long_ago_the_device_was_seen(self) -> None:
        assert outcome(judged(flow(), MATCH, replace(BARE, last_seen_at=None))) == ("add", "matched")

    def test_without_a_window_only_a_device_never_seen_is_silent(self) -> None:
        rules = flow(window=None)
        long_ago = judged(rules, NO_MATCH, replace(HAS, last_seen_at=NOON - 900 * DAY), OWNED)
        never = judged(rules, NO_MATCH, replace(HAS, last_seen_at=None), OWNED)
        assert outcome(long_ago, OWNED) == ("remove", "no-match", "unmatched")
        assert outcome(never, OWNED) == ("skip", "silent")

    def test_the_reason_says_the_facts(self) -> None:
        change = judged(flow(), NO_MATCH, replace(HAS, last_seen_at=NOON - 9 * DAY), OWNED)
        assert change is not None
        assert change.text == "sent nothing within 7 days (last seen 2026-02-20 12:00): silence is not no"


class TestGrace:
    def test_it_counts_from_the_first_no_match_and_says_until_when(self) -> None:
        change = judged(flow(keep_for=GRACE), NO_MATCH, HAS, owned(unmatched=NOON - DAY))
        assert change is not None
        assert change.until == NOON - DAY + GRACE
        assert change.text == "no match since 2026-02-28 12:00; kept until 2026-03-14 12:00"

    def test_it_ends_at_its_last_instant_and_not_before(self) -> None:
        rules, since = flow(keep_for=36 * HOUR), owned(unmatched=NOON)
        just_before = judged(rules, NO_MATCH, HAS, since, at=NOON + 36 * HOUR - timedelta(microseconds=1))
        assert outcome(just_before, since) == ("keep", "grace")
        over = judged(rules, NO_MATCH, HAS, since, at=NOON + 36 * HOUR)
        assert outcome(over, since) == ("remove", "no-match")
        assert over is not None
        assert over.text == "no match since 2026-03-01 12:00, 36 hours of grace are over"


class TestExpiry:
    @pytest.mark.parametrize("action", list(Action))
    @pytest.mark.parametrize(
        ("hits", "unknown"), [(MATCH, None), (NO_MATCH, None), (MATCH, INCOMPLETE), (NO_MATCH, INCOMPLETE)]
    )
    def test_a_date_fires_whatever_the_hunt_says(self, action: Action, hits: Hits, unknown: Unknown | None) -> None:
        rules = flow(action=action, expires_at=NOON, keep_for=GRACE)
        assert outcome(judged(rules, hits, HAS, OWNED, unknown=unknown), OWNED) == ("remove", "expired")

    def test_a_date_does_not_fire_before(self) -> None:
        rules = flow(expires_at=NOON + timedelta(microseconds=1))
        change = judged(rules, MATCH, HAS, OWNED)
        assert outcome(change, OWNED) == ("keep", "still-matches")
        assert change is not None
        assert change.until == rules.tag.expires_at

    def test_past_the_date_nothing_is_added_or_taken_over(self) -> None:
        rules = flow(expires_at=NOON, adopt=Adopt.ALL)
        assert outcome(judged(rules, MATCH, BARE)) == ("skip", "expired")
        assert outcome(judged(rules, MATCH, HAS)) == ("keep", "found")
        assert outcome(judged(rules, NO_MATCH, HAS)) == ("keep", "not-ours")

    def test_ownership_ends_where_somebody_was_quicker(self) -> None:
        assert outcome(judged(flow(expires_at=NOON), MATCH, BARE, OWNED), OWNED) == ("skip", "expired", "released")

    @pytest.mark.parametrize("unknown", [None, INCOMPLETE])
    def test_a_duration_counts_from_the_ownership_and_bars_the_device(self, unknown: Unknown | None) -> None:
        rules, state = flow(expires_after=DAY), owned(NOON - DAY)
        assert outcome(judged(rules, MATCH, HAS, state, unknown=unknown), state) == ("remove", "outlived", "given-up")
        assert outcome(judged(rules, MATCH, BARE, state), state) == ("skip", "outlived", "released", "given-up")
        early = judged(rules, MATCH, HAS, state, at=NOON - timedelta(microseconds=1))
        assert outcome(early, state) == ("keep", "still-matches")

    def test_a_silent_device_loses_a_tag_whose_duration_is_over(self) -> None:
        change = judged(flow(expires_after=DAY), NO_MATCH, replace(HAS, last_seen_at=None), OWNED)
        assert outcome(change, OWNED) == ("remove", "outlived", "given-up")

    def test_a_device_that_stopped_matching_by_then_is_not_barred(self) -> None:
        rules = flow(expires_after=DAY, keep_for=GRACE)
        assert outcome(judged(rules, NO_MATCH, HAS, OWNED), OWNED) == ("remove", "no-match", "unmatched")
        assert outcome(judged(rules, NO_MATCH, BARE, OWNED), OWNED) == ("skip", "gone", "released")

    def test_a_removal_that_was_rejected_is_tried_again_and_bars_once(self) -> None:
        state = owned(given_up=True)
        assert outcome(judged(flow(expires_after=DAY), MATCH, HAS, state), state) == ("remove", "outlived")

    def test_grace_does_not_outlast_it(self) -> None:
        change = judged(flow(keep_for=GRACE, expires_at=NOON + DAY), NO_MATCH, HAS, OWNED)
        assert change is not None
        assert change.until == NOON + DAY

    def test_what_is_added_says_until_when(self) -> None:
        change = judged(flow(expires_after=DAY, expires_at=NOON + 9 * DAY), MATCH, BARE)
        assert change is not None
        assert change.until == NOON + DAY


class TestReach:
    def test_dynamic_and_registry_tags_are_not_seen_as_ours(self) -> None:
        for origin in (Origin.DYNAMIC, Origin.REGISTRY):
            found = device("d1", Tag(value=TAG, origin=origin))
            assert judged(flow(adopt=Adopt.ALL), NO_MATCH, found) is None
            assert outcome(judged(flow(), MATCH, found)) == ("add", "matched")

    def test_an_owned_device_that_left_the_estate_is_named(self) -> None:
        changes = reconcile(flow(), hits=NO_MATCH, unknown=None, devices=DeviceIndex([]), pairs={PAIR: OWNED}, at=NOON)
        assert [outcome(c, OWNED) for c in changes] == [("skip", "not-in-estate")]
        given_up = reconcile(
            flow(), hits=NO_MATCH, unknown=None, devices=DeviceIndex([]), pairs={PAIR: GIVEN_UP}, at=NOON
        )
        assert given_up == ()

    def test_a_tag_that_the_flow_no_longer_declares_is_named_and_left(self) -> None:
        old = device("d1", "Boss")
        pairs = {Pair("d1", "Boss"): OWNED}
        changes = reconcile(flow(), hits=NO_MATCH, unknown=None, devices=DeviceIndex([old]), pairs=pairs, at=NOON)
        assert [outcome(c, OWNED) for c in changes] == [("skip", "not-declared")]

    def test_a_name_that_fits_two_devices_leaves_both_in_doubt(self) -> None:
        hits = Hits(doubts={PAIR: "it fits 2 devices"})
        assert outcome(judged(flow(), hits, HAS, OWNED), OWNED) == ("skip", "ambiguous-name")
        assert judged(flow(), hits, BARE) is None

    def test_evidence_goes_with_the_change(self) -> None:
        change = judged(flow(), MATCH, BARE)
        assert change is not None
        assert change.evidence == {"Logons": 3}

    def test_changes_are_sorted_by_tag_and_name(self) -> None:
        found = [device("d2", name="a"), device("d1", name="b"), device("d0", name="a")]
        changes = reconcile(
            flow(), hits=named("d2", "d1", "d0"), unknown=None, devices=DeviceIndex(found), pairs={}, at=NOON
        )
        assert [c.device for c in changes] == ["d0", "d2", "d1"]


class TestEffects:
    def test_a_held_section_notes_what_it_saw_and_takes_nothing_over(self) -> None:
        stale = judged(flow(adopt=Adopt.ALL), NO_MATCH, HAS)
        removal = judged(flow(), NO_MATCH, HAS, OWNED)
        assert stale is not None
        assert removal is not None
        assert effects(stale, UNOWNED, held=True) == ()
        assert effects(removal, OWNED, held=True) == (What.UNMATCHED,)

    def test_what_the_state_says_already_is_not_noted_again(self) -> None:
        for rules, hits, found, state, now in (
            (flow(adopt=Adopt.ALL), MATCH, HAS, UNOWNED, OWNED),
            (flow(on_drift=OnDrift.ACCEPT), MATCH, BARE, OWNED, GIVEN_UP),
            (flow(), NO_MATCH, BARE, OWNED, UNOWNED),
            (flow(), NO_MATCH, HAS, OWNED, owned(unmatched=NOON)),
            (flow(), NO_MATCH, HAS, OWNED, UNOWNED),
            (flow(), NO_MATCH, BARE, GIVEN_UP, UNOWNED),
        ):
            change = judged(rules, hits, found, state)
            assert change is not None
            assert effects(change, state) != ()
            assert effects(change, now) == ()


def test_standing_pairs_are_owned_and_there() -> None:
    devices = DeviceIndex([device("d1", TAG), device("d2"), device("d3", TAG)])
    pairs = {Pair("d1", TAG): OWNED, Pair("d2", TAG): OWNED, Pair("d3", TAG): GIVEN_UP, Pair("d4", TAG): OWNED}
    assert count_standing(devices, pairs) == 1
