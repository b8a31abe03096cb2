"""What an approval binds to, and what needs one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earmark.model.flow import Approval, Flow
from earmark.model.plan import Change, ChangeAction, Reason, change_digest, needs_approval
from tests.unit.model.samples import NOON, flow

ADD = Change(
    action=ChangeAction.ADD, device="d1", name="n", tag="Executive", reason=Reason.MATCHED, text="t", evidence={"a": 1}
)
REMOVE = replace(ADD, action=ChangeAction.REMOVE, device="d2", reason=Reason.NO_MATCH)
ADOPT = replace(ADD, action=ChangeAction.KEEP, device="d3", reason=Reason.ADOPTED)
KEEP = replace(ADD, action=ChangeAction.KEEP, device="d4", reason=Reason.GRACE)
SKIP = replace(ADD, action=ChangeAction.SKIP, device="d5", reason=Reason.SILENT)
CHANGES = [ADD, REMOVE, ADOPT, KEEP, SKIP]
DIGEST = change_digest("e1", flow(), CHANGES)


@pytest.mark.parametrize(
    "changes",
    [
        CHANGES[::-1],
        [replace(ADD, evidence=None, text="other", name="m", until=NOON), REMOVE, ADOPT],
        [ADD, REMOVE, ADOPT, replace(SKIP, device="d6", reason=Reason.DRIFTED)],
    ],
    ids=["order", "words, evidence and moment", "what is kept or skipped"],
)
def test_an_approval_outlives_what_does_not_matter(changes: list[Change]) -> None:
    assert change_digest("e1", flow(), changes) == DIGEST


@pytest.mark.parametrize(
    "changes",
    [
        [ADD, REMOVE],
        [ADD, ADOPT],
        [replace(ADD, device="d9"), REMOVE, ADOPT],
        [replace(ADD, tag="Boss"), REMOVE, ADOPT],
        [ADD, replace(REMOVE, reason=Reason.EXPIRED), ADOPT],
        [replace(ADD, action=ChangeAction.REMOVE), REMOVE, ADOPT],
    ],
)
def test_other_changes_are_not_those_approved(changes: list[Change]) -> None:
    assert change_digest("e1", flow(), changes) != DIGEST


@pytest.mark.parametrize("moved", ["name", "flow_digest", "query_digest"])
def test_a_flow_whose_text_moved_is_not_the_one_approved(moved: str) -> None:
    rules = flow()
    other = replace(
        rules,
        name="x" if moved == "name" else rules.name,
        flow_digest="x" if moved == "flow_digest" else rules.flow_digest,
        query_digest="x" if moved == "query_digest" else rules.query_digest,
    )
    assert change_digest("e1", other, CHANGES) != DIGEST


def test_another_estate_is_not_the_one_approved() -> None:
    assert change_digest("e2", flow(), CHANGES) != DIGEST


@pytest.mark.parametrize(
    ("approval", "foreign", "changes", "needed"),
    [
        (Approval.NONE, False, CHANGES, False),
        (Approval.NONE, True, [ADD], False),
        (Approval.NONE, True, [REMOVE], True),
        (Approval.REMOVALS, False, [ADD, ADOPT], False),
        (Approval.REMOVALS, False, [REMOVE], True),
        (Approval.ALWAYS, False, [ADD], True),
        (Approval.ALWAYS, False, [REMOVE], True),
        (Approval.ALWAYS, False, [ADOPT], True),
        (Approval.ALWAYS, False, [KEEP, SKIP], False),
    ],
)
def test_what_a_person_must_approve(approval: Approval, foreign: bool, changes: list[Change], needed: bool) -> None:
    rules: Flow = replace(flow(foreign=foreign), approval=approval)
    assert needs_approval(rules, changes) is needed
