"""Every call that Earmark makes to a tenant: one table, which is also what a tenant that is only observed may be asked.

Paths and permissions: https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list and
https://learn.microsoft.com/graph/api/resources/security-api-overview.
"""

from __future__ import annotations

from dataclasses import dataclass

from earmark.estates.defender.clouds import Api

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call."""

    name: str
    """Its name, and its quota's."""
    method: str
    path: str
    """Below the host; `{}` stands for an id."""
    permission: str
    """The application permission that it takes."""
    api: Api = Api.DEFENDER
    writes: bool = False
    """Whether it changes something in the tenant."""
    seconds: float = 60.0
    """How long an answer may take."""
    largest: int = 64 * MEGABYTE
    """Bytes of an answer that are read."""


_MACHINES, _TAGGING = "Machine.Read.All of WindowsDefenderATP", "Machine.ReadWrite.All of WindowsDefenderATP"
_ALERTS = "Alert.Read.All of WindowsDefenderATP"

LIST_MACHINES = Operation(
    name="machines-list", method="GET", path="/api/machines", permission=_MACHINES, seconds=120, largest=256 * MEGABYTE
)
GET_MACHINE = Operation(name="machines-get", method="GET", path="/api/machines/{}", permission=_MACHINES)
TAG_MANY = Operation(
    name="machines-tag-many",
    method="POST",
    path="/api/machines/AddOrRemoveTagForMultipleMachines",
    permission=_TAGGING,
    writes=True,
)
TAG_ONE = Operation(
    name="machines-tag-one", method="POST", path="/api/machines/{}/tags", permission=_TAGGING, writes=True
)
LIST_ALERTS = Operation(
    name="alerts-list", method="GET", path="/api/alerts", permission=_ALERTS, seconds=120, largest=256 * MEGABYTE
)
GET_ALERT = Operation(name="alerts-get", method="GET", path="/api/alerts/{}", permission=_ALERTS)
UPDATE_ALERT = Operation(
    name="alerts-update",
    method="PATCH",
    path="/api/alerts/{}",
    permission="Alert.ReadWrite.All of WindowsDefenderATP",
    writes=True,
)
LIST_GRAPH_ALERTS = Operation(
    name="graph-alerts-list",
    method="GET",
    path="/v1.0/security/alerts_v2",
    permission="SecurityAlert.Read.All of Microsoft Graph",
    api=Api.GRAPH,
)
GET_GRAPH_ALERT = Operation(
    name="graph-alerts-get",
    method="GET",
    path="/v1.0/security/alerts_v2/{}",
    permission="SecurityAlert.Read.All of Microsoft Graph",
    api=Api.GRAPH,
)
UPDATE_GRAPH_ALERT = Operation(
    name="graph-alerts-update",
    method="PATCH",
    path="/v1.0/security/alerts_v2/{}",
    permission="SecurityAlert.ReadWrite.All of Microsoft Graph",
    api=Api.GRAPH,
    writes=True,
)
HUNT = Operation(
    name="hunting",
    method="POST",
    path="/v1.0/security/runHuntingQuery",
    permission="ThreatHunting.Read.All of Microsoft Graph",
    api=Api.GRAPH,
    seconds=200,
)
OLD_HUNT = Operation(
    name="hunting-old",
    method="POST",
    path="/api/advancedqueries/run",
    permission="AdvancedQuery.Read.All of WindowsDefenderATP",
    seconds=220,
)
GET_APPLICATION = Operation(
    name="applications-get",
    method="GET",
    path="/v1.0/applications(appId='{}')",
    permission="Application.Read.All of Microsoft Graph",
    api=Api.GRAPH,
)

OPERATIONS = {
    operation.name: operation
    for operation in (
        *(LIST_MACHINES, GET_MACHINE, TAG_MANY, TAG_ONE),
        *(LIST_ALERTS, GET_ALERT, UPDATE_ALERT, LIST_GRAPH_ALERTS, GET_GRAPH_ALERT, UPDATE_GRAPH_ALERT),
        *(HUNT, OLD_HUNT, GET_APPLICATION),
    )
}
READS = frozenset(name for name, operation in OPERATIONS.items() if not operation.writes)
"""All that a client may send that must not write."""
