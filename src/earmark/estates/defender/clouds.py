"""Microsoft's clouds: where each of them signs in, answers for Defender and for Graph, and for whom its tokens are.

Hosts from https://learn.microsoft.com/defender-endpoint/gov and https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list.
The audience of Defender's tokens is the older address even where calls go to the newer one
(https://learn.microsoft.com/defender-endpoint/api/exposed-apis-create-app-webapp).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from earmark.project.settings import Cloud, Geo, HostSettings


class Api(StrEnum):
    """The two interfaces that are called."""

    DEFENDER = "defender"
    GRAPH = "graph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a tenant's calls go."""

    sign_in: str
    """Scheme, host and port."""
    base: dict[Api, str]
    """Interface → scheme, host and port."""
    scope: dict[Api, str]
    """Interface → what a token for it is asked for."""
    aliases: frozenset[str]
    """Hosts by which Defender calls itself in links, whichever of them was asked."""
    known: bool = True
    """False where signing in goes to an address that is not Microsoft's."""


_PUBLIC = Addresses(
    sign_in="https://login.microsoftonline.com",
    base={Api.DEFENDER: "https://api.security.microsoft.com", Api.GRAPH: "https://graph.microsoft.com"},
    scope={
        Api.DEFENDER: "https://api.securitycenter.microsoft.com/.default",
        Api.GRAPH: "https://graph.microsoft.com/.default",
    },
    aliases=frozenset(
        {
            "api.security.microsoft.com",
            "api.securitycenter.microsoft.com",
            "api.securitycenter.windows.com",
            *(f"{geo}.api.security.microsoft.com" for geo in Geo),
            *(f"api-{geo}.securitycenter.microsoft.com" for geo in ("us", "eu", "uk", "au")),
        }
    ),
)


def _government(host: str, sign_in: str, graph: str) -> Addresses:
    return Addresses(
        sign_in=sign_in,
        base={Api.DEFENDER: f"https://{host}", Api.GRAPH: graph},
        scope={Api.DEFENDER: f"https://{host}/.default", Api.GRAPH: f"{graph}/.default"},
        aliases=frozenset({host, host.replace("securitycenter", "security")}),
    )


_US = ("api-gov.securitycenter.microsoft.us", "https://login.microsoftonline.us", "https://graph.microsoft.us")
CLOUDS = {
    Cloud.PUBLIC: _PUBLIC,
    Cloud.GCC: _government(
        "api-gcc.securitycenter.microsoft.us", "https://login.microsoftonline.com", "https://graph.microsoft.com"
    ),
    Cloud.GCC_HIGH: _government(*_US),
    Cloud.DOD: _government(*_US),
}


def addresses(cloud: Cloud, geo: Geo | None, hosts: HostSettings) -> Addresses:
    """The addresses of a tenant: those of its cloud, unless others stand in for them."""
    of_cloud = CLOUDS[cloud]
    defender = of_cloud.base[Api.DEFENDER]
    if geo is not None:
        defender = defender.replace("https://", f"https://{geo}.")
    return replace(
        of_cloud,
        sign_in=hosts.sign_in or of_cloud.sign_in,
        known=hosts.sign_in is None,
        base={Api.DEFENDER: hosts.defender or defender, Api.GRAPH: hosts.graph or of_cloud.base[Api.GRAPH]},
    )


def same_place(link: str, base: str, aliases: frozenset[str]) -> str | None:
    """What follows the host in a link, where the link leads to `base` or to another name of it; else None."""
    try:
        to, ours = urlsplit(link), urlsplit(base)
        same = (to.scheme, to.hostname, to.port or _PORTS.get(to.scheme)) == (
            ours.scheme,
            ours.hostname,
            ours.port or _PORTS.get(ours.scheme),
        )
    except ValueError:
        return None
    if not same and not (to.scheme == "https" and to.port in (None, 443) and to.hostname in aliases):
        return None
    if to.username or to.password or not to.path.startswith("/"):
        return None
    return to.path + (f"?{to.query}" if to.query else "")


_PORTS = {"http": 80, "https": 443}
