"""Devices and tags of an embedded estate, in a SQLite file of their own.

It plays the part that the tenant plays elsewhere: what Earmark believes of a tag is in the ledger, what *is* so is
here, and neither is ever derived from the other. Times are ticks (100 ns since 0001-01-01), as in the events.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.embedded.identity import derived_id, folded
from earmark.model.device import Origin
from earmark.project.sqlite_file import sqlite_address

VERSION = 1
_DAMAGED = "The file is damaged or not readable; restore it from a backup."
_HINTS = (
    ("locked", "Another process is writing to the estate; try again when it is done."),
    ("full", "Free some space and run the command again; nothing of it was kept."),
    ("disk I/O", "The disk is full or failing: free some space and run the command again; nothing of it was kept."),
    ("readonly", "Give this account the right to write the file and its folder."),
    ("unable to open", "Give this account the right to read and write the file and its folder."),
)
"""What SQLite says, and what to do about it."""
_SCHEMA = """
CREATE TABLE about(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE devices(
  id TEXT PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL, first_seen INTEGER, last_seen INTEGER,
  listed INTEGER NOT NULL, inventory_row TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX devices_by_name ON devices(folded);
CREATE TABLE tags(device TEXT NOT NULL, tag TEXT NOT NULL, origin TEXT NOT NULL, set_at INTEGER NOT NULL,
  PRIMARY KEY(device, tag, origin)) WITHOUT ROWID;
CREATE TABLE names(folded TEXT PRIMARY KEY, device TEXT NOT NULL) WITHOUT ROWID;
"""


class DeviceRow(NamedTuple):
    """One device as it is stored: a tuple, because there may be a hundred thousand."""

    id: str
    name: str
    first_seen: int | None
    """First event, in ticks; None when there is none."""
    last_seen: int | None
    """Newest telemetry or the inventory's word, in ticks; None when never."""
    listed: bool
    """Whether an inventory named it without saying since when it exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a set of events says of one device."""

    id: str
    name: str
    """Its name in the newest of them."""
    first_seen: int | None
    last_seen: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One row of an inventory."""

    device: str
    """The id; empty when the inventory knows only the name."""
    name: str
    first_seen: int | None
    last_seen: int | None
    tags: tuple[tuple[str, Origin], ...]
    origins: frozenset[Origin]
    """Origins on which the inventory speaks: tags of these that it does not name are gone, manual ones excepted."""


class DeviceStore:
    """Reads and writes one `devices.db`; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version == 0:
                connection.execute("PRAGMA journal_mode = WAL")
                self._create(connection)
            elif version > VERSION:
                raise EstateError(
                    f"{path} has layout {version}, and this version of Earmark knows layouts up to {VERSION}.",
                    hint="Use the newer Earmark that wrote it.",
                )
            row = connection.execute("SELECT value FROM about WHERE key = 'estate'").fetchone()
            if row is None:
                raise EstateError(f"{path} does not say which estate it is of.", hint=_DAMAGED)
            self.estate_id: str = row[0]

    def _create(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:  # another process may have been quicker
            for statement in _SCHEMA.strip().split(";\n"):
                connection.execute(statement)
            connection.execute("INSERT INTO about VALUES ('estate', ?)", (f"embedded:{uuid4()}",))
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            address = sqlite_address(self.path)
            with closing(sqlite3.connect(address, uri=True, timeout=30, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.DatabaseError as error:
            denied = any(sign in str(error) for sign in ("readonly", "unable to open"))
            raise (PermissionDenied if denied else EstateError)(f"{self.path}: {error}.", hint=_hint(error)) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def devices(self, *, until: int) -> list[tuple[str, str, int | None]]:
        """(id, name, last seen) of every device that was there at `until` or carries a tag, by id.

        Last seen is its newest telemetry or the inventory's word, in ticks, `until` or not; None when never. Without a
        first event a device was there always where an inventory named it.
        """
        with self._open() as connection:
            return connection.execute(
                """SELECT id, name, last_seen FROM devices
                WHERE listed OR first_seen IS NULL OR first_seen <= ? OR id IN (SELECT device FROM tags)
                ORDER BY id""",
                (until,),
            ).fetchall()

    def rows(self) -> list[DeviceRow]:
        """Every device as it is stored, by id."""
        with self._open() as connection:
            found = connection.execute("SELECT id, name, first_seen, last_seen, listed FROM devices ORDER BY id")
            return list(map(DeviceRow._make, found))

    def tags(self) -> list[tuple[str, str, str]]:
        """Every (device, tag, origin), sorted."""
        with self._open() as connection:
            return connection.execute("SELECT device, tag, origin FROM tags ORDER BY device, tag, origin").fetchall()

    def count_manual(self, tags: Collection[str]) -> dict[str, int]:
        """How many devices carry each of these tags by hand, those that none carries left out."""
        with self._open() as connection:
            rows = connection.execute(
                """SELECT tag, count(*) FROM tags WHERE origin = 'manual' AND tag IN (SELECT value FROM json_each(?))
                GROUP BY tag""",
                (json.dumps(sorted(tags)),),
            )
            return dict(rows.fetchall())

    def manual_tags(self, devices: Sequence[str]) -> dict[str, frozenset[str]]:
        """The manual tags of those of `devices` that are known."""
        found: dict[str, set[str]] = {}
        with self._open() as connection:
            connection.execute("BEGIN")  # both reads see one moment
            for device in devices:
                if connection.execute("SELECT 1 FROM devices WHERE id = ?", (device,)).fetchone():
                    rows = connection.execute("SELECT tag FROM tags WHERE device = ? AND origin = 'manual'", (device,))
                    found[device] = {tag for (tag,) in rows}
            connection.execute("COMMIT")
        return {device: frozenset(tags) for device, tags in found.items()}

    def change_tag(self, tag: str, devices: Sequence[str], *, add: bool, at: int) -> list[bool]:
        """Add or remove a manual tag; for each device, in order, whether the estate knows it."""
        with self._writing() as connection:
            known = []
            for device in devices:
                known.append(connection.execute("SELECT 1 FROM devices WHERE id = ?", (device,)).fetchone() is not None)
                if known[-1] and add:
                    connection.execute("INSERT OR IGNORE INTO tags VALUES (?, ?, 'manual', ?)", (device, tag, at))
                elif known[-1]:
                    connection.execute(
                        "DELETE FROM tags WHERE device = ? AND tag = ? AND origin = 'manual'", (device, tag)
                    )
            return known

    def change_known(self, tag: str, devices: Sequence[str], *, add: bool, at: int) -> tuple[list[str], list[str]]:
        """Add or remove a manual tag on all of `devices`, or on none when one is not known.

        Gives those that are not known, and those on which something changed, each in the order given.
        """
        given = json.dumps(list(dict.fromkeys(devices)))
        with self._writing() as connection:
            unknown = _ids(connection, _UNKNOWN, given)
            if unknown:
                return unknown, []
            changed = _ids(connection, _WITHOUT_TAG if add else _WITH_TAG, given, tag)
            now = json.dumps(changed)
            if add:
                connection.execute("INSERT INTO tags SELECT value, ?2, 'manual', ?3 FROM json_each(?1)", (now, tag, at))
            else:
                connection.execute(
                    """DELETE FROM tags WHERE tag = ?2 AND origin = 'manual'
                       AND device IN (SELECT value FROM json_each(?1))""",
                    (now, tag),
                )
            return [], changed

    def replace_manual_tags(self, device: str, tags: Iterable[str], *, at: int) -> None:
        """Let exactly these manual tags stand on a device; those that stay keep their time."""
        wanted = set(tags)
        with self._writing() as connection:
            rows = connection.execute("SELECT tag FROM tags WHERE device = ? AND origin = 'manual'", (device,))
            standing = {tag for (tag,) in rows}
            for tag in sorted(standing - wanted):
                connection.execute("DELETE FROM tags WHERE device = ? AND tag = ? AND origin = 'manual'", (device, tag))
            for tag in sorted(wanted - standing):
                connection.execute("INSERT INTO tags VALUES (?, ?, 'manual', ?)", (device, tag, at))

    def whole_tags(self) -> list[tuple[str, str, str, int]]:
        """Every (device, tag, origin, since when), so that they can be restored."""
        with self._open() as connection:
            return connection.execute("SELECT device, tag, origin, set_at FROM tags").fetchall()

    def restore_tags(self, tags: Iterable[tuple[str, str, str, int]]) -> None:
        """Let exactly these tags stand."""
        with self._writing() as connection:
            connection.execute("DELETE FROM tags")
            connection.executemany("INSERT INTO tags VALUES (?, ?, ?, ?)", tags)

    def tags_of(self, devices: Sequence[str]) -> list[tuple[str, str, str]]:
        """(device, tag, origin) of some devices, the oldest tag of a device first."""
        with self._open() as connection:
            return connection.execute(
                """SELECT device, tag, origin FROM tags WHERE device IN (SELECT value FROM json_each(?))
                   ORDER BY device, set_at, tag, origin""",
                (json.dumps(list(devices)),),
            ).fetchall()

    def find(self, device: str) -> list[tuple[str, str]]:
        """(id, name) of the device of that id, else of all of that name."""
        with self._open() as connection:
            by_id = connection.execute("SELECT id, name FROM devices WHERE id = ?", (device,)).fetchall()
            return (
                by_id
                or connection.execute(
                    "SELECT id, name FROM devices WHERE folded = ? ORDER BY id", (folded(device),)
                ).fetchall()
            )

    def resolve(self, names: Iterable[str]) -> dict[str, str]:
        """The device id of each name, by name as given; what is decided here stays decided (see `identity`)."""
        with self._writing() as connection:
            return {name: _resolved(connection, name) for name in names}

    def record_sightings(self, sightings: Iterable[Sighting]) -> None:
        """Widen the time in which devices were seen; a newer sighting's name wins."""
        rows = [(s.id, s.name, folded(s.name), s.first_seen, s.last_seen) for s in sightings]
        with self._writing() as connection:
            connection.executemany(
                """INSERT INTO devices VALUES (?1, ?2, ?3, ?4, ?5, 0, '') ON CONFLICT(id) DO UPDATE SET
                  name = iif(?2 != '' AND (name = '' OR coalesce(?5, 0) >= coalesce(last_seen, 0)), ?2, name),
                  folded = iif(?2 != '' AND (name = '' OR coalesce(?5, 0) >= coalesce(last_seen, 0)), ?3, folded),
                  first_seen = min(coalesce(first_seen, ?4), coalesce(?4, first_seen)),
                  last_seen = max(coalesce(last_seen, ?5), coalesce(?5, last_seen))""",
                rows,
            )

    def record_inventory(self, listings: Iterable[Listing], *, at: int) -> int:
        """Take over an inventory; the number of its rows that said something new."""
        with self._writing() as connection:
            return sum(_record_listing(connection, listing, at) for listing in listings)


_UNKNOWN = "NOT EXISTS (SELECT 1 FROM devices WHERE id = value)"
_WITH_TAG = "EXISTS (SELECT 1 FROM tags WHERE device = value AND tag = ?2 AND origin = 'manual')"
_WITHOUT_TAG = f"NOT {_WITH_TAG}"


def _ids(connection: sqlite3.Connection, condition: str, given: str, *values: str) -> list[str]:
    """The ids of a JSON array for which a condition on `value` holds, in its order."""
    rows = connection.execute(f"SELECT value FROM json_each(?1) WHERE {condition} ORDER BY key", (given, *values))
    return [value for (value,) in rows]


def _hint(error: sqlite3.DatabaseError) -> str:
    text = str(error)
    return next((hint for sign, hint in _HINTS if sign in text), _DAMAGED)


def _resolved(connection: sqlite3.Connection, name: str) -> str:
    key = folded(name)
    if row := connection.execute("SELECT device FROM names WHERE folded = ?", (key,)).fetchone():
        return str(row[0])
    known = connection.execute("SELECT id FROM devices WHERE folded = ? LIMIT 2", (key,)).fetchall()
    device = str(known[0][0]) if len(known) == 1 else derived_id(name)
    connection.execute("INSERT INTO names VALUES (?, ?)", (key, device))
    return device


def _record_listing(connection: sqlite3.Connection, listing: Listing, at: int) -> bool:
    device = listing.device or _resolved(connection, listing.name)
    said = repr((listing.name, listing.first_seen, listing.last_seen, sorted(listing.tags), sorted(listing.origins)))
    row = connection.execute("SELECT inventory_row FROM devices WHERE id = ?", (device,)).fetchone()
    if row is not None and row[0] == said:
        return False
    connection.execute(
        """INSERT INTO devices VALUES (?1, ?2, ?3, ?4, ?5, ?4 IS NULL, ?6) ON CONFLICT(id) DO UPDATE SET
          name = CASE WHEN ?2 != '' THEN ?2 ELSE name END, folded = CASE WHEN ?2 != '' THEN ?3 ELSE folded END,
          first_seen = min(coalesce(first_seen, ?4), coalesce(?4, first_seen)),
          last_seen = max(coalesce(last_seen, ?5), coalesce(?5, last_seen)),
          listed = listed OR ?4 IS NULL, inventory_row = ?6""",
        (device, listing.name, folded(listing.name), listing.first_seen, listing.last_seen, said),
    )
    for origin in listing.origins - {Origin.MANUAL}:
        connection.execute("DELETE FROM tags WHERE device = ? AND origin = ?", (device, origin.value))
    for tag, origin in listing.tags:
        connection.execute("INSERT OR IGNORE INTO tags VALUES (?, ?, ?, ?)", (device, tag, origin.value, at))
    return True


def named(rows: Mapping[str, str]) -> str:
    """Devices as one reads them in a message: `name (id)`, comma-separated."""
    return ", ".join(f"{name or '(no name)'} ({device})" for device, name in rows.items())
