"""The ledger's chain and its projection, whatever happens between two appends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from earmark.errors import StateError
from earmark.model.ledger import INTENTS, OUTCOMES, Entry, Pair, What, replay
from earmark.store.database import DatabaseStore
from earmark.store.ledger import chained
from earmark.store.opening import Database, open_database
from earmark.store.schema import ledger, ledger_head, pairs
from tests.unit.store.samples import NOON, entry


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database("sqlite:state.db", tmp_path)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def store(database: Database) -> DatabaseStore:
    found = DatabaseStore(database)
    found.append([entry(What.ADDED, device=f"d{n}") for n in range(5)])
    return found


class TestChain:
    def test_it_is_sound_as_written(self, store: DatabaseStore) -> None:
        store.append([entry(What.REMOVED, detail={"z": 1, "a": ["é", None]})])
        assert store.check_ledger() == []

    def test_the_digest_covers_the_digest_before_and_every_column(self) -> None:
        row = [1, "added", "e1", 5, 6, "r1", "who", "flow", "d1", "tag", "{}"]
        others = [[*row[:place], "other", *row[place + 1 :]] for place in range(len(row))]
        assert len({chained("", content) for content in [row, *others]} | {chained("x", row)}) == len(row) + 2

    @pytest.mark.parametrize(
        ("column", "value"),
        [("who", "somebody"), ("at", 5), ("effective_at", 5), ("detail", '{"x":1}'), ("run", ""), ("digest", "0" * 64)],
    )
    def test_a_changed_entry_is_found(
        self, database: Database, store: DatabaseStore, column: str, value: object
    ) -> None:
        with database.write() as connection:
            connection.execute(update(ledger).where(ledger.c.sequence == 3).values({column: value}))
        assert "entry 3 is not what was recorded" in store.check_ledger()[0]

    def test_a_missing_entry_is_found(self, database: Database, store: DatabaseStore) -> None:
        with database.write() as connection:
            connection.execute(delete(ledger).where(ledger.c.sequence.in_([2, 3])))
        assert store.check_ledger()[0] == "entries 2 to 3 are missing"

    def test_a_cut_end_is_found(self, database: Database, store: DatabaseStore) -> None:
        with database.write() as connection:
            connection.execute(delete(ledger).where(ledger.c.sequence == 5))
        assert store.check_ledger()[0] == "the ledger ends at entry 4, but 5 were recorded"

    def test_a_changed_head_is_found(self, database: Database, store: DatabaseStore) -> None:
        with database.write() as connection:
            connection.execute(update(ledger_head).values(digest="0" * 64))
        assert len(store.check_ledger()) == 1


class TestProjection:
    def test_a_pair_that_does_not_follow_is_found_and_put_right(self, database: Database, store: DatabaseStore) -> None:
        before = store.read_pairs("e1", "executive")
        with database.write() as connection:
            connection.execute(delete(pairs).where(pairs.c.device == "d1"))
            connection.execute(update(pairs).where(pairs.c.device == "d2").values(owned_since=1))
            connection.execute(update(pairs).where(pairs.c.device == "d3").values(intent=1))
        assert [fault.split(" on ")[1][:2] for fault in store.check_ledger()] == ["d1", "d2", "d3"]
        store.rebuild()
        assert store.check_ledger() == []
        assert store.read_pairs("e1", "executive") == before

    def test_an_append_that_fails_leaves_nothing(self, store: DatabaseStore) -> None:
        with pytest.raises(StateError):
            store.append([entry(What.REMOVED), entry(What.REMOVED, tag=None)])
        assert len(store.read_entries("e1")) == 5
        assert Pair("d1", "Executive") in store.read_pairs("e1", "executive")
        assert store.check_ledger() == []

    def test_more_devices_than_one_read_takes(self, store: DatabaseStore) -> None:
        many = [entry(What.ADD_INTENDED, device=f"m{n}") for n in range(2500)]
        store.append(many)
        assert len(store.unsettled("e1")) == 2500
        store.append([entry(What.ADDED, device=f"m{n}") for n in range(2500)])
        assert store.unsettled("e1") == []
        assert len(store.read_pairs("e1", "executive")) == 2505
        assert store.check_ledger() == []


entries = st.builds(
    entry,
    what=st.sampled_from(What),
    device=st.sampled_from(["d1", "d2", ""]),
    flow=st.sampled_from(["executive", "other"]),
    tag=st.sampled_from(["Executive", "Boss"]),
    effective_at=st.sampled_from([NOON, NOON.replace(day=2), NOON.replace(day=3)]),
    detail=st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3), max_size=2),
)


@pytest.fixture(scope="module")
def empty() -> Iterator[Path]:
    """A fresh state file to copy: making one takes longer than a whole example."""
    with tempfile.TemporaryDirectory() as folder:
        open_database("sqlite:state.db", Path(folder)).engine.dispose()
        yield Path(folder) / "state.db"


@settings(max_examples=60)
@given(st.lists(st.lists(entries, max_size=6), max_size=6))
def test_the_pairs_are_the_ledger_read_from_its_start(empty: Path, appends: list[list[Entry]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(empty, folder)
        database = open_database("sqlite:state.db", Path(folder))
        store = DatabaseStore(database)
        for batch in appends:
            store.append(batch)
        recorded = [r.entry for r in store.read_entries("e1")]
        assert recorded == [e for batch in appends for e in batch]
        expected = replay(recorded)
        found = {("e1", flow, p): s for flow in ("executive", "other") for p, s in store.read_pairs("e1", flow).items()}
        assert found == expected
        assert {r.sequence for r in store.unsettled("e1")} == open_intents(recorded)
        assert store.check_ledger() == []
        store.rebuild()
        assert store.check_ledger() == []
        store.close()


def open_intents(recorded: list[Entry]) -> set[int]:
    """The sequences of intents that no outcome followed, told naively."""
    last = {
        (e.flow, e.device, e.tag): n for n, e in enumerate(recorded, 1) if e.device and e.what in INTENTS | OUTCOMES
    }
    return {n for n in last.values() if recorded[n - 1].what in INTENTS}


WRITER = """
import sys
from pathlib import Path
from earmark.model.ledger import What
from earmark.store import open_store
from tests.unit.store.samples import entry
store = open_store("sqlite:state.db", Path(sys.argv[1]))
n = 0
while True:
    n += 1
    batch = [f"{n}-{k}" for k in range(200)]
    store.append([entry(What.ADD_INTENDED, device=d) for d in batch])
    store.append([entry(What.ADDED, device=d) for d in batch])
    print(n, flush=True)
"""


def test_a_killed_writer_leaves_whole_batches(tmp_path: Path) -> None:
    for kill in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(kill + 1)]
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        assert all(told)
        database = open_database("sqlite:state.db", tmp_path)
        store = DatabaseStore(database)
        assert store.check_ledger() == []
        counts = [len(store.read_entries("e1")), len(store.unsettled("e1"))]
        assert [count % 200 for count in counts] == [0, 0]
        assert counts[0] >= 400 * (kill + 1)
        store.append([entry(What.ADD_REJECTED, device=r.entry.device) for r in store.unsettled("e1")])
        assert store.unsettled("e1") == []
        database.engine.dispose()
