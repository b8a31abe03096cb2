"""Many at once: each store here is opened by itself, as processes do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from earmark.model.ledger import What
from earmark.model.quota import QuotaLimit
from earmark.store import open_store
from earmark.store.base import Fire
from tests.unit.store.samples import NOON, entry

WORKERS = 6


def test_one_fire_goes_to_one_of_many(tmp_path: Path) -> None:
    open_store("sqlite:state.db", tmp_path).close()

    def claim(worker: int) -> bool:
        store = open_store("sqlite:state.db", tmp_path)
        claimed = store.claim_fire(Fire(estate="e1", flow="executive", fire_at=NOON, run=f"r{worker}"))
        store.close()
        return claimed

    with ThreadPoolExecutor(WORKERS) as pool:
        assert sorted(pool.map(claim, range(WORKERS))) == [False] * (WORKERS - 1) + [True]


def test_an_orphaned_fire_is_taken_over_by_one_of_many(tmp_path: Path) -> None:
    orphan = Fire(estate="e1", flow="executive", fire_at=NOON, run="dead")
    store = open_store("sqlite:state.db", tmp_path)
    store.claim_fire(orphan)
    with ThreadPoolExecutor(WORKERS) as pool:
        took = list(pool.map(lambda worker: store.take_over_fire(orphan, f"r{worker}"), range(WORKERS)))
    assert took.count(True) == 1
    store.close()


def test_a_quota_holds_for_many_at_once(tmp_path: Path) -> None:
    open_store("sqlite:state.db", tmp_path).close()
    limits = (QuotaLimit(calls=10, within=timedelta(minutes=1)),)

    def take(_worker: int) -> int:
        store = open_store("sqlite:state.db", tmp_path)
        given = sum(store.take_quota("tags", limits, NOON, patience=timedelta(seconds=30)).ticket > 0 for _ in range(5))
        store.close()
        return given

    with ThreadPoolExecutor(WORKERS) as pool:
        assert sum(pool.map(take, range(WORKERS))) == 10


def test_appends_at_once_make_one_chain(tmp_path: Path) -> None:
    open_store("sqlite:state.db", tmp_path).close()

    def write(worker: int) -> None:
        store = open_store("sqlite:state.db", tmp_path)
        for n in range(5):
            # The same pairs from every worker: each append must start from the state the one before it left.
            store.append([entry(What.ADDED, device=f"d{n}"), entry(What.ADD_INTENDED, device=f"w{worker}")])
        store.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(write, range(WORKERS)))
    store = open_store("sqlite:state.db", tmp_path)
    assert [r.sequence for r in store.read_entries("e1")] == list(range(1, WORKERS * 10 + 1))
    assert store.check_ledger() == []
    store.close()
