"""Runs with their flows, and the times at which flows were due, each taken by one run only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from earmark.errors import StateError
from earmark.model.run import FlowRun, FlowState, Run
from earmark.store.base import Fire
from earmark.store.opening import Database
from earmark.store.schema import fires, flow_runs, instant, instant_or_none, runs, stored, stored_or_none

_APPLIED = (FlowState.DONE.value, FlowState.PARTLY.value)


class RunTables:
    """The part of the store that is runs."""

    _database: Database

    def start_run(self, run: Run) -> None:
        """Note that a run begins."""
        row = {
            "id": run.id,
            "estate": run.estate,
            "trigger": run.trigger,
            "due_at": stored_or_none(run.due_at),
            "started_at": stored(run.started_at),
            "ended_at": None,
        }
        with self._database.write() as connection:
            connection.execute(insert(runs), row)

    def end_run(self, run: str, *, ended_at: datetime, flows: Sequence[FlowRun]) -> None:
        """Note how a run ended."""
        with self._database.write() as connection:
            ended = connection.execute(update(runs).where(runs.c.id == run).values(ended_at=stored(ended_at)))
            if not ended.rowcount:
                raise StateError(
                    f'there is no run "{run}" to end.', hint="This is a fault of Earmark; please report it."
                )
            rows = [
                {"run": run, "place": place, **asdict(flow), "state": flow.state.value}
                for place, flow in enumerate(flows)
            ]
            if rows:
                connection.execute(insert(flow_runs), rows)

    def read_runs(self, estate: str, *, limit: int = 50) -> list[Run]:
        """The latest runs, newest first."""
        query = select(runs).where(runs.c.estate == estate).order_by(runs.c.position.desc()).limit(limit)
        with self._database.read() as connection:
            return _with_flows(connection, query)

    def read_run(self, run: str) -> Run | None:
        """One run."""
        with self._database.read() as connection:
            return next(iter(_with_flows(connection, select(runs).where(runs.c.id == run))), None)

    def last_matched(self, estate: str, flow: str) -> int | None:
        """How many devices the flow's last complete, applied hunt named."""
        query = (
            select(flow_runs.c.matched)
            .join(runs, runs.c.id == flow_runs.c.run)
            .where(runs.c.estate == estate, flow_runs.c.flow == flow)
            .where(flow_runs.c.matched.is_not(None), flow_runs.c.state.in_(_APPLIED))
            .order_by(runs.c.position.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def claim_fire(self, fire: Fire) -> bool:
        """Take a fire time for a run."""
        row = {
            "estate": fire.estate,
            "flow": fire.flow,
            "fire_at": stored(fire.fire_at),
            "run": fire.run,
            "finished": False,
        }
        with self._database.write() as connection:
            try:
                with connection.begin_nested():
                    connection.execute(insert(fires), row)
            except IntegrityError:
                return False
            return True

    def finish_fire(self, fire: Fire) -> None:
        """Note that a fire's run is over."""
        with self._database.write() as connection:
            connection.execute(update(fires).where(_taken(fire)).values(finished=True))

    def unfinished_fires(self, estate: str) -> list[Fire]:
        """Fires taken whose run is not over."""
        query = select(fires).where(fires.c.estate == estate, fires.c.finished.is_(False))
        with self._database.read() as connection:
            return [
                Fire(estate=row.estate, flow=row.flow, fire_at=instant(row.fire_at), run=row.run)
                for row in connection.execute(query.order_by(fires.c.fire_at, fires.c.flow))
            ]

    def take_over_fire(self, fire: Fire, run: str) -> bool:
        """Give an unfinished fire to another run."""
        taken = update(fires).where(_taken(fire), fires.c.finished.is_(False)).values(run=run)
        with self._database.write() as connection:
            return connection.execute(taken).rowcount == 1

    def last_fire(self, estate: str, flow: str) -> datetime | None:
        """The latest fire time taken."""
        query = select(func.max(fires.c.fire_at)).where(fires.c.estate == estate, fires.c.flow == flow)
        with self._database.read() as connection:
            return instant_or_none(connection.execute(query).scalar())


def _taken(fire: Fire) -> ColumnElement[bool]:
    return and_(
        fires.c.estate == fire.estate,
        fires.c.flow == fire.flow,
        fires.c.fire_at == stored(fire.fire_at),
        fires.c.run == fire.run,
    )


def _with_flows(connection: Connection, query: Select[Any]) -> list[Run]:
    found = connection.execute(query).all()
    of_these = select(flow_runs).where(flow_runs.c.run.in_([row.id for row in found]))
    flows: dict[str, list[FlowRun]] = {}
    for row in connection.execute(of_these.order_by(flow_runs.c.run, flow_runs.c.place)):
        flows.setdefault(row.run, []).append(_flow_run(row))
    return [
        Run(
            id=row.id,
            estate=row.estate,
            trigger=row.trigger,
            due_at=instant_or_none(row.due_at),
            started_at=instant(row.started_at),
            ended_at=instant_or_none(row.ended_at),
            flows=tuple(flows.get(row.id, ())),
        )
        for row in found
    ]


def _flow_run(row: Row[Any]) -> FlowRun:
    return FlowRun(
        flow=row.flow,
        state=FlowState(row.state),
        added=row.added,
        removed=row.removed,
        skipped=row.skipped,
        failed=row.failed,
        matched=row.matched,
        why=row.why,
    )
