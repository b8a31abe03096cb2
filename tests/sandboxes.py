"""A sandbox tenant in this process, and Earmark's own client on it; time passes only where something waits."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.types import ASGIApp

from earmark.estates.defender.client import Client
from earmark.estates.defender.clouds import Api, addresses
from earmark.estates.defender.estate import DefenderEstate
from earmark.estates.defender.hunts import Hunts
from earmark.estates.defender.quota import Quota, QuotaBook
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.project.settings import Cloud, HostSettings
from earmark.sandbox.app import create_app
from earmark.sandbox.apps import App
from earmark.sandbox.clock import TenantClock
from earmark.sandbox.hunts import analyzer
from earmark.sandbox.tenant import Tenant

HERE = "https://localhost:8443"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class InTenant(httpx2.BaseTransport):
    """Hands requests to an app in this process, all in one event loop; a closed connection is a closed connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx2.ASGITransport(app=app)
        self._loop = asyncio.new_event_loop()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        try:
            return self._loop.run_until_complete(self._answer(request))
        except ConnectionError as closed:
            raise httpx2.ReadError(str(closed), request=request) from closed

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        inner = httpx2.Request(request.method, request.url, headers=request.headers, content=request.content)
        response = await self._inner.handle_async_request(inner)
        return httpx2.Response(response.status_code, headers=response.headers, content=await response.aread())

    def close(self) -> None:
        self._loop.close()


class TenantPace:
    """The tenant's virtual clock, for the client too."""

    def __init__(self, clock: TenantClock) -> None:
        self._clock = clock
        self._begun = clock.now()

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return (self._clock.now() - self._begun).total_seconds()

    def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)


class TenantTokens:
    """Tokens from the tenant's own endpoint, for one of its apps."""

    def __init__(self, transport: httpx2.BaseTransport, tenant: Tenant, app: App) -> None:
        self._http = httpx2.Client(transport=transport)
        self._tenant = tenant
        self._app = app
        self._kept: dict[Api, str] = {}

    def token(self, api: Api, *, fresh: bool = False) -> str:
        if fresh or api not in self._kept:
            form = {
                "grant_type": "client_credentials",
                "client_id": self._app.client_id,
                "client_secret": self._app.secret,
                "scope": addresses(Cloud.PUBLIC, None, HostSettings()).scope[api],
            }
            answer = self._http.post(f"{HERE}/{self._tenant.id}/oauth2/v2.0/token", data=form)
            self._kept[api] = answer.json()["access_token"]
        return self._kept[api]


_analyzer = cache(analyzer)
"""One language service for all tenants of a process."""


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@dataclass
class Sandbox:
    """A tenant on an embedded estate, and what stands before it."""

    folder: Path
    at: datetime = NOON
    app_name: str = "everything"
    tenant: Tenant = field(init=False)

    def __post_init__(self) -> None:
        self.devices = EmbeddedEstate(self.folder / "tenant")
        self.clock = TenantClock(self.at, virtual=True)
        self.tenant = Tenant(self.devices, clock=self.clock, signing_key=_signing_key(), kql=_analyzer())
        self.pace = TenantPace(self.clock)

    @cached_property
    def transport(self) -> InTenant:
        return InTenant(create_app(self.tenant))

    def client(
        self,
        book: QuotaBook,
        *,
        writable: bool = True,
        app_name: str | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> Client:
        wanted = app_name or self.app_name
        (app,) = (app for app in self.tenant.apps.values() if app.name == wanted)
        return Client(
            addresses=addresses(Cloud.PUBLIC, None, HostSettings(sign_in=HERE, defender=HERE, graph=HERE)),
            tokens=TenantTokens(self.transport, self.tenant, app),
            quota=Quota(book, self.pace, tenant=self.tenant.id),
            pace=self.pace,
            writable=writable,
            transport=transport or self.transport,
            chance=random.Random(7),
        )

    def estate(self, book: QuotaBook, *, hunts: bool = True, **options: Any) -> DefenderEstate:
        client = self.client(book, **options)
        return DefenderEstate(client, tenant=self.tenant.id, hunts=Hunts(client) if hunts else None)
