"""What settings redact is shown nowhere, however its letters are written there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from earmark.cli.options import Format
from earmark.cli.render.explained import print_explained
from earmark.cli.render.plan import print_plan
from earmark.model.device import Origin
from earmark.model.guard import GuardResult, Verdict
from earmark.model.plan import ApprovalState, Change, ChangeAction, Plan, Reason, Section
from earmark.services.explain import Explained, ExplainedTag

AT = datetime(2026, 1, 4, 6, tzinfo=UTC)
EVIDENCE = {"AccountName": "ada.secret", "Logons": 31}
CHANGE = Change(
    action=ChangeAction.ADD,
    device="d1",
    name="pc-1",
    tag="Executive",
    reason=Reason.MATCHED,
    text="the hunt names the device",
    evidence=EVIDENCE,
)
SECTION = Section(
    flow="executive",
    query_digest="q",
    flow_digest="f",
    change_digest="c",
    complete=True,
    why_not=None,
    rows=1,
    matched=1,
    guard=GuardResult(verdict=Verdict.PASS),
    approval=ApprovalState.NONE,
    changes=(CHANGE,),
)
PLAN = Plan(id="p1", estate="e1", made_at=AT, effective_at=AT, expires_at=AT, sections=(SECTION,), calls=1, seconds=0.0)
TAG = ExplainedTag(
    tag="Executive",
    origin=Origin.MANUAL,
    owned=True,
    flow="executive",
    query_digest="q",
    evidence=EVIDENCE,
    first_match_at=AT,
    last_match_at=AT,
    until=None,
    history=(),
)


@pytest.mark.parametrize("format_", ["table", "json", "csv"])
@pytest.mark.parametrize("name", ["AccountName", "accountname"])
def test_redacted_evidence_is_not_shown(capsys: pytest.CaptureFixture[str], format_: Format, name: str) -> None:
    print_plan(format_, PLAN, redact=(name,), every=True)
    print_explained(format_, [Explained(device="d1", name="pc-1", tags=(TAG,))], redact=(name,), tag=None)
    shown = capsys.readouterr().out
    assert "ada.secret" not in shown
    assert format_ == "csv" or "31" in shown


def test_evidence_is_shown_when_nothing_is_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    print_plan("table", PLAN, redact=(), every=True)
    print_explained("table", [Explained(device="d1", name="pc-1", tags=(TAG,))], redact=(), tag=None)
    assert capsys.readouterr().out.count("AccountName ada.secret") == 2
