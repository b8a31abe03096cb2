"""The laws of reconcile, over random lives of a small estate."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from earmark.model.flow import Action, Adopt, Flow, OnDrift, Silent
from earmark.model.hits import DeviceIndex
from earmark.model.ledger import UNOWNED, Pair, PairState
from earmark.model.plan import Change, ChangeAction, Reason
from earmark.model.reconcile import Unknown, effects, reconcile
from tests.unit.model.samples import DAY, HOUR, NOON, TAG, Reference, World, device, flow, named, owned

DEVICES = ("d0", "d1", "d2")
WRITES = (ChangeAction.ADD, ChangeAction.REMOVE)
INCOMPLETE = Unknown(reason=Reason.HUNT_INCOMPLETE, text="cut off")


@dataclass(frozen=True)
class Day:
    """What happens before and at one run."""

    after: timedelta
    toggled: frozenset[str]
    """Devices whose tag a person adds or takes away before the run."""
    answers: Mapping[str, bool | None]
    """None: the device is silent."""
    complete: bool
    rejected: frozenset[str] = frozenset()


def days(*, rejections: bool = False) -> st.SearchStrategy[Day]:
    some = st.frozensets(st.sampled_from(DEVICES))
    return st.builds(
        Day,
        after=st.sampled_from([6 * HOUR, DAY, 3 * DAY]),
        toggled=some,
        answers=st.fixed_dictionaries({id_: st.sampled_from([True, False, None]) for id_ in DEVICES}),
        complete=st.sampled_from([True, True, True, False]),
        rejected=some if rejections else st.just(frozenset[str]()),
    )


def flows(*, expires: bool = False) -> st.SearchStrategy[Flow]:
    ends = {
        "expires_at": st.sampled_from([None, NOON + DAY]),
        "expires_after": st.sampled_from([None, timedelta(0), DAY]),
    }
    return st.builds(
        flow,
        silent=st.sampled_from(Silent),
        action=st.sampled_from(Action),
        adopt=st.sampled_from(Adopt),
        on_drift=st.sampled_from(OnDrift),
        keep_for=st.sampled_from([timedelta(0), 36 * HOUR, 60 * HOUR]),
        **(ends if expires else {}),
    )


def states() -> st.SearchStrategy[PairState]:
    moments = st.sampled_from([None, NOON - 2 * DAY, NOON - HOUR, NOON])
    return st.builds(_state, moments, moments, st.booleans())


def _state(since: datetime | None, unmatched: datetime | None, given_up: bool) -> PairState:
    return PairState(owned_since=since, unmatched_since=unmatched if since else None, given_up=given_up)


worlds = st.builds(
    lambda rules, tags, seen, pairs: World(
        flow=rules, tags={d: {TAG} if d in tags else set() for d in DEVICES}, seen=dict(seen), pairs=pairs
    ),
    flows(expires=True),
    st.frozensets(st.sampled_from(DEVICES)),
    st.fixed_dictionaries({id_: st.sampled_from([None, NOON, NOON - 30 * DAY]) for id_ in DEVICES}),
    st.dictionaries(st.sampled_from([Pair(id_, TAG) for id_ in DEVICES]), states()).map(
        lambda found: {pair: state for pair, state in found.items() if state != UNOWNED}
    ),
)
answers = st.frozensets(st.sampled_from(DEVICES))


def live(world: World, day: Day, at: datetime) -> tuple[Change, ...]:
    """One day: the person, the plan, the plan applied. Returns the plan."""
    for id_ in day.toggled:
        world.tags[id_] ^= {TAG}
    world.seen = {id_: None if answer is None else at for id_, answer in day.answers.items()}
    changes = world.plan(
        named(*(d for d, answer in day.answers.items() if answer)), at, None if day.complete else INCOMPLETE
    )
    world.apply(changes, at, rejected=frozenset(Pair(d, TAG) for d in day.rejected))
    return changes


def fresh(rules: Flow) -> World:
    return World(flow=rules, tags={id_: set() for id_ in DEVICES})


@given(flows(), st.lists(days(), min_size=1, max_size=12))
def test_a_life_equals_the_table_told_another_way(rules: Flow, life: list[Day]) -> None:
    world, at = fresh(rules), NOON
    told = Reference(
        action=rules.tag.action.value, adopt=rules.tag.adopt, on_drift=rules.tag.on_drift, keep_for=rules.tag.keep_for
    )
    for day in life:
        at += day.after
        told.has ^= day.toggled
        live(world, day, at)
        silence_is_no = rules.silent is Silent.REMOVE
        heard = {d: False if a is None and silence_is_no else a for d, a in day.answers.items()}
        told.run(heard if day.complete else {}, at)
        assert {d for d, tags in world.tags.items() if TAG in tags} == told.has
        assert {pair.device for pair, state in world.pairs.items() if state.owned_since} == told.owned


@given(worlds, answers)
def test_what_is_applied_is_not_planned_again(world: World, matching: frozenset[str]) -> None:
    world.apply(world.plan(named(*matching), NOON), NOON)
    again = world.plan(named(*matching), NOON)
    # A duration of nothing ends what was only just added: the one case in which a flow works against itself.
    if world.flow.tag.expires_after == timedelta(0):
        world.apply(again, NOON)
        again = world.plan(named(*matching), NOON)
    assert [c for c in again if c.action in WRITES] == []
    assert [c for c in again if effects(c, world.pairs.get(Pair(c.device, c.tag), UNOWNED))] == []


@given(worlds, answers)
def test_unknown_changes_nothing_but_a_tag_whose_time_is_over(world: World, matching: frozenset[str]) -> None:
    for change in world.plan(named(*matching), NOON, INCOMPLETE):
        if change.reason not in (Reason.EXPIRED, Reason.OUTLIVED):
            assert change.action is ChangeAction.SKIP
            assert effects(change, world.pairs.get(Pair(change.device, change.tag), UNOWNED)) == ()


@given(flows(expires=True), st.lists(days(rejections=True), min_size=1, max_size=10))
def test_what_a_person_tagged_stays_unless_adoption_was_asked_for(rules: Flow, life: list[Day]) -> None:
    world, at = fresh(rules), NOON
    foreign: set[str] = set()
    for day in life:
        at += day.after
        for id_ in day.toggled:
            (foreign.discard if TAG in world.tags[id_] else foreign.add)(id_)
            # Put back by hand while still owned: it is Earmark's as before.
            if world.pairs.get(Pair(id_, TAG), UNOWNED).owned_since is not None:
                foreign.discard(id_)
        live(world, day, at)
        if rules.tag.adopt is Adopt.NEVER:
            assert foreign <= {d for d, tags in world.tags.items() if TAG in tags}


@given(flows(expires=True), st.lists(days(rejections=True), min_size=1, max_size=10))
def test_only_declared_tags_are_written_and_only_owned_ones_removed(rules: Flow, life: list[Day]) -> None:
    world, at = fresh(rules), NOON
    for day in life:
        at += day.after
        before = dict(world.pairs)
        for change in live(world, day, at):
            assert change.action not in WRITES or change.tag == TAG
            if change.action is ChangeAction.REMOVE and change.reason is not Reason.ADOPTED_STALE:
                assert before[Pair(change.device, change.tag)].owned_since is not None
        if rules.tag.action is Action.ADD and rules.tag.expires_at is None and rules.tag.expires_after is None:
            assert all(c.action is ChangeAction.ADD for c in world.writes)


@given(flows(), st.lists(days(rejections=True), max_size=10), answers)
def test_rejected_writes_are_made_good_by_the_next_run(rules: Flow, life: list[Day], matching: frozenset[str]) -> None:
    world, at = fresh(rules), NOON
    for day in life:
        at += day.after
        live(world, day, at)
    final = Day(
        after=DAY,
        toggled=frozenset(),
        answers={d: d in matching for d in DEVICES},
        complete=True,
        rejected=frozenset(DEVICES),
    )
    planned = live(world, final, at + DAY)
    retried = world.plan(named(*matching), at + DAY)
    assert {(c.action, c.device) for c in planned if c.action in WRITES} == {
        (c.action, c.device) for c in retried if c.action in WRITES
    }


@given(worlds, answers, st.randoms(use_true_random=False))
def test_the_order_of_devices_hits_and_pairs_decides_nothing(
    world: World, matching: frozenset[str], chance: random.Random
) -> None:
    def shuffled(items: list[str]) -> list[str]:
        return chance.sample(items, len(items))

    devices = {d.id: d for d in world.devices()}
    hits = named(*shuffled(sorted(matching)))
    pairs = {Pair(id_, TAG): world.pairs[Pair(id_, TAG)] for id_ in shuffled([p.device for p in world.pairs])}
    other = reconcile(
        world.flow,
        hits=hits,
        unknown=None,
        devices=DeviceIndex([devices[id_] for id_ in shuffled(list(devices))]),
        pairs=pairs,
        at=NOON,
    )
    assert other == world.plan(named(*sorted(matching)), NOON)


@given(worlds, answers, answers)
def test_what_is_not_visible_yet_decides_nothing(
    world: World, matching: frozenset[str], unseen: frozenset[str]
) -> None:
    late = reconcile(
        world.flow,
        hits=named(*matching),
        unknown=None,
        devices=DeviceIndex(world.devices()),
        pairs=world.pairs,
        at=NOON,
        unseen={Pair(id_, TAG) for id_ in unseen},
    )
    for change, prompt in zip(late, world.plan(named(*matching), NOON), strict=True):
        assert (change.action, change.device, change.until) == (prompt.action, prompt.device, prompt.until)
        assert change.reason is prompt.reason or (change.reason, prompt.reason) == (
            Reason.NOT_VISIBLE_YET,
            Reason.STILL_MATCHES,
        )
        state = world.pairs.get(Pair(change.device, change.tag), UNOWNED)
        assert effects(change, state) == effects(prompt, state)


@given(flows(), st.integers(min_value=0, max_value=5))
def test_a_device_that_is_out_of_it_is_not_mentioned(rules: Flow, others: int) -> None:
    bystanders = [device(f"x{n}", "Another") for n in range(others)]
    pairs = {Pair("d1", TAG): owned()}
    changes = reconcile(
        rules,
        hits=named("d0"),
        unknown=None,
        devices=DeviceIndex([*bystanders, device("d0"), device("d1", TAG)]),
        pairs=pairs,
        at=NOON,
    )
    assert {c.device for c in changes} == {"d0", "d1"}
