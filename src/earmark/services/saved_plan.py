"""A plan that was saved to a file: read back, held against what the state kept of it, and judged for its age.

A file may come from anywhere: its moments are taken from the state where the state knows the plan, and a section that
a later run of its flow contradicts is stale.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from earmark.errors import StalePlanError, UsageError
from earmark.model.document import parse_plan
from earmark.model.instant import instant_text, minute_text
from earmark.model.ledger import What
from earmark.model.plan import Plan, Section
from earmark.services.plan import VALID_FOR
from earmark.services.workspace import Workspace

_GIVE = "Give a file that `earmark plan --out` wrote."
BIGGEST_FILE = 1 << 30
"""Bytes a plan file may have."""


def require_in_time(plan: Plan, now: datetime) -> None:
    """Refuse a plan that has expired, or whose moment is still to come."""
    if plan.expires_at - plan.effective_at > VALID_FOR:
        raise UsageError("the plan is damaged: it is valid for longer than a plan can be.", hint=_GIVE)
    if now >= plan.expires_at:
        raise StalePlanError(f"the plan expired at {minute_text(plan.expires_at)} UTC.", hint="Plan anew.")
    if now < plan.effective_at:
        raise StalePlanError(
            f"the plan is of {instant_text(plan.effective_at)}, and it is {instant_text(now)}.",
            hint="Give a --now that is not before the plan's, or plan anew.",
        )


def read_plan_file(file: Path) -> Plan:
    """The plan in a file."""
    try:
        with file.open("rb") as opened:
            if stat.S_ISCHR(os.fstat(opened.fileno()).st_mode):  # some have no end
                raise UsageError(f"{file} is a device, not a plan.", hint=_GIVE)
            content = opened.read(BIGGEST_FILE + 1)
        if len(content) > BIGGEST_FILE:
            raise UsageError(f"{file} is too big to be a plan.", hint=_GIVE)
        document = json.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.", hint=_GIVE) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is no plan: it is not JSON.", hint=_GIVE) from error
    return parse_plan(document)


def as_kept(plan: Plan, kept: Plan) -> Plan:
    """The plan with the moments that the state kept, which a file cannot move, and with its evidence where file and
    state agree on what is to be done.
    """
    whole = {s.flow: s for s in kept.sections}
    sections = []
    for section in plan.sections:
        same = whole.get(section.flow)
        if same is not None and same.change_digest == section.change_digest:
            evidence = {(c.device, c.tag): c.evidence for c in same.changes}
            changes = tuple(replace(c, evidence=evidence.get((c.device, c.tag), c.evidence)) for c in section.changes)
            section = replace(section, changes=changes)
        sections.append(section)
    return replace(
        plan,
        made_at=kept.made_at,
        effective_at=kept.effective_at,
        expires_at=kept.expires_at,
        sections=tuple(sections),
    )


def overtaken(workspace: Workspace, plan: Plan, section: Section) -> str:
    """What overtook the section; empty when nothing did.

    A device alone that moved since is skipped while the plan is applied; a later hunt that answered otherwise speaks
    for every device. One that was not complete overtakes nothing.
    """
    for recorded in workspace.store.read_entries(plan.estate, device="", flow=section.flow):
        entry = recorded.entry
        if (
            entry.what is What.RUN_STARTED
            and entry.at > plan.made_at
            and entry.detail.get("plan") != plan.id
            and entry.detail.get("complete", True)
            and entry.detail.get("change_digest") != section.change_digest
        ):
            return f"run {entry.run} hunted anew since the plan was made, and found something else; plan anew"
    return ""
