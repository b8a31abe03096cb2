"""Every operation of the tenant's API: which audience and role it takes, and how often it may be called.

One table, from the pages below https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list (Defender),
https://learn.microsoft.com/graph/api/resources/security-api-overview and https://learn.microsoft.com/graph/throttling-limits
(Graph). Whether two operations share a counter is not documented; here each has its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Audience(StrEnum):
    """A resource that tokens are made for."""

    DEFENDER = "WindowsDefenderATP"
    XDR = "Microsoft Threat Protection"
    GRAPH = "Microsoft Graph"


AUDIENCES: dict[str, Audience] = {
    "https://api.securitycenter.microsoft.com": Audience.DEFENDER,
    "https://api.securitycenter.windows.com": Audience.DEFENDER,
    "https://securitycenter.onmicrosoft.com/windowsatpservice": Audience.DEFENDER,
    "https://api-gcc.securitycenter.microsoft.us": Audience.DEFENDER,
    "https://api-gov.securitycenter.microsoft.us": Audience.DEFENDER,
    "fc780465-2017-40d4-a0c5-307022471b92": Audience.DEFENDER,
    "https://api.security.microsoft.com": Audience.XDR,
    "https://api-gcc.security.microsoft.us": Audience.XDR,
    "https://api-gov.security.microsoft.us": Audience.XDR,
    "8ee8fdad-f234-4243-8f3b-15c294843740": Audience.XDR,
    "https://graph.microsoft.com": Audience.GRAPH,
    "https://graph.microsoft.us": Audience.GRAPH,
    "https://dod-graph.microsoft.us": Audience.GRAPH,
    "00000003-0000-0000-c000-000000000000": Audience.GRAPH,
}
"""What may stand in a token's `aud` → the resource that it means."""

MACHINE_READ = ("Machine.Read.All", "Machine.ReadWrite.All")
MACHINE_WRITE = ("Machine.ReadWrite.All",)
ALERT_READ = ("Alert.Read.All", "Alert.ReadWrite.All")
ALERT_WRITE = ("Alert.ReadWrite.All",)
GRAPH_ALERT_READ = ("SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All")
GRAPH_ALERT_WRITE = ("SecurityAlert.ReadWrite.All",)
GRAPH_INCIDENT_READ = ("SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All")
GRAPH_INCIDENT_WRITE = ("SecurityIncident.ReadWrite.All",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: who may call it, and how often."""

    audience: Audience
    roles: tuple[str, ...]
    """One of these must be in the token."""
    per_minute: int | None = 100
    per_hour: int | None = 1_500
    per_app: bool = True
    """False where the limit is shared by all applications of the tenant."""


def _defender(roles: tuple[str, ...], per_minute: int = 100, per_hour: int = 1_500) -> Operation:
    return Operation(audience=Audience.DEFENDER, roles=roles, per_minute=per_minute, per_hour=per_hour)


def _graph(roles: tuple[str, ...]) -> Operation:
    return Operation(audience=Audience.GRAPH, roles=roles, per_minute=150, per_hour=None)


OPERATIONS: dict[str, Operation] = {
    "machines.list": _defender(MACHINE_READ),
    "machines.get": _defender(MACHINE_READ),
    "machines.findbytag": _defender(MACHINE_READ),
    "machines.logonusers": _defender(("User.Read.All",)),
    "machines.tag": _defender(MACHINE_WRITE),
    "machines.tag_many": _defender(MACHINE_WRITE),
    "machines.update": _defender(MACHINE_WRITE),
    "machines.value": _defender(MACHINE_WRITE),
    "machines.alerts": _defender(ALERT_READ),
    "alerts.list": _defender(ALERT_READ),
    "alerts.get": _defender(ALERT_READ),
    "alerts.update": _defender(ALERT_WRITE),
    "alerts.batch": _defender(ALERT_WRITE, 10, 500),
    "alerts.create": _defender(ALERT_WRITE, 15, 1_500),
    "hunting.defender": Operation(
        audience=Audience.DEFENDER, roles=("AdvancedQuery.Read.All",), per_minute=45, per_app=False
    ),
    "hunting.xdr": Operation(
        audience=Audience.XDR, roles=("AdvancedHunting.Read.All",), per_minute=45, per_hour=None, per_app=False
    ),
    "hunting.graph": Operation(
        audience=Audience.GRAPH, roles=("ThreatHunting.Read.All",), per_minute=45, per_hour=None, per_app=False
    ),
    "incidents.xdr": Operation(
        audience=Audience.XDR, roles=("Incident.Read.All", "Incident.ReadWrite.All"), per_minute=50
    ),
    "graph.alerts.list": _graph(GRAPH_ALERT_READ),
    "graph.alerts.get": _graph(GRAPH_ALERT_READ),
    "graph.alerts.update": _graph(GRAPH_ALERT_WRITE),
    "graph.incidents.list": _graph(GRAPH_INCIDENT_READ),
    "graph.incidents.get": _graph(GRAPH_INCIDENT_READ),
    "graph.incidents.update": _graph(GRAPH_INCIDENT_WRITE),
}
"""Operation → what it takes."""


def every_role() -> dict[Audience, tuple[str, ...]]:
    """All roles of each audience, sorted."""
    return {
        audience: tuple(sorted({r for o in OPERATIONS.values() if o.audience is audience for r in o.roles}))
        for audience in Audience
    }
