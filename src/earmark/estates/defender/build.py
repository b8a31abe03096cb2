"""The parts of a tenant put together from its settings; nothing is sent before something is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from earmark.estates.defender.alerts import Alerts
from earmark.estates.defender.client import Client
from earmark.estates.defender.clouds import addresses
from earmark.estates.defender.estate import DefenderEstate
from earmark.estates.defender.hunts import Hunts
from earmark.estates.defender.pace import RealPace
from earmark.estates.defender.probe import TenantProbe
from earmark.estates.defender.quota import Quota, QuotaBook
from earmark.estates.defender.sign_in import is_delegated, sign_in
from earmark.project.settings import DefenderSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenderParts:
    """One signed-in client, and what speaks through it."""

    client: Client
    estate: DefenderEstate
    hunts: Hunts
    probe: TenantProbe
    alerts: Alerts
    """Through Graph, which takes the one permission that `connect --alerts` asks for."""
    defender_alerts: Alerts
    """Through Defender's own interface, with Alert.Read.All or Alert.ReadWrite.All of WindowsDefenderATP."""


def build_defender(
    settings: DefenderSettings,
    *,
    book: QuotaBook,
    writable: bool,
    hunted: bool,
    told: Callable[[str], None] = lambda _sentence: None,
) -> DefenderParts:
    """A tenant's parts. `writable` False makes writing impossible; `hunted`: hunting is allowed, so tags are told apart
    by origin; `told` hears of long waits, and of lists that are not whole.
    """
    pace = RealPace()
    where = addresses(settings.cloud, settings.geo, settings.hosts)
    tokens = sign_in(
        settings.sign_in,
        tenant=settings.tenant,
        addresses=where,
        pace=pace,
        ca=settings.ca,
        proxy=settings.proxy,
    )
    client = Client(
        addresses=where,
        tokens=tokens,
        quota=Quota(book, pace, tenant=settings.tenant, told=told),
        pace=pace,
        writable=writable,
        ca=settings.ca,
        proxy=settings.proxy,
    )
    hunts = Hunts(client, old=settings.old_hunting)
    estate = DefenderEstate(
        client,
        tenant=settings.tenant,
        hunts=hunts if hunted else None,
        delegated=is_delegated(settings.sign_in),
        told=told,
    )
    return DefenderParts(
        client=client,
        estate=estate,
        hunts=hunts,
        probe=TenantProbe(client, tokens, settings),
        alerts=Alerts(client, graph=True),
        defender_alerts=Alerts(client, graph=False),
    )
