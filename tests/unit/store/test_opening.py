"""Opening the state, and what is said when it cannot be used."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event

from earmark.errors import ExitCode, PermissionDenied, ProjectError, StateError
from earmark.model.ledger import What
from earmark.store import open_store
from earmark.store.database import DatabaseStore
from earmark.store.opening import Database, open_database
from earmark.store.schema import REVISION, metadata
from tests.unit.store.samples import entry

MIGRATIONS = Path(open_store.__code__.co_filename).parent / "migrations"


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database("sqlite:state.db", tmp_path)
    yield opened
    opened.engine.dispose()


def refused(folder: Path, url: str = "sqlite:state.db") -> StateError:
    with pytest.raises(StateError) as caught:
        open_store(url, folder)
    assert caught.value.hint
    assert caught.value.exit_code is ExitCode.OUR_FAULT
    return caught.value


def sql(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "state.db")) as connection:
        connection.executescript(statement)


def test_a_lost_state_starts_anew_with_its_folders(tmp_path: Path) -> None:
    store = open_store("sqlite:.earmark/deep/state.db", tmp_path)
    assert store.last_effective_at("e1") is None
    store.close()
    assert (tmp_path / ".earmark/deep/state.db").is_file()


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    for expected in (0, 1):
        store = open_store("sqlite:state.db", tmp_path)
        assert len(store.read_entries("e1")) == expected
        store.append([entry(What.ADDED)])
        store.close()


def test_the_file_is_kept_safe(database: Database) -> None:
    with database.read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 20_000}


def test_a_fresh_state_is_what_the_tables_say(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_tables_are_those_of_the_newest_step() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [REVISION]


def test_an_older_state_is_migrated(tmp_path: Path) -> None:
    database = open_database("sqlite:state.db", tmp_path)
    config = alembic_config()
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    database.engine.dispose()
    store = open_store("sqlite:state.db", tmp_path)
    store.append([entry(What.ADDED)])
    assert store.check_ledger() == []
    store.close()


def test_a_newer_state_is_refused_by_name(tmp_path: Path) -> None:
    open_store("sqlite:state.db", tmp_path).close()
    sql(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    before = (tmp_path / "state.db").read_bytes()
    error = refused(tmp_path)
    assert "newer Earmark (schema 9999" in error.message
    assert str(tmp_path / "state.db") in error.message
    assert (tmp_path / "state.db").read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"no database\n" * 500, b"\x00" * 4096 + b"x", b"SQLite format 3\x00" + b"\xff" * 8000]
)
def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    error = refused(tmp_path)
    assert str(tmp_path / "state.db") in error.message
    assert "backup" in error.hint
    assert (tmp_path / "state.db").read_bytes() == content


def test_a_damaged_page_is_told(tmp_path: Path) -> None:
    store = open_store("sqlite:state.db", tmp_path)
    store.append([entry(What.ADDED, device=f"d{n}") for n in range(500)])
    store.close()
    with (tmp_path / "state.db").open("r+b") as file:
        file.seek(4096)
        while file.tell() < (tmp_path / "state.db").stat().st_size:
            file.write(b"\xa5" * 4096)
    error = refused(tmp_path)
    assert "damaged" in error.message


def test_a_cell_that_is_no_document_is_told(database: Database) -> None:
    store = DatabaseStore(database)
    store.append([entry(What.ADDED, device="d1")])
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE ledger SET detail = '{bad'")
    with pytest.raises(StateError, match="damaged"):
        store.read_entries(entry(What.ADDED).estate)


def test_the_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    sql(tmp_path, "CREATE TABLE customers (id INTEGER)")
    assert "customers" in refused(tmp_path).message
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("customers",)]


def test_a_folder_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    assert "is a folder" in refused(tmp_path).message


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be used" in refused(tmp_path, "sqlite:file/state.db").message


@pytest.mark.parametrize("url", ["", "sqlite", "sqlite:", "sqlite://", "postgresql://host/db", "state.db"])
def test_a_setting_that_names_no_state_is_a_fault_of_the_project(tmp_path: Path, url: str) -> None:
    with pytest.raises(ProjectError, match="state:") as caught:
        open_store(url, tmp_path)
    assert "sqlite:.earmark/state.db" in caught.value.hint


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    open_store(f"sqlite:{tmp_path}/there.db", tmp_path / "elsewhere").close()
    open_store(f"sqlite:///{tmp_path}/also.db", tmp_path / "elsewhere").close()
    assert (tmp_path / "there.db").is_file()
    assert (tmp_path / "also.db").is_file()


def limited(database: Database, pragma: str) -> DatabaseStore:
    """A store whose connections are under a limit of SQLite's own."""

    @event.listens_for(database.engine, "connect")
    def _limit(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")

    database.engine.dispose()
    return DatabaseStore(database)


def test_a_full_disk_loses_nothing(database: Database) -> None:
    store = limited(database, "max_page_count = 60")
    store.append([entry(What.ADDED)])
    with pytest.raises(StateError, match="disk is full") as caught:
        store.append([entry(What.ADDED, device=f"d{n}") for n in range(5000)])
    assert "Make room" in caught.value.hint
    assert len(store.read_entries("e1")) == 1
    assert store.check_ledger() == []


def test_a_state_that_cannot_be_written_is_told(database: Database) -> None:
    store = limited(database, "query_only = ON")
    with pytest.raises(PermissionDenied, match="cannot be written") as caught:
        store.append([entry(What.ADDED)])
    assert "right to write" in caught.value.hint


def test_a_writer_that_waits_too_long_is_told(database: Database) -> None:
    store = limited(database, "busy_timeout = 1")
    with database.write(), pytest.raises(StateError, match="in use by another process"):
        store.append([entry(What.ADDED)])
    store.append([entry(What.ADDED)])


def test_a_reader_is_not_kept_waiting_by_a_writer(database: Database) -> None:
    store = limited(database, "busy_timeout = 1")
    with database.write():
        assert store.read_entries("e1") == []


OPEN_AND_WRITE = """
import sys
from pathlib import Path
from earmark.model.ledger import What
from earmark.store import open_store
from tests.unit.store.samples import entry
open_store("sqlite:state.db", Path(sys.argv[1])).append([entry(What.ADDED)])
"""


def test_many_processes_may_open_a_fresh_state_at_once(tmp_path: Path) -> None:
    command_line = [sys.executable, "-c", OPEN_AND_WRITE, str(tmp_path)]
    running = [subprocess.Popen(command_line, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[1] for process in running] == [""] * 3
    store = open_store("sqlite:state.db", tmp_path)
    assert [r.sequence for r in store.read_entries("e1")] == [1, 2, 3]
    assert store.check_ledger() == []
    store.close()
