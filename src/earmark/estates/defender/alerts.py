"""Alerts: list, get, update; Defender's own and Graph's.

https://learn.microsoft.com/defender-endpoint/api/get-alerts, …/api/update-alert and
https://learn.microsoft.com/graph/api/resources/security-alert. Both are read into one value, in Graph's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from earmark.errors import EstateError
from earmark.estates.defender.client import Client
from earmark.estates.defender.faults import CallRefused
from earmark.estates.defender.machines import read_instant
from earmark.estates.defender.operations import (
    GET_ALERT,
    GET_GRAPH_ALERT,
    LIST_ALERTS,
    LIST_GRAPH_ALERTS,
    UPDATE_ALERT,
    UPDATE_GRAPH_ALERT,
)

MOST_PAGES = 1_000
_DEVICE_EVIDENCE = "#microsoft.graph.security.deviceevidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What Earmark reads of an alert."""

    id: str
    title: str
    severity: str
    """unknown, informational, low, medium or high."""
    status: str
    """unknown, new, inProgress or resolved."""
    created_at: datetime | None
    devices: tuple[str, ...]
    """Ids of the machines that it is about."""
    assigned_to: str | None = None
    category: str = ""
    classification: str | None = None


class Alerts:
    """A tenant's alerts, through Defender's interface or Graph's."""

    def __init__(self, client: Client, *, graph: bool) -> None:
        self._client = client
        self._graph = graph

    def list(self, *, created_since: datetime | None = None) -> tuple[Alert, ...]:
        """Alerts, by their id; raises where a page cannot be had, since a part of them is no list."""
        found = {alert.id: alert for alert in self._pages(created_since)}
        return tuple(found[key] for key in sorted(found))

    def get(self, alert: str) -> Alert | None:
        """One alert; None where there is none."""
        try:
            answer = self._client.call(GET_GRAPH_ALERT if self._graph else GET_ALERT, alert)
        except CallRefused as error:
            if error.status == 404:
                return None
            raise
        return _required(answer.document, self._graph)

    def update(self, alert: str, changes: Mapping[str, str]) -> Alert:
        """Change status, assignedTo, classification, determination or comment, in the interface's own words."""
        operation = UPDATE_GRAPH_ALERT if self._graph else UPDATE_ALERT
        return _required(self._client.call(operation, alert, body=changes).document, self._graph)

    def _pages(self, since: datetime | None) -> Iterator[Alert]:
        operation = LIST_GRAPH_ALERTS if self._graph else LIST_ALERTS
        field = "createdDateTime" if self._graph else "alertCreationTime"
        params = None if since is None else {"$filter": f"{field} ge {since:%Y-%m-%dT%H:%M:%S.%fZ}"}
        page = self._client.call(operation, params=params)
        for _ in range(MOST_PAGES):
            values = page.document.get("value")
            if not isinstance(values, list):
                raise EstateError("a page of the tenant's alerts holds no list of them.")
            for value in values:
                yield _required(value, self._graph)
            link = page.document.get("@odata.nextLink")
            if not link:
                return
            page = self._client.follow(operation, link)
        raise EstateError("the pages of the tenant's alerts do not end.")


def _required(value: Any, graph: bool) -> Alert:
    alert = read_alert(value, graph=graph)
    if alert is None:
        raise EstateError("the tenant answered with an alert that has no id.")
    return alert


def read_alert(value: Any, *, graph: bool) -> Alert | None:
    """An alert from its JSON; None without an id."""
    if not isinstance(value, dict) or not isinstance(value.get("id"), str) or not value["id"]:
        return None
    return Alert(
        id=value["id"],
        title=_text(value.get("title")),
        severity=_severity(_text(value.get("severity"))),
        status=_word(_text(value.get("status"))) or "unknown",
        created_at=read_instant(value.get("createdDateTime" if graph else "alertCreationTime")),
        devices=tuple(dict.fromkeys(_graph_devices(value) if graph else _devices(value))),
        assigned_to=_text(value.get("assignedTo")) or None,
        category=_text(value.get("category")),
        classification=_word(_text(value.get("classification"))) or None,
    )


def _devices(value: dict[str, Any]) -> Iterator[str]:
    if machine := _text(value.get("machineId")):
        yield machine.lower()


def _graph_devices(value: dict[str, Any]) -> Iterator[str]:
    evidence = value.get("evidence")
    for one in evidence if isinstance(evidence, list) else ():
        found = one if isinstance(one, dict) and _text(one.get("@odata.type")).lower() == _DEVICE_EVIDENCE else {}
        if machine := _text(found.get("mdeDeviceId")):
            yield machine.lower()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _severity(text: str) -> str:
    return "unknown" if text.lower() in ("", "unspecified") else text.lower()


def _word(text: str) -> str:
    """`InProgress` as `inProgress`."""
    return text[:1].lower() + text[1:]
