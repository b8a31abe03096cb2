"""A small tenant for tests: forty devices with reports, logons and tags, and a client that is signed in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from shutil import copytree

import httpx2
from cryptography.hazmat.primitives.asymmetric import rsa

from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.importer import import_paths
from earmark.sandbox import hunts
from earmark.sandbox.app import create_app
from earmark.sandbox.apps import App, default_apps
from earmark.sandbox.clock import TenantClock
from earmark.sandbox.operations import Audience
from earmark.sandbox.tenant import Tenant
from earmark.simulate import CompanySpec, write_company
from tests.unit.sandbox.asgi import client

NOW = datetime(2026, 1, 19, 12, tzinfo=UTC)
DEFENDER = "https://api.securitycenter.microsoft.com"
GRAPH = "https://graph.microsoft.com"
KINDS = frozenset({"DeviceInfo", "DeviceLogonEvents", "DeviceNetworkInfo", "AlertInfo", "AlertEvidence", "inventory"})


def make_estate(folder: Path) -> Path:
    """The folder of an estate with two weeks of a company; tests work on copies."""
    spec = CompanySpec(devices=40, days=15, start=date(2026, 1, 5), only=KINDS, executives=4, truth=False)
    write_company(folder / "files", spec)
    import_paths(
        [folder / "files"],
        estate=EmbeddedEstate(folder / "estate"),
        rejects=folder / "rejects.jsonl",
        progress=lambda *_: None,
        table=None,
        now=NOW,
        memory=10**9,
    )
    return folder / "estate"


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


analyzer = cache(hunts.analyzer)
"""One language service for all tenants of a process."""


class World:
    """A tenant that is served in this process, on a clock that stands still."""

    def __init__(self, estate: Path, folder: Path) -> None:
        copytree(estate, folder / "estate")
        self.clock = TenantClock(NOW, virtual=True)
        self.tenant = Tenant(
            EmbeddedEstate(folder / "estate"),
            clock=self.clock,
            apps=default_apps(7, "secret-of-"),
            signing_key=_signing_key(),
            kql=analyzer(),
        )
        self.app = create_app(self.tenant)
        self.http = client(self.app)
        self.tagger, self.observer = self.registered("tagger"), self.registered("observer")
        self.ids = list(self.tenant.machines.ids())

    def registered(self, name: str) -> App:
        """An application by name."""
        return next(app for app in self.tenant.apps.values() if app.name == name)

    def token(self, app: str = "everything", resource: str = DEFENDER) -> str:
        """A token got by asking for it."""
        found = self.registered(app)
        form = {
            "grant_type": "client_credentials",
            "client_id": found.client_id,
            "client_secret": found.secret,
            "scope": f"{resource}/.default",
        }
        answer = self.http.post(f"/{self.tenant.id}/oauth2/v2.0/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def signed_in(self, app: str = "everything", resource: str = DEFENDER) -> httpx2.Client:
        """A client whose requests carry a token."""
        return client(self.app, headers={"Authorization": f"Bearer {self.token(app, resource)}"})

    def faults(self, **values: float) -> None:
        """Set faults; underscores stand for hyphens."""
        body = {name.replace("_", "-"): value for name, value in values.items()}
        answer = self.http.post("/sandbox/faults", json=body)
        assert answer.status_code == 200, answer.text

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        assert self.http.post("/sandbox/clock", json={"advance": seconds}).status_code == 200

    def grant(self, name: str, audience: Audience, *roles: str) -> None:
        """Give an application other roles."""
        found = self.registered(name)
        app = App(client_id=found.client_id, name=name, secret=found.secret, roles={audience: roles})
        self.tenant.apps[app.client_id] = app
