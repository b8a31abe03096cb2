"""The plan's own part, without hunt and disk: 100,000 devices against what a hunt names and the ledger knows."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.big_project import Size
from benchmarks.measure import EARMARK, in_turn, say, spent_by, spent_by_process
from earmark.app import open_project
from earmark.model.device import Device, Origin, Tag
from earmark.model.flow import Flow
from earmark.model.hits import DeviceIndex, resolve_hits
from earmark.model.hunt import Column
from earmark.model.ledger import Pair, PairState
from earmark.model.plan import ChangeAction
from earmark.model.reconcile import reconcile
from earmark.services.clock import Clock

AT = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = tuple(
    Column(name=name, type="string") for name in ("DeviceId", "DeviceName", "AccountName", "Logons", "LastLogon")
)


def shipped_flow() -> Flow:
    """The flow that `init` writes."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        spent_by_process(EARMARK, "init", folder)
        return open_project(folder, env=None, clock=Clock(pinned_at=AT)).project.flow("executive")


def run(size: Size) -> None:
    flow, count = shipped_flow(), max(size.devices, 100_000)
    ids = [f"{number:040x}" for number in range(count)]
    tag = (Tag(value="Executive", origin=Origin.MANUAL),)
    devices = [
        Device(id=one, name=f"pc{n}.corp.example", last_seen_at=AT, tags=tag if n % 10 == 0 else ())
        for n, one in enumerate(ids)
    ]
    # A tenth carries the tag and is owned; half of these match no longer, as many others do now.
    owned = PairState(owned_since=AT - timedelta(days=90), unmatched_since=AT - timedelta(days=7))
    pairs = {Pair(one, "Executive"): owned for one in ids[::10]}
    rows = [(one, "", "ann", "3", "2026-02-28T00:00:00Z") for n, one in enumerate(ids) if n % 20 in (0, 5, 6, 7)]

    def plan() -> int:
        index = DeviceIndex(devices)
        hits = resolve_hits(flow, COLUMNS, rows, index)
        changes = reconcile(flow, hits=hits, unknown=None, devices=index, pairs=pairs, at=AT)
        return sum(change.action is ChangeAction.ADD for change in changes)

    added = plan()
    spent = in_turn({"reconcile": lambda: spent_by(plan)}, rounds=max(size.rounds, 5))["reconcile"]
    say("devices, rows of the hunt, to add", f"{count:,}, {len(rows):,}, {added:,}")
    say("index, resolve and reconcile", spent)
    say("devices a second", f"{count / spent.processor:,.0f}")
