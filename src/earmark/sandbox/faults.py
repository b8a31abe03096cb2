"""Faults that the tenant can be told to have: how often each strikes, and how.

Chance is seeded: the same seed and the same requests in the same order meet the same faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from random import Random
from threading import Lock

from earmark.errors import UsageError
from earmark.model.nearest import did_you_mean


class Fault(StrEnum):
    """One fault; its rate is the share of requests that it strikes."""

    THROTTLE = "throttle"
    """429 with Retry-After, though no limit is reached; calling again too early is 429 again."""
    ERROR = "error"
    """500, 502, 503 or 504, before anything was done."""
    ERROR_AFTER = "error-after"
    """500, 502, 503 or 504, after it was done."""
    LATENCY = "latency"
    """The answer takes `latency-seconds`."""
    TIMEOUT = "timeout"
    """It is done, and then no answer comes for `timeout-seconds`, at the end of which the connection is closed."""
    DROP = "drop"
    """The connection is closed before anything was done."""
    DROP_AFTER = "drop-after"
    """The connection is closed after it was done."""
    EXPIRED_TOKEN = "expired-token"
    """401, as though the token had just expired; that token stays refused."""
    BAD_ID = "bad-id"
    """A bulk call is refused for one of its ids, as though that device did not exist; the next may name it."""
    BAD_PAGE = "bad-page"
    """A page of a list fails with 500."""
    SHORT_PAGE = "short-page"
    """A page of a list is shorter than it could be; its nextLink leads on."""
    BULK_FORBIDDEN = "bulk-forbidden"
    """403 for the bulk call of tags."""
    SLOW_VISIBILITY = "slow-visibility"
    """A change of tags is accepted and shows only `visibility-seconds` later."""
    HUNTING_CPU = "hunting-cpu"
    """429 for a hunt, since the tenant's CPU quota is used up until the next quarter of an hour."""


SETTINGS: dict[str, tuple[float, str]] = {
    "latency-seconds": (2.0, "Seconds that an answer struck by `latency` takes."),
    "timeout-seconds": (60.0, "Seconds without an answer after `timeout`."),
    "visibility-seconds": (300.0, "Seconds until a change struck by `slow-visibility` shows."),
    "retry-after-seconds": (10.0, "Seconds that `throttle` and a 503 ask for."),
    "retry-after-date": (0.0, "1: Retry-After is an HTTP date instead of seconds."),
    "clock-skew": (0.0, "Seconds that the tenant's shown clock is ahead; below 0 behind."),
    "united-tags": (1.0, "1: machineTags unites manual, dynamic and registry tags; 0: manual ones alone."),
    "bad-ids-named": (1.0, "1: the 400 of a bulk call names the ids it does not know; 0: it does not."),
    "refuse-replay": (0.0, "1: an assertion is taken once; Microsoft's own library sends one several times."),
}
"""Setting → its default and what it means."""


class Faults:
    """The rates and settings in force, and the dice."""

    def __init__(self, seed: int = 0) -> None:
        self.rates: dict[Fault, float] = {}
        self.settings: dict[str, float] = {}
        self._lock = Lock()
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """No faults, every setting at its default, the dice as at the start."""
        with self._lock:
            self.random = Random(seed)
            self.rates = dict.fromkeys(Fault, 0.0)
            self.settings = {name: default for name, (default, _) in SETTINGS.items()}

    def strikes(self, fault: Fault) -> bool:
        """Whether this fault strikes now."""
        with self._lock:
            rate = self.rates[fault]
            return rate > 0 and self.random.random() < rate

    def choose(self, among: list[str]) -> str:
        """One of several, by the same dice."""
        with self._lock:
            return self.random.choice(among)

    def set(self, values: Mapping[str, float]) -> None:
        """Set rates and settings by name; raises UsageError, and then nothing is set."""
        known = [*Fault, *SETTINGS]
        for name, value in values.items():
            if name not in known:
                raise UsageError(
                    f"There is no fault {name!r}.{did_you_mean(name, known)}", hint=f"There are {', '.join(known)}."
                )
            if name in list(Fault) and not 0 <= value <= 1:
                raise UsageError(f"The rate of {name} is {value:g}.", hint="A rate lies between 0 and 1.")
            if name in SETTINGS and not (0 if name != "clock-skew" else -1e7) <= value <= 1e7:
                raise UsageError(f"{name} is {value:g}.", hint=SETTINGS[name][1])
        with self._lock:
            for name, value in values.items():
                if name in SETTINGS:
                    self.settings[name] = value
                else:
                    self.rates[Fault(name)] = value

    def document(self) -> dict[str, float]:
        """Every rate and setting."""
        return {**{fault.value: rate for fault, rate in self.rates.items()}, **self.settings}
