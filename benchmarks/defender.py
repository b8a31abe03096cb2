"""A Defender tenant: minutes that changes take in bulk and one by one under the same limits, on virtual time; what a
call costs the client; listing a large tenant.

The other side answers at once and costs next to nothing, so what is measured is Earmark. Limits are the documented
ones, kept by the client's own quota; nothing is sent over a network.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.big_project import Size

if TYPE_CHECKING:
    from earmark.estates.defender.client import Client
    from earmark.model.quota import QuotaUse

HERE = "https://localhost:8443"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COUNTS = (1_000, 10_000, 100_000)
MACHINES = 100_000
PAGE = 10_000


class _Pace:
    """Time that moves only when somebody waits."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOON).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class _Tokens:
    def token(self, _api: object, *, fresh: bool = False) -> str:
        return f"token {fresh}"


def _client(folder: Path, answers: Callable[[Any], bytes], pace: _Pace) -> Client:
    import httpx2

    from earmark.estates.defender.client import Client
    from earmark.estates.defender.clouds import addresses
    from earmark.estates.defender.quota import Quota
    from earmark.project.settings import Cloud, HostSettings
    from earmark.store import open_store

    return Client(
        addresses=addresses(Cloud.PUBLIC, None, HostSettings(sign_in=HERE, defender=HERE, graph=HERE)),
        tokens=_Tokens(),
        quota=Quota(open_store("sqlite:state.db", folder), pace, tenant="t"),
        pace=pace,
        writable=True,
        transport=httpx2.MockTransport(lambda request: httpx2.Response(200, content=answers(request))),
    )


def _ids(count: int) -> list[str]:
    return [f"{n:040x}" for n in range(count)]


def _changes(count: int, *, bulk: bool) -> tuple[float, float, int]:
    """Virtual minutes, seconds of processor a call, and calls, for one tag on so many devices."""
    from earmark.estates.base import TagAction
    from earmark.estates.defender.estate import DefenderEstate

    pace, calls = _Pace(), 0

    def answers(_request: Any) -> bytes:
        nonlocal calls
        calls += 1
        return b'{"value": []}'

    with tempfile.TemporaryDirectory() as folder:
        estate = DefenderEstate(_client(Path(folder), answers, pace), tenant="t")
        if not bulk:
            estate._writer.forbidden_until = NOON + timedelta(days=365)
        ids = _ids(count)
        began = time.process_time()
        for at in range(0, count, 500):
            deque(estate.write_tag(TagAction.ADD, "Executive", ids[at : at + 500], now=NOON), maxlen=0)
        spent = time.process_time() - began
    return pace.monotonic() / 60, spent / calls, calls


def _foreseen(calls: int, name: str) -> float:
    """Minutes that a plan says so many calls of an unused quota take."""
    from earmark.estates.defender.quota import LIMITS, spread
    from earmark.model.quota import QuotaUse

    uses: list[QuotaUse] = [QuotaUse(limit=limit, used=0) for limit in LIMITS[name]]
    return spread(calls, uses, each=0.0) / 60


def _machine(n: int) -> dict[str, Any]:
    return {
        "id": f"{n:040x}",
        "computerDnsName": f"pc-{n}.corp.example",
        "firstSeen": "2026-01-02T14:55:03.7791856Z",
        "lastSeen": "2026-03-01T11:55:03.7791856Z",
        "osPlatform": "Windows11",
        "osProcessor": "x64",
        "version": "24H2",
        "lastIpAddress": f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}",
        "lastExternalIpAddress": "203.0.113.7",
        "agentVersion": "10.8760.26100.1",
        "osBuild": 26100,
        "healthStatus": "Active",
        "deviceValue": "Normal",
        "rbacGroupId": 140,
        "rbacGroupName": "Workstations",
        "riskScore": "Low",
        "exposureLevel": "Medium",
        "isAadJoined": True,
        "aadDeviceId": f"80fe8ff8-2624-418e-9591-{n:012x}",
        "machineTags": ["Executive", "Building 7"] if n % 10 == 0 else [],
        "onboardingStatus": "Onboarded",
        "ipAddresses": [
            {"ipAddress": f"10.0.{n >> 8 & 255}.{n & 255}", "macAddress": f"{n:012X}", "operationalStatus": "Up"}
        ],
    }


def _listing() -> None:
    """List a large tenant in a process of its own, and print seconds and megabytes."""
    from earmark.estates.defender.estate import DefenderEstate

    with tempfile.TemporaryDirectory() as folder:
        pages = Path(folder)
        for at in range(0, MACHINES, PAGE):
            document: dict[str, Any] = {"value": [_machine(n) for n in range(at, at + PAGE)]}
            if at + PAGE < MACHINES:
                document["@odata.nextLink"] = f"{HERE}/api/machines?$skip={at + PAGE}"
            (pages / str(at)).write_bytes(json.dumps(document).encode())
            del document

        def answers(request: Any) -> bytes:
            page: str = request.url.params.get("$skip", "0")
            return (pages / page).read_bytes()

        estate = DefenderEstate(_client(pages, answers, _Pace()), tenant="t")
        began = time.perf_counter()
        inventory = estate.fetch_inventory(now=NOON)
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    assert inventory.complete
    assert len(inventory.devices) == MACHINES
    print(json.dumps({"seconds": seconds, "megabytes": peak}))


def run(_size: Size) -> None:
    print(f"  {'changes':>9} {'bulk':>16} {'one by one':>20} {'ratio':>8} {'client':>16}")
    _changes(5_000, bulk=True)  # imports and first connections are no part of a call
    for count in COUNTS:
        minutes, spent, calls = _changes(count, bulk=True)
        few = min(count, 2_000)
        _, single_spent, _ = _changes(few, bulk=False)
        singly = _foreseen(count, "machines-tag-one")
        ratio = singly / max(minutes, 1 / 60)
        print(
            f"  {count:>9,} {minutes:>8.1f} min, {calls:>3} {singly:>16,.0f} min {ratio:>7,.0f}×"
            f" {spent * 1000:>6.1f} / {single_spent * 1000:.1f} ms CPU a call (bulk / single)",
            flush=True,
        )
    listed = subprocess.run(
        [sys.executable, "-c", "from benchmarks.defender import _listing; _listing()"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(listed.stdout)
    print(f"  listing {MACHINES:,} machines: {found['seconds']:.1f} s, {found['megabytes']:.0f} MB at most")
