"""Plans kept until they are applied, and what people said of their changes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from earmark.model.plan import ApprovalState
from earmark.store.base import Decision, SavedPlan
from earmark.store.opening import Database
from earmark.store.schema import decisions, instant, instant_or_none, plans, stored, stored_or_none


class PlanTables:
    """The part of the store that is plans."""

    _database: Database

    def save_plan(self, plan: SavedPlan) -> None:
        """Keep a plan; saving the same id again replaces it."""
        row = {
            "id": plan.id,
            "estate": plan.estate,
            "made_at": stored(plan.made_at),
            "expires_at": stored(plan.expires_at),
            "document": json.dumps(plan.document),
            "applied_at": stored_or_none(plan.applied_at),
            "run": plan.run,
        }
        with self._database.write() as connection:
            if not connection.execute(update(plans).where(plans.c.id == plan.id).values(row)).rowcount:
                connection.execute(insert(plans), row)

    def read_plan(self, plan: str) -> SavedPlan | None:
        """One plan."""
        with self._database.read() as connection:
            row = connection.execute(select(plans).where(plans.c.id == plan)).one_or_none()
        return None if row is None else _saved_plan(row)

    def mark_applied(self, plan: str, *, run: str, at: datetime) -> bool:
        """Note that a run applied a plan: True once."""
        waiting = update(plans).where(plans.c.id == plan, plans.c.applied_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(waiting.values(applied_at=stored(at), run=run)).rowcount == 1

    def decide(self, decision: Decision) -> None:
        """Note an approval or a rejection."""
        row = {
            "estate": decision.estate,
            "flow": decision.flow,
            "change_digest": decision.change_digest,
            "state": decision.state.value,
            "who": decision.who,
            "at": stored(decision.at),
            "comment": decision.comment,
        }
        with self._database.write() as connection:
            connection.execute(insert(decisions), row)

    def read_decision(self, estate: str, flow: str, change_digest: str) -> Decision | None:
        """What was said last of these changes."""
        query = (
            select(decisions)
            .where(decisions.c.estate == estate, decisions.c.flow == flow, decisions.c.change_digest == change_digest)
            .order_by(decisions.c.position.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _decision(row)


def _saved_plan(row: Row[Any]) -> SavedPlan:
    return SavedPlan(
        id=row.id,
        estate=row.estate,
        made_at=instant(row.made_at),
        expires_at=instant(row.expires_at),
        document=json.loads(row.document),
        applied_at=instant_or_none(row.applied_at),
        run=row.run,
    )


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        estate=row.estate,
        flow=row.flow,
        change_digest=row.change_digest,
        state=ApprovalState(row.state),
        who=row.who,
        at=instant(row.at),
        comment=row.comment,
    )
