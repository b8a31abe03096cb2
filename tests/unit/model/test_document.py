"""Plans as documents, there and back; what is no plan is refused by name."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.errors import ExitCode, StalePlanError, UsageError
from earmark.model.document import hunt_document, parse_plan, plan_document, run_document, runs_document
from earmark.model.guard import Breach, GuardResult, Verdict
from earmark.model.hunt import Column, HuntResult
from earmark.model.plan import ApprovalState, Change, ChangeAction, Plan, Reason, Section
from earmark.model.run import FlowRun, FlowState, Run
from tests.unit.model.samples import DAY, NOON

CHANGE = Change(
    action=ChangeAction.ADD,
    device="d1",
    name="pc-1.corp.example",
    tag="Executive",
    reason=Reason.MATCHED,
    text="the hunt names the device",
    evidence={"AccountName": "ceo", "Logons": 3},
    until=NOON + DAY,
)
SECTION = Section(
    flow="executive",
    query_digest="q",
    flow_digest="f",
    change_digest="c",
    complete=True,
    why_not=None,
    rows=2,
    matched=1,
    guard=GuardResult(verdict=Verdict.HELD, breaches=(Breach(limit="max_shrink", allowed=0.5, found=0.75),)),
    approval=ApprovalState.WAITING,
    changes=(CHANGE,),
)
PLAN = Plan(
    id="p1",
    estate="e1",
    made_at=NOON,
    effective_at=NOON - DAY,
    expires_at=NOON + DAY,
    sections=(SECTION,),
    calls=1,
    seconds=0.6,
)

texts = st.text(max_size=5)
moments = st.none() | st.datetimes(timezones=st.just(NOON.tzinfo))
changes = st.builds(
    Change,
    action=st.sampled_from(ChangeAction),
    device=texts,
    name=texts,
    tag=texts,
    reason=st.sampled_from(Reason),
    text=texts,
    evidence=st.none() | st.dictionaries(texts, st.none() | st.integers() | texts | st.lists(texts), max_size=3),
    until=moments,
)


@given(st.lists(changes, max_size=4), st.booleans(), st.none() | texts)
def test_a_plan_comes_back_from_its_file(found: list[Change], complete: bool, why_not: str | None) -> None:
    section = Section(
        flow="executive",
        query_digest="q",
        flow_digest="f",
        change_digest="c",
        complete=complete,
        why_not=why_not,
        rows=2,
        matched=1,
        guard=SECTION.guard,
        approval=ApprovalState.NONE,
        changes=tuple(found),
    )
    plan = Plan(
        id="p1",
        estate="e1",
        made_at=NOON + timedelta(microseconds=7),
        effective_at=NOON,
        expires_at=NOON,
        sections=(section, SECTION),
        calls=0,
        seconds=0.0,
    )
    assert parse_plan(json.loads(json.dumps(plan_document(plan, redact=())))) == plan


def test_the_document_of_a_plan() -> None:
    assert plan_document(PLAN, redact=["accountname", "Password"]) == {
        "format": "earmark-plan/1",
        "plan": "p1",
        "estate": "e1",
        "made_at": "2026-03-01T12:00:00Z",
        "effective_at": "2026-02-28T12:00:00Z",
        "expires_at": "2026-03-02T12:00:00Z",
        "flows": [
            {
                "flow": "executive",
                "query_digest": "q",
                "flow_digest": "f",
                "change_digest": "c",
                "hunt": {"complete": True, "why_not": None, "rows": 2, "matched": 1},
                "guard": {"verdict": "held", "limits": [{"limit": "max_shrink", "allowed": 0.5, "found": 0.75}]},
                "approval": "waiting",
                "changes": [
                    {
                        "action": "add",
                        "device": "d1",
                        "name": "pc-1.corp.example",
                        "tag": "Executive",
                        "reason": {"code": "matched", "text": "the hunt names the device"},
                        "evidence": {"Logons": 3},
                        "until": "2026-03-02T12:00:00Z",
                    }
                ],
            }
        ],
        "totals": {"add": 1, "remove": 0, "keep": 0, "skip": 0},
        "cost": {"calls": 1, "seconds": 0.6},
    }


@pytest.mark.parametrize("stranger", [None, 3, "text", [], {}, {"format": 1}, {"format": "other/1"}, {"plan": "p1"}])
def test_what_is_no_plan_is_wrong_usage(stranger: object) -> None:
    with pytest.raises(UsageError, match="no plan") as caught:
        parse_plan(stranger)
    assert caught.value.hint


def test_a_plan_of_another_format_is_stale() -> None:
    with pytest.raises(StalePlanError, match="earmark-plan/2") as caught:
        parse_plan(plan_document(PLAN, redact=()) | {"format": "earmark-plan/2"})
    assert caught.value.exit_code is ExitCode.STALE


Path = tuple[str | int, ...]
_FLOW: Path = ("flows", 0)
_CHANGE: Path = ("flows", 0, "changes", 0)


def _damaged(path: Path, value: Any) -> dict[str, Any]:
    """The document with one value changed; `...` takes it out."""
    document = copy.deepcopy(plan_document(PLAN, redact=()))
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("estate",), ..., "estate is missing"),
        (("estate",), None, "estate should be text, not None"),
        (("made_at",), "yesterday", "made_at should be an instant"),
        (("made_at",), "2026-03-01T12:00:00", "made_at should be an instant such as"),
        (("made_at",), "0001-01-01T00:00:00+23:00", "made_at should be an instant"),
        (("flows",), {}, "flows should be a list"),
        (("flows",), "x", "flows should be a list"),
        (("flows",), [1], r"flows\[0\] should be a mapping, not 1"),
        (("cost", "calls"), -1, "cost.calls should be a whole number"),
        (("cost", "calls"), True, "cost.calls should be a whole number"),
        (("cost", "calls"), 10**30, "cost.calls should be a whole number"),
        (("cost", "seconds"), "1", "cost.seconds should be a number"),
        ((*_FLOW, "hunt", "complete"), "yes", r"flows\[0\].hunt.complete should be true or false"),
        ((*_FLOW, "guard"), [], r"flows\[0\].guard should be a mapping"),
        ((*_FLOW, "approval"), "maybe", r"flows\[0\].approval should be one of none, waiting"),
        ((*_CHANGE, "action"), "burn", r"changes\[0\].action should be one of add, remove, keep, skip, not 'burn'"),
        ((*_CHANGE, "action"), {}, r"changes\[0\].action should be text"),
        ((*_CHANGE, "reason", "code"), "because", r"changes\[0\].reason.code should be one of"),
        ((*_CHANGE, "evidence"), [], r"changes\[0\].evidence should be a mapping"),
        ((*_CHANGE, "until"), 5, r"changes\[0\].until should be text"),
        ((*_CHANGE, "tag"), 12, r"changes\[0\].tag should be text, not 12"),
    ],
)
def test_a_damaged_plan_is_refused_with_the_place(path: Path, value: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_plan(_damaged(path, value))
    assert caught.value.hint


def test_a_refusal_does_not_print_the_whole_value() -> None:
    with pytest.raises(UsageError) as caught:
        parse_plan(_damaged(("estate",), ["x" * 5000]))
    assert len(caught.value.message) < 200


def test_more_fields_may_be_added() -> None:
    assert parse_plan(_damaged((*_CHANGE, "colour"), "red")) == PLAN


def test_the_documents_of_runs() -> None:
    done = FlowRun(flow="executive", state=FlowState.DONE, added=1, removed=2, skipped=3, failed=4, matched=5, why="w")
    run = Run(id="r1", estate="e1", trigger="cron", due_at=NOON, started_at=NOON, ended_at=None, flows=(done,))
    flows = [
        {
            "flow": "executive",
            "state": "done",
            "added": 1,
            "removed": 2,
            "skipped": 3,
            "failed": 4,
            "matched": 5,
            "why": "w",
        }
    ]
    assert run_document(run) == {"run": "r1", "flows": flows}
    noon = "2026-03-01T12:00:00Z"
    assert runs_document([run]) == [
        {
            "run": "r1",
            "flows": flows,
            "trigger": "cron",
            "due_at": noon,
            "started_at": noon,
            "ended_at": None,
            "interrupted": False,
        }
    ]


def test_the_document_of_a_hunt() -> None:
    result = HuntResult(
        columns=(Column(name="A", type="long"),),
        rows=((1,), (None,)),
        complete=False,
        why_not="cut",
        engine="local",
        data_until=NOON,
        seconds=0.5,
    )
    assert hunt_document(result) == {
        "columns": [{"name": "A", "type": "long"}],
        "rows": [[1], [None]],
        "complete": False,
        "why_not": "cut",
        "engine": "local",
        "data_until": "2026-03-01T12:00:00Z",
        "seconds": 0.5,
    }
