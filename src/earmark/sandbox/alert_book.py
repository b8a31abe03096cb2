"""The tenant's alerts and incidents: those of the events, those made by callers, and what callers changed of them.

Events say what was detected, and never change; status, owner, classification and comments are the tenant's own, kept
in a SQLite file of its own beside the estate. Alerts on one device form one incident, whose number follows from it.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha1
from pathlib import Path
from threading import RLock
from typing import Any

from earmark.estates.embedded.events import EventStore, sighting_tables
from earmark.estates.embedded.physical import TICKS_PER_DAY, has_column, ticks_of
from earmark.sandbox.alert_record import Alert, Care, Incident
from earmark.sandbox.alert_words import severity_of
from earmark.sandbox.machines import instant

_FAR = 3_000_000 * TICKS_PER_DAY
_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?")
_INFOS = """SELECT "AlertId", min("Timestamp"), max("Timestamp"), arg_max("Title", "Timestamp"),
    arg_max("Category", "Timestamp"), arg_max("Severity", "Timestamp"), arg_max("ServiceSource", "Timestamp"),
    arg_max("DetectionSource", "Timestamp"), arg_max("AttackTechniques", "Timestamp")
    FROM {events} WHERE "AlertId" != '' GROUP BY 1"""
ENTITY = (
    *("EntityType", "EvidenceRole", "FileName", "FolderPath", "SHA1", "SHA256", "RemoteIP", "RemoteUrl", "LocalIP"),
    *("AccountName", "AccountDomain", "AccountSid", "AccountObjectId", "AccountUpn", "DeviceId", "DeviceName"),
    *("ProcessCommandLine", "RegistryKey", "RegistryValueName", "RegistryValueData"),
)
"""The columns of AlertEvidence that an alert's entities keep."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS care(kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY(kind, id));
CREATE TABLE IF NOT EXISTS made(id TEXT PRIMARY KEY, document TEXT NOT NULL);
"""
Change = Callable[[Care], Care]


class AlertBook:
    """Alerts and incidents; every method is whole, whoever else is at it."""

    def __init__(self, events: EventStore, path: Path) -> None:
        self._events = events
        self._path = path
        self._lock = RLock()

    @cached_property
    def _detected(self) -> dict[str, Alert]:
        """The alerts of the events, as they were raised."""
        entities: dict[str, list[dict[str, Any]]] = {}
        columns = ", ".join(f'"{name}"' for name in ENTITY)
        statement = f'SELECT DISTINCT "AlertId", {columns} FROM {{events}} ORDER BY ALL'
        for alert, *cells in self._events.select("AlertEvidence", statement, until=_FAR):
            entities.setdefault(alert, []).append(dict(zip(ENTITY, cells, strict=True)))
        rows = self._events.select("AlertInfo", _INFOS, until=_FAR)
        return {row[0]: _detected(row, entities.get(row[0], [])) for row in rows}

    @cached_property
    def _kept(self) -> tuple[dict[tuple[str, str], Care], dict[str, Alert]]:
        """What callers changed, and the alerts that they made."""
        with closing(sqlite3.connect(self._path)) as connection:
            connection.executescript(_SCHEMA)
            care = {(kind, id): _care(json.loads(d)) for kind, id, d in connection.execute("SELECT * FROM care")}
            made = {id: _made(json.loads(d)) for id, d in connection.execute("SELECT * FROM made")}
        return care, made

    def alerts(self, now: datetime) -> list[Alert]:
        """Every alert up to a moment, the newest first."""
        until = instant(ticks_of(now)) or ""
        with self._lock:
            care, made = self._kept
            found = [a for a in (*self._detected.values(), *made.values()) if a.created <= until]
            found = [replace(a, care=care.get(("alert", a.id), a.care)) for a in found]
        return sorted(found, key=lambda alert: (alert.created, alert.id), reverse=True)

    def alert(self, id: str, now: datetime) -> Alert | None:
        """One alert."""
        return next((alert for alert in self.alerts(now) if alert.id == id), None)

    def incidents(self, now: datetime) -> list[Incident]:
        """Every incident, the one whose first alert is the newest first."""
        grouped: dict[int, list[Alert]] = {}
        for alert in self.alerts(now):
            grouped.setdefault(alert.incident, []).append(alert)
        with self._lock:
            care = self._kept[0]
            found = [
                Incident(id=id, alerts=tuple(alerts), care=care.get(("incident", str(id)), Care()))
                for id, alerts in grouped.items()
            ]
        return sorted(found, key=lambda incident: (incident.created, incident.id), reverse=True)

    def incident(self, id: str, now: datetime) -> Incident | None:
        """One incident."""
        return next((incident for incident in self.incidents(now) if str(incident.id) == id), None)

    def change_alerts(self, ids: Iterable[str], change: Change, now: datetime) -> None:
        """Change alerts that there are."""
        with self._lock:
            found = {alert.id: alert for alert in self.alerts(now)}
            self._write("alert", {id: _stamped(change(found[id].care), now) for id in ids})

    def change_incident(self, incident: Incident, change: Change, now: datetime) -> None:
        """Change an incident; one that is resolved resolves its alerts."""
        with self._lock:
            changed = _stamped(change(incident.care), now)
            self._write("incident", {str(incident.id): changed})
            if changed.status == "resolved":
                self.change_alerts([a.id for a in incident.alerts], lambda c: replace(c, status="Resolved"), now)

    def add(self, alert: Alert) -> None:
        """Keep an alert that a caller made."""
        with self._lock, closing(sqlite3.connect(self._path)) as connection:
            document = json.dumps(asdict(alert))
            connection.execute("INSERT OR REPLACE INTO made VALUES (?, ?)", (alert.id, document))
            connection.commit()
            self._kept[1][alert.id] = alert

    def has_event(self, device: str, at: int, report: int, now: datetime) -> bool:
        """Whether some table of the device's telemetry has this event."""
        statement = 'SELECT 1 FROM {events} WHERE "DeviceId" = ? AND "Timestamp" = ? AND "ReportId" = ? LIMIT 1'
        tables = [table for table in sighting_tables() if has_column(table, "ReportId")]
        until = ticks_of(now)
        return at <= until and any(
            self._events.select(table, statement, until=at, values=[device, at, report]) for table in tables
        )

    def forget(self) -> None:
        """Every alert as it was raised."""
        with self._lock, closing(sqlite3.connect(self._path)) as connection:
            connection.executescript(_SCHEMA + "DELETE FROM care; DELETE FROM made;")
            self.__dict__.pop("_kept", None)

    def _write(self, kind: str, changed: Mapping[str, Care]) -> None:
        known = self._kept[0]
        with closing(sqlite3.connect(self._path)) as connection:
            rows = [(kind, id, json.dumps(asdict(care))) for id, care in changed.items()]
            connection.executemany("INSERT OR REPLACE INTO care VALUES (?, ?, ?)", rows)
            connection.commit()
        known.update({(kind, id): care for id, care in changed.items()})


def incident_of(device: str, alert: str) -> int:
    """The number of the incident that a device's alerts belong to; an alert about no device has one of its own."""
    return 100_000 + int(sha1((device or alert).encode()).hexdigest()[:8], 16) % 900_000_000


def _stamped(care: Care, now: datetime) -> Care:
    at = instant(ticks_of(now))
    resolved = care.status in ("Resolved", "resolved")
    return replace(care, updated=at, resolved=(care.resolved or at) if resolved else None)


def _detected(row: tuple[Any, ...], entities: list[dict[str, Any]]) -> Alert:
    id, first, last, title, category, severity, service, source, techniques = row
    devices = [entity for entity in entities if entity["DeviceId"]]
    devices.sort(key=lambda entity: entity["EntityType"] != "Machine")
    device, name = (devices[0]["DeviceId"], devices[0]["DeviceName"]) if devices else ("", "")
    return Alert(
        id=id,
        incident=incident_of(device, id),
        created=instant(first) or "",
        last_event=instant(last) or "",
        title=title,
        category=category,
        severity=severity_of(severity),
        service=service,
        source=source,
        techniques=tuple(dict.fromkeys(_TECHNIQUE.findall(techniques or ""))),
        machine=device,
        machine_name=name,
        entities=tuple(entities),
        description=f"{title}.",
        recommended="Look into the device's timeline, and into who uses it.",
        care=Care(),
    )


def _care(document: dict[str, Any]) -> Care:
    return Care(**{**document, "tags": tuple(document["tags"]), "comments": tuple(document["comments"])})


def _made(document: dict[str, Any]) -> Alert:
    lists = {name: tuple(document[name]) for name in ("techniques", "entities")}
    return Alert(**{**document, **lists, "care": _care(document["care"])})
