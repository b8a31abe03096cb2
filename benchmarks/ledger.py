"""How fast the ledger takes entries: intents and outcomes in batches of 500 devices; prints entries a second.

Run: python -m benchmarks ledger --devices 100000
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.big_project import Size
from benchmarks.measure import say
from earmark.model.ledger import Entry, What
from earmark.store import open_store

BATCH = 500


def run(size: Size) -> None:
    devices = size.devices
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def entries(what: What, ids: range) -> list[Entry]:
        detail = {"reason": "matched", "query_digest": "0" * 64}
        common = {"estate": "bench", "run": "r1", "who": "bench", "flow": "executive", "tag": "Executive"}
        return [Entry(what=what, at=at, effective_at=at, device=f"{i:040x}", detail=detail, **common) for i in ids]

    with tempfile.TemporaryDirectory() as folder:
        store = open_store("sqlite:state.db", Path(folder))
        began = time.perf_counter()
        for start in range(0, devices, BATCH):
            ids = range(start, min(start + BATCH, devices))
            store.append(entries(What.ADD_INTENDED, ids))
            store.append(entries(What.ADDED, ids))
        seconds = time.perf_counter() - began
        say(f"batches of {BATCH}", f"{2 * devices / seconds:,.0f} entries/s")
        whole = [*entries(What.REMOVE_INTENDED, range(devices)), *entries(What.REMOVED, range(devices))]
        began = time.perf_counter()
        store.append(whole)
        seconds = time.perf_counter() - began
        say(f"one append of {len(whole):,}", f"{len(whole) / seconds:,.0f} entries/s")
        began = time.perf_counter()
        faults = store.check_ledger()
        say(f"check of {4 * devices:,}", f"{time.perf_counter() - began:.2f} s, {len(faults)} faults")
        store.close()
