"""The ledger and its projection: entries go in, a chain of digests and the pairs' states come out, in one transaction.

An open intent is part of the projection too, so that finding what a killed process left behind costs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Insert,
    Row,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from earmark.model.ledger import INTENTS, OUTCOMES, UNOWNED, Entry, Pair, PairState, What, advance
from earmark.store.base import Owned, Recorded
from earmark.store.opening import Database
from earmark.store.schema import instant, instant_or_none, ledger, ledger_head, pairs, stored, stored_or_none

# One encoder for all: `json.dumps` with options builds one a call.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_DEVICES_A_READ = 1000
_ROWS_A_READ = 5000


class _Key(NamedTuple):
    estate: str
    flow: str
    device: str
    tag: str


class _Standing(NamedTuple):
    """A pair's row of the projection."""

    state: PairState
    intent: int | None
    """The sequence of an intent without outcome."""


_NOTHING = _Standing(UNOWNED, None)
_Projection = dict[_Key, _Standing]


class LedgerTables:
    """The part of the store that is the ledger."""

    _database: Database

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries and carry their pairs forward."""
        if not entries:
            return
        with self._database.write() as connection:
            head = connection.execute(select(ledger_head.c.sequence, ledger_head.c.digest).with_for_update()).one()
            sequence, digest = head.sequence, head.digest
            rows: list[dict[str, Any]] = []
            for entry in entries:
                sequence += 1
                row = _row(sequence, entry)
                digest = row["digest"] = chained(digest, list(row.values()))
                rows.append(row)
            _execute_many(connection, insert(ledger), rows)
            connection.execute(update(ledger_head).values(sequence=sequence, digest=digest))
            _carry_forward(connection, entries, head.sequence)

    def read_pairs(self, estate: str, flow: str) -> dict[Pair, PairState]:
        """Every pair of a flow that the ledger has something to say of."""
        query = select(pairs).where(pairs.c.estate == estate, pairs.c.flow == flow)
        with self._database.read() as connection:
            found = ((Pair(row.device, row.tag), _state(row)) for row in connection.execute(query))
            return {pair: state for pair, state in found if state != UNOWNED}

    def read_owned(self, estate: str) -> list[Owned]:
        """Every owned pair of every flow."""
        query = select(pairs).where(pairs.c.estate == estate, pairs.c.owned_since.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(pairs.c.device, pairs.c.tag, pairs.c.flow))
            return [Owned(flow=row.flow, pair=Pair(row.device, row.tag), state=_state(row)) for row in rows]

    def read_entries(
        self,
        estate: str,
        *,
        device: str | None = None,
        tag: str | None = None,
        run: str | None = None,
        flow: str | None = None,
    ) -> list[Recorded]:
        """The entries that fit, oldest first."""
        wanted = {"device": device, "tag": tag, "run": run, "flow": flow}
        conditions = [ledger.c[name] == value for name, value in wanted.items() if value is not None]
        return self._read(ledger.c.estate == estate, *conditions)

    def unsettled(self, estate: str) -> list[Recorded]:
        """Intents whose outcome is not recorded."""
        open_intents = select(pairs.c.intent).where(pairs.c.estate == estate, pairs.c.intent.is_not(None))
        return self._read(ledger.c.sequence.in_(open_intents))

    def recent_writes(self, estate: str, since: datetime) -> dict[Pair, tuple[bool, datetime]]:
        """The pairs added or removed since a moment; read from the newest entry back."""
        query = select(ledger.c.at, ledger.c.what, ledger.c.estate, ledger.c.device, ledger.c.tag)
        found: dict[Pair, tuple[bool, datetime]] = {}
        with self._database.read() as connection:
            newest_first = query.order_by(ledger.c.sequence.desc()).execution_options(yield_per=_ROWS_A_READ)
            for row in connection.execute(newest_first):
                if row.at < stored(since):
                    break
                if row.estate == estate and row.what in (What.ADDED, What.REMOVED):
                    found.setdefault(Pair(row.device, row.tag), (row.what == What.ADDED, instant(row.at)))
        return found

    def last_effective_at(self, estate: str) -> datetime | None:
        """The latest effective moment of an estate's entries."""
        query = select(func.max(ledger.c.effective_at)).where(ledger.c.estate == estate)
        with self._database.read() as connection:
            return instant_or_none(connection.execute(query).scalar())

    def known_estates(self) -> list[str]:
        """The estates that the ledger speaks of, sorted."""
        with self._database.read() as connection:
            return list(connection.execute(select(ledger.c.estate).distinct().order_by(ledger.c.estate)).scalars())

    def check_ledger(self) -> list[str]:
        """A broken chain of digests, and pairs that do not follow from the entries."""
        with self._database.read() as connection:
            chain = _Chain()
            projected = _replay(chain.follow(_rows(connection)))
            chain.close(connection.execute(select(ledger_head)).one())
            return [*chain.faults, *_differences(_read_projection(connection), projected)]

    def rebuild(self) -> None:
        """Write the pairs anew from the ledger."""
        with self._database.write() as connection:
            projected = _replay(_rows(connection))
            connection.execute(delete(pairs))
            _insert(connection, projected)

    def _read(self, *conditions: ColumnElement[bool]) -> list[Recorded]:
        query = select(ledger).where(*conditions).order_by(ledger.c.sequence)
        with self._database.read() as connection:
            return [
                Recorded(sequence=row.sequence, entry=_entry(row), digest=row.digest)
                for row in connection.execute(query)
            ]


def chained(before: str, content: Sequence[Any]) -> str:
    """The digest of a row, all columns but its last, after the digest of the row before it."""
    return hashlib.sha256(f"{before}\n{_encode(content)}".encode()).hexdigest()


def _row(sequence: int, entry: Entry) -> dict[str, Any]:
    """An entry's columns in the table's order, without the digest."""
    return {
        "sequence": sequence,
        "what": entry.what.value,
        "estate": entry.estate,
        "at": stored(entry.at),
        "effective_at": stored(entry.effective_at),
        "run": entry.run,
        "who": entry.who,
        "flow": entry.flow,
        "device": entry.device,
        "tag": entry.tag,
        "detail": _encode(dict(entry.detail)),
    }


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        what=What(row.what),
        estate=row.estate,
        at=instant(row.at),
        effective_at=instant(row.effective_at),
        run=row.run,
        who=row.who,
        flow=row.flow,
        device=row.device,
        tag=row.tag,
        detail=json.loads(row.detail),
    )


def _rows(connection: Connection) -> Iterator[Row[Any]]:
    query = select(ledger).order_by(ledger.c.sequence)
    yield from connection.execute(query.execution_options(yield_per=_ROWS_A_READ))


def _state(row: Row[Any]) -> PairState:
    return PairState(
        owned_since=instant_or_none(row.owned_since),
        unmatched_since=instant_or_none(row.unmatched_since),
        given_up=row.given_up,
    )


def _after(standing: _Standing, sequence: int, entry: Entry) -> _Standing:
    intent = sequence if entry.what in INTENTS else None if entry.what in OUTCOMES else standing.intent
    return _Standing(advance(standing.state, entry), intent)


def _step(projection: _Projection, sequence: int, entry: Entry) -> None:
    if entry.device:
        key = _Key(entry.estate, entry.flow, entry.device, entry.tag)
        projection[key] = _after(projection.get(key, _NOTHING), sequence, entry)


def _replay(rows: Iterable[Row[Any]]) -> _Projection:
    projection: _Projection = {}
    for row in rows:
        _step(projection, row.sequence, _entry(row))
    return {key: standing for key, standing in projection.items() if standing != _NOTHING}


def _carry_forward(connection: Connection, entries: Sequence[Entry], after: int) -> None:
    """Bring the pairs that the entries name from their stored state to the one after the entries."""
    before = _read_named(connection, entries)
    now = dict(before)
    for sequence, entry in enumerate(entries, start=after + 1):
        _step(now, sequence, entry)
    gone = [key for key, standing in now.items() if standing == _NOTHING and key in before]
    new = {key: standing for key, standing in now.items() if standing != _NOTHING and key not in before}
    moved = {
        key: standing
        for key, standing in now.items()
        if standing != _NOTHING and key in before and before[key] != standing
    }
    keys = [pairs.c[name] == bindparam(f"key_{name}") for name in _Key._fields]
    if gone:
        _execute_many(connection, delete(pairs).where(*keys), [_bound(key) for key in gone])
    if moved:
        change = update(pairs).where(*keys).values({name: bindparam(name) for name in _values(_NOTHING)})
        _execute_many(connection, change, [_bound(key) | _values(standing) for key, standing in moved.items()])
    _insert(connection, new)


def _read_named(connection: Connection, entries: Sequence[Entry]) -> _Projection:
    """The stored state of every pair that the entries name."""
    devices: dict[tuple[str, str], dict[str, None]] = {}
    for entry in entries:
        if entry.device:
            devices.setdefault((entry.estate, entry.flow), {})[entry.device] = None
    found: _Projection = {}
    for (estate, flow), named in devices.items():
        ids = list(named)
        for start in range(0, len(ids), _DEVICES_A_READ):
            chosen = pairs.c.device.in_(ids[start : start + _DEVICES_A_READ])
            query = select(pairs).where(pairs.c.estate == estate, pairs.c.flow == flow, chosen)
            found.update(_standings(connection.execute(query)))
    return found


def _read_projection(connection: Connection) -> _Projection:
    return dict(_standings(connection.execute(select(pairs))))


def _standings(rows: Iterable[Row[Any]]) -> Iterator[tuple[_Key, _Standing]]:
    for row in rows:
        yield _Key(row.estate, row.flow, row.device, row.tag), _Standing(_state(row), row.intent)


def _insert(connection: Connection, projection: _Projection) -> None:
    if projection:
        rows = [key._asdict() | _values(standing) for key, standing in projection.items()]
        _execute_many(connection, insert(pairs), rows)


def _execute_many(
    connection: Connection, statement: Insert | Update | Delete, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Execute a statement once a row, past SQLAlchemy's work on each value: ours need none, and it halves the speed."""
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names = compiled.positiontup
    if names is None:
        connection.exec_driver_sql(str(compiled), [dict(row) for row in rows])
    else:
        connection.exec_driver_sql(str(compiled), [tuple(map(row.__getitem__, names)) for row in rows])


def _bound(key: _Key) -> dict[str, Any]:
    return {f"key_{name}": value for name, value in key._asdict().items()}


def _values(standing: _Standing) -> dict[str, Any]:
    return {
        "owned_since": stored_or_none(standing.state.owned_since),
        "unmatched_since": stored_or_none(standing.state.unmatched_since),
        "given_up": standing.state.given_up,
        "intent": standing.intent,
    }


class _Chain:
    """Follows the digests from row to row and notes where they break."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._sequence, self._digest = 0, ""

    def follow(self, rows: Iterable[Row[Any]]) -> Iterator[Row[Any]]:
        for row in rows:
            if row.sequence != self._sequence + 1:
                self.faults.append(f"entries {self._sequence + 1} to {row.sequence - 1} are missing")
            elif row.digest != chained(self._digest, row[:-1]):
                self.faults.append(f"entry {row.sequence} is not what was recorded: its digest does not fit")
            self._sequence, self._digest = row.sequence, row.digest
            yield row

    def close(self, head: Row[Any]) -> None:
        if (head.sequence, head.digest) != (self._sequence, self._digest):
            self.faults.append(f"the ledger ends at entry {self._sequence}, but {head.sequence} were recorded")


def _differences(found: _Projection, expected: _Projection) -> Iterator[str]:
    for key in sorted(found.keys() | expected.keys()):
        if found.get(key) != expected.get(key):
            yield f'{key.flow}: the state of "{key.tag}" on {key.device} does not follow from the ledger'
