"""Opening the state: from the project's `state` setting to a database whose tables are those of this version.

A file that is not there is made; an older one is migrated, whole or not at all; a newer one is refused. What the
database says when something is wrong is turned into a sentence with what to do.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError

from earmark.errors import EarmarkError, PermissionDenied, ProjectError, StateError, is_denied
from earmark.project.sqlite_file import sqlite_address
from earmark.store.schema import REVISION

_BUSY_SECONDS = 20
_RESTORE = (
    "Restore a backup of it. Moving it away starts anew, and tags added so far are then no longer Earmark's to remove."
)
_GIVE_RIGHT = "Give this account the right to read and write the file and its folder."
_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An open state database."""

    engine: Engine
    path: Path
    """The SQLite file; leases live beside it."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that sees one moment."""
        with _told(self.path), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that excludes other writers from its start."""
        with (
            _told(self.path),
            self.engine.connect().execution_options(earmark_writes=True) as connection,
            connection.begin(),
        ):
            yield connection


def open_database(url: str, folder: Path) -> Database:
    """Open, make or migrate the state that `url` names (`sqlite:PATH`, relative to `folder`)."""
    scheme, colon, place = url.partition(":")
    if scheme != "sqlite" or not colon or not place.strip("/"):
        raise ProjectError(
            f'state: "{scheme}:…" is not supported; expected sqlite:PATH.',
            hint="Write state: sqlite:.earmark/state.db in earmark.yaml.",
        )
    path = folder / place.removeprefix("//")
    with _told(path):
        if path.is_dir():
            raise StateError(
                f"{path} is a folder; the state is a file.", hint="Name another file under state: in earmark.yaml."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        database = Database(engine=_engine(path), path=path)
        try:
            _bring_up_to_date(database)
        except BaseException:
            database.engine.dispose()
            raise
    return database


def _engine(path: Path) -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(sqlite_address(path), uri=True, timeout=_BUSY_SECONDS, check_same_thread=False)

    engine = create_engine(f"sqlite:///{path}", creator=connect)

    @event.listens_for(engine, "connect")
    def _settle(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: ours begin whole, and a writer's excludes others at once.
        connection.isolation_level = None
        for pragma in ("foreign_keys = ON", "synchronous = FULL", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("earmark_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _bring_up_to_date(database: Database) -> None:
    if _revision(database) == REVISION:
        return
    lock = FileLock(f"{database.path}.migrating", timeout=_BUSY_SECONDS)
    try:
        with lock:
            # Another process may have been quicker.
            if _revision(database) != REVISION:
                _migrate(database)
    except Timeout:
        raise StateError(
            f"{database.path} is being migrated by another process.", hint="Try again when that process has ended."
        ) from None


def _revision(database: Database) -> str | None:
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(database: Database) -> None:
    from alembic import command  # only a new or an older state needs it, and it is slow to import
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    found = _revision(database)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StateError(
            f"{database.path} was written by a newer Earmark (schema {found}; this one knows up to {REVISION}).",
            hint="Use that version of Earmark, or restore a backup made before the upgrade.",
        )
    _use_write_ahead_log(database)
    with database.write() as connection:
        _refuse_strangers(database, connection, found)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _use_write_ahead_log(database: Database) -> None:
    connection = database.engine.raw_connection()
    try:
        connection.execute("PRAGMA journal_mode = WAL")  # kept in the file; cannot be set inside a transaction
    finally:
        connection.close()


def _refuse_strangers(database: Database, connection: Connection, found: str | None) -> None:
    tables = inspect(connection).get_table_names()
    if found is None and set(tables) - {"alembic_version"}:
        raise StateError(
            f"{database.path} is a database of something else (it holds the table {tables[0]}).",
            hint="Name another file under state: in earmark.yaml.",
        )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the database or the file system says into a sentence."""
    try:
        yield
    except DBAPIError as error:
        raise _state_error(path, str(error.orig)) from error
    except json.JSONDecodeError as error:  # a cell that holds a document
        raise StateError(f"the state {path} is damaged.", hint=_RESTORE) from error
    except OSError as error:
        said = f"the state {path} cannot be used: {error.strerror or error}."
        if is_denied(error):
            raise PermissionDenied(said, hint=_GIVE_RIGHT) from error
        raise StateError(said, hint="Check that the folder exists, can be written and has room.") from error


_SENTENCES: tuple[tuple[str, type[EarmarkError], str, str], ...] = (
    (
        "locked",
        StateError,
        "is in use by another process for longer than {busy} seconds",
        "Try again when that process has ended.",
    ),
    (
        "disk is full",
        StateError,
        "cannot grow: the disk is full",
        "Make room, then run the command again; nothing is half written.",
    ),
    (
        "readonly",
        PermissionDenied,
        "cannot be written",
        "Give this account the right to write the file and its folder.",
    ),
    (
        "unable to open",
        PermissionDenied,
        "cannot be opened or made",
        _GIVE_RIGHT,
    ),
    ("not a database", StateError, "is not a state database, or its start is damaged", _RESTORE),
    ("malformed", StateError, "is damaged", _RESTORE),
    ("no such", StateError, "lacks a part that it should have", _RESTORE),
)


def _state_error(path: Path, said: str) -> EarmarkError:
    for sign, kind, sentence, hint in _SENTENCES:
        if sign in said:
            return kind(f"the state {path} {sentence.format(busy=_BUSY_SECONDS)}.", hint=hint)
    return StateError(f"the state {path} cannot be used: {said}.", hint="Check the disk, or restore a backup.")
