"""Permissions: what an identity may do at which of Microsoft's APIs, and which of them each purpose takes at least.

Names of roles are from https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list (Defender) and
https://learn.microsoft.com/graph/permissions-reference (Graph).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Resource(StrEnum):
    """An API that tokens are made for, by the name under which a tenant lists it."""

    DEFENDER = "WindowsDefenderATP"
    GRAPH = "Microsoft Graph"

    @property
    def app_id(self) -> str:
        """The application id of the API, the same in every tenant."""
        return _APP_IDS[self]


_APP_IDS = {
    Resource.DEFENDER: "fc780465-2017-40d4-a0c5-307022471b92",
    Resource.GRAPH: "00000003-0000-0000-c000-000000000000",
}


class Purpose(StrEnum):
    """What Earmark is to do on a tenant."""

    OBSERVE = "observe"
    """Hunt, read and plan."""
    TAG = "tag"
    """Also add and remove tags."""


class AlertUse(StrEnum):
    """What it is to do with alerts."""

    NONE = "none"
    READ = "read"
    UPDATE = "update"


class Hunting(StrEnum):
    """Where it hunts."""

    GRAPH = "graph"
    OLD = "old"
    """At Defender's own endpoint, which stops answering on 1 February 2027."""
    LOCAL = "local"
    """In imported events, not in the tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One application permission."""

    resource: Resource
    role: str
    """Its name, as it stands in a token's `roles`."""
    why: str
    """What it is for, as the end of a sentence."""

    def held_by(self, granted: Iterable[str]) -> bool:
        """Whether roles of the same API contain it: the right to write contains the right to read."""
        held = set(granted)
        return self.role in held or self.role.replace(".Read.All", ".ReadWrite.All") in held

    def contains(self, role: str) -> bool:
        """Whether it gives a right of the same API, too."""
        return role in (self.role, self.role.replace(".ReadWrite.All", ".Read.All"))


_MACHINES = {
    Purpose.OBSERVE: Permission(
        resource=Resource.DEFENDER, role="Machine.Read.All", why="to list devices with their tags"
    ),
    Purpose.TAG: Permission(
        resource=Resource.DEFENDER,
        role="Machine.ReadWrite.All",
        why="to list devices with their tags, and to add and remove tags",
    ),
}
_HUNTING = {
    Hunting.GRAPH: Permission(resource=Resource.GRAPH, role="ThreatHunting.Read.All", why="to hunt"),
    Hunting.OLD: Permission(
        resource=Resource.DEFENDER, role="AdvancedQuery.Read.All", why="to hunt through the old endpoint"
    ),
}
_ALERTS = {
    AlertUse.READ: Permission(resource=Resource.GRAPH, role="SecurityAlert.Read.All", why="to read alerts"),
    AlertUse.UPDATE: Permission(
        resource=Resource.GRAPH, role="SecurityAlert.ReadWrite.All", why="to read alerts and to update them"
    ),
}

HUNTS = frozenset(p.role for p in _HUNTING.values())
"""Roles that are for hunting."""
SEES_APPLICATIONS = frozenset(
    {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
)
"""Roles of Graph with which an application can see when its own secret expires."""


def least_permissions(
    purpose: Purpose, *, alerts: AlertUse = AlertUse.NONE, hunting: Hunting = Hunting.GRAPH
) -> tuple[Permission, ...]:
    """The fewest permissions that a purpose takes, those of one API together."""
    wanted = [_MACHINES[purpose]]
    if hunting in _HUNTING:
        wanted.append(_HUNTING[hunting])
    if alerts in _ALERTS:
        wanted.append(_ALERTS[alerts])
    return tuple(sorted(wanted, key=lambda p: list(Resource).index(p.resource)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a token says of itself; never the token."""

    roles: frozenset[str] | None
    """Application permissions, or a person's, by the name of the application permission that means the same; None where
    the token does not tell.
    """
    delegated: bool
    """Whether somebody signed in as a person, who may see only some of the devices."""
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What Earmark shows to sign in, and until when it holds."""

    kind: str
    """secret, certificate, or what else it is."""
    ends_at: datetime | None
    why_unknown: str = ""
    """Why the end is not known; empty where it is known, or where there is none."""
