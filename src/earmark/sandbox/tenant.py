"""A tenant: an estate with its devices, tags and events, and everything that stands around it.

One object holds what requests share. It is made once, `app.create_app` serves it, and tests look into it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from secrets import token_urlsafe
from threading import Lock
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.sandbox.apps import App, default_apps
from earmark.sandbox.clock import TenantClock
from earmark.sandbox.faults import Faults
from earmark.sandbox.limits import Limits
from earmark.sandbox.log import RequestLog
from earmark.sandbox.machines import Machines
from earmark.sandbox.tag_book import TagBook
from earmark.sandbox.tokens import Tokens

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from earmark.kql.service import Kql
    from earmark.sandbox.alert_book import AlertBook
    from earmark.sandbox.hunts import Hunts


class Tenant:
    """The tenant's state; every part of it may be used from several threads."""

    def __init__(
        self,
        estate: EmbeddedEstate,
        *,
        clock: TenantClock | None = None,
        apps: Iterable[App] | None = None,
        seed: int = 7,
        domain: str = "corp.example",
        cache: Path | None = None,
        signing_key: RSAPrivateKey | None = None,
        kql: Kql | None = None,
    ) -> None:
        """`cache` is the folder where analyses of queries are kept; `kql` is what makes them, shared by tenants."""
        self.estate = estate
        self.seed = seed
        self.id = str(uuid5(NAMESPACE_URL, f"earmark:{seed}:tenant"))
        """The tenant's identifier, which follows from the seed."""
        self.domain = domain
        """Another name by which requests may call the tenant."""
        self.clock = clock or TenantClock()
        self.apps: dict[str, App] = {app.client_id: app for app in apps or default_apps(seed, "")}
        self.faults = Faults(seed)
        self.limits = Limits()
        self.log = RequestLog()
        self.tags = TagBook(estate.devices)
        self.machines = Machines(estate, self.tags)
        self.tokens = Tokens(self.id, signing_key)
        self.blocked: dict[tuple[str, str], datetime] = {}
        """(operation, app) → until when a throttle that is a fault holds."""
        self.connections: dict[tuple[str, int], asyncio.Transport] = {}
        """The sockets of those who are connected, so that a fault can close one; empty in a process without sockets."""
        self.hosts: frozenset[str] | None = None
        """Names by which the page and control may be called, addresses apart; None for any."""
        self.page_token = token_urlsafe(16)
        """What forms of the page carry, so that no other site can send them."""
        self.on_reset: list[Callable[[], None]] = [self.tags.forget, self.machines.forget]
        """Called by `reset`: parts that keep state of their own append themselves."""
        self._cache = cache
        self._kql = kql
        self._assertions: set[str] = set()
        self._lock = Lock()

    @cached_property
    def hunts(self) -> Hunts:
        """Hunts on the tenant's events."""
        from earmark.sandbox.hunts import Hunts, analyzer

        kql = self._kql or analyzer(self._cache)
        return Hunts(self.estate, tags=self.tags, values=self.machines.values, kql=kql)

    @cached_property
    def alerts(self) -> AlertBook:
        """The tenant's alerts and incidents."""
        from earmark.sandbox.alert_book import AlertBook

        return AlertBook(self.estate.events, self.estate.folder / "alerts.db")

    def first_use(self, identifier: str) -> bool:
        """Whether an assertion of this identifier was not seen before."""
        with self._lock:
            seen = identifier in self._assertions
            self._assertions.add(identifier)
            return not seen

    def set_faults(self, values: Mapping[str, float]) -> None:
        """Set rates and settings by name; raises UsageError, and then nothing is set."""
        self.faults.set(values)
        self.clock.skew = timedelta(seconds=self.faults.settings["clock-skew"])

    def names(self) -> frozenset[str]:
        """What the tenant is called in addresses."""
        return frozenset({self.id, self.domain})

    def reset(self) -> None:
        """Forget requests, limits, faults and what was changed beside the estate; tags and the clock stay."""
        self.faults.reset(self.seed)
        self.clock.skew *= 0
        self.limits.reset()
        self.log.reset()
        self.blocked.clear()
        self._assertions.clear()
        for forget in self.on_reset:
            forget()
