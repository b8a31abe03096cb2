"""What a right answer is: which devices the shipped Executive rule finds at which moment, counted plainly.

This shares nothing with the engine that hunts: it reads the simulator's own facts, and counts with dictionaries. The
rule: successful interactive, remote and cached logons of the seven days before the moment, machine and window-manager
accounts left out; a device matches if an executive is among the accounts with the most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from earmark.simulate.diary import DAY, Logon

WINDOW = 7 * DAY
KINDS = {"Interactive", "RemoteInteractive", "CachedInteractive", "CachedRemoteInteractive"}
_WINDOW_MANAGER = re.compile(r"(dwm|umfd)-\d+", re.IGNORECASE)


def counted_logons(logons: Iterable[Logon]) -> list[tuple[int, int, str]]:
    """Instant, machine and account of the logons that the rule counts at all."""
    return [
        (logon.at, logon.machine, logon.account)
        for logon in logons
        if logon.ok
        and logon.kind in KINDS
        and not logon.account.endswith("$")
        and not _WINDOW_MANAGER.fullmatch(logon.account)
    ]


def executive_machines(
    counted: Sequence[tuple[int, int, str]], executives: set[str], now: int
) -> dict[int, dict[str, Any]]:
    """The machines that match at `now`: the executives among the accounts with most logons, and how many that is."""
    found: dict[int, dict[str, int]] = {}
    last: dict[tuple[int, str], int] = {}
    for at, machine, account in counted:
        if now - WINDOW < at <= now:
            accounts = found.setdefault(machine, {})
            accounts[account] = accounts.get(account, 0) + 1
            last[machine, account] = max(at, last.get((machine, account), 0))
    answer = {}
    for machine, accounts in sorted(found.items()):
        most = max(accounts.values())
        winners = sorted(a for a, n in accounts.items() if n == most and a.lower() in executives)
        if winners:
            answer[machine] = {"accounts": winners, "logons": most, "last": {a: last[machine, a] for a in winners}}
    return answer


def silent_machines(seen: Iterable[tuple[int, int]], now: int) -> list[int]:
    """The machines heard of at some time, but not in the seven days before `now`; `seen` holds (machine, instant)."""
    last: dict[int, int] = {}
    for machine, at in seen:
        if at <= now:
            last[machine] = max(at, last.get(machine, 0))
    return sorted(machine for machine, at in last.items() if at <= now - WINDOW)
