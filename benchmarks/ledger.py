"""How fast the ledger takes entries: intents and outcomes in batches of 500 devices; prints entries a second.

Run: python -m benchmarks.ledger [DEVICES]
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from earmark.model.ledger import Entry, What
from earmark.store import open_store

BATCH = 500


def main(devices: int) -> None:
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
        print(f"batches of {BATCH}: {2 * devices / seconds:,.0f} entries/s")
        whole = [*entries(What.REMOVE_INTENDED, range(devices)), *entries(What.REMOVED, range(devices))]
        began = time.perf_counter()
        store.append(whole)
        seconds = time.perf_counter() - began
        print(f"one append of {len(whole):,}: {len(whole) / seconds:,.0f} entries/s")
        began = time.perf_counter()
        faults = store.check_ledger()
        print(f"check of {4 * devices:,}: {time.perf_counter() - began:.2f} s, {len(faults)} faults")
        store.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
