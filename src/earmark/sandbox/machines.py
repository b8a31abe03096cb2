"""The tenant's machines: what the estate knows of a device, in the words of the API's machine resource.

https://learn.microsoft.com/defender-endpoint/api/machine. What hardly changes (names, systems, groups) is read once;
tags, values and health are looked up with every answer.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple
from zlib import crc32

from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.identity import folded
from earmark.estates.embedded.physical import instant_of, ticks_of
from earmark.kql.base import TICKS_PER_SECOND
from earmark.model.device import Origin
from earmark.sandbox.tag_book import TagBook

VALUES = ("Normal", "Low", "High")
"""Device values."""
SILENT = timedelta(days=7)
"""A device that was not heard of for so long is inactive (https://learn.microsoft.com/defender-endpoint/fix-unhealthy-sensors)."""
_REPORT = (
    *("PublicIP", "OSArchitecture", "OSPlatform", "OSVersion", "OSVersionInfo", "OSBuild", "ClientVersion"),
    *("IsAzureADJoined", "AadDeviceId", "MachineGroup", "OnboardingStatus", "SensorHealthState", "ExposureLevel"),
    *("AssetValue", "MergedToDeviceId", "IsExcluded", "ExclusionReason"),
)
_VERSIONS = {19044: "21H2", 19045: "22H2", 20348: "21H2", 22000: "21H2", 22621: "22H2", 22631: "23H2", 26100: "24H2"}
"""Build → the version that Windows calls itself by."""


class Facts(NamedTuple):
    """What is read once of a machine."""

    id: str
    name: str
    first_seen: int | None
    last_seen: int | None
    report: dict[str, Any]
    """The newest row of DeviceInfo, empty when there is none."""
    addresses: list[dict[str, Any]]
    """As the API's `ipAddresses`."""


class Machines:
    """The machines of an estate."""

    def __init__(self, estate: EmbeddedEstate, tags: TagBook) -> None:
        self._estate = estate
        self.tags = tags
        self._values: dict[str, str] = {}
        self._lock = Lock()
        self.until: datetime | None = None
        """Reports after this moment are not read; None for all."""

    @cached_property
    def _facts(self) -> list[Facts]:
        until = ticks_of(self.until) if self.until else _FAR
        reports, addresses = self._reports(until), self._addresses(until)
        return [
            Facts(row.id, row.name, row.first_seen, row.last_seen, reports.get(row.id, {}), addresses.get(row.id, []))
            for row in self._estate.devices.rows()
        ]

    @cached_property
    def _ids(self) -> list[str]:
        return [facts.id for facts in self._facts]

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for facts in self._facts:
            found.setdefault(folded(facts.name), []).append(facts.id)
        return found

    def _reports(self, until: int) -> dict[str, dict[str, Any]]:
        columns = ", ".join(f'"{name}"' for name in _REPORT)
        statement = f"""SELECT "DeviceId", {columns} FROM {{events}}
            QUALIFY row_number() OVER (PARTITION BY "DeviceId" ORDER BY "Timestamp" DESC) = 1"""
        rows = self._estate.events.select("DeviceInfo", statement, until=until)
        return {device: dict(zip(_REPORT, values, strict=True)) for device, *values in rows}

    def _addresses(self, until: int) -> dict[str, list[dict[str, Any]]]:
        statement = """SELECT "DeviceId", "IPAddresses", "MacAddress", "NetworkAdapterStatus" FROM {events}
            QUALIFY row_number() OVER (PARTITION BY "DeviceId" ORDER BY "Timestamp" DESC) = 1"""
        found: dict[str, list[dict[str, Any]]] = {}
        for device, listed, mac, status in self._estate.events.select("DeviceNetworkInfo", statement, until=until):
            found[device] = [
                {"ipAddress": address, "macAddress": mac.replace("-", ""), "operationalStatus": status or "Up"}
                for address in _addresses_of(listed)
            ]
        return found

    def read_again(self) -> None:
        """Read the devices anew: some have been added to the estate."""
        for name in ("_facts", "_ids", "_names"):
            self.__dict__.pop(name, None)

    def count(self) -> int:
        """How many there are."""
        return len(self._facts)

    def ids(self) -> Sequence[str]:
        """Every id, sorted."""
        return self._ids

    def find_id(self, given: str) -> str | None:
        """The id of the machine that has this id, however it is written."""
        for key in (given, given.lower()):
            place = bisect_left(self._ids, key)
            if place < len(self._ids) and self._ids[place] == key:
                return key
        return None

    def find(self, named: str) -> str | None:
        """The id of the machine that has this id, or the first of this name."""
        if by_id := self.find_id(named):
            return by_id
        same = self._names.get(folded(named), [])
        return same[0] if same else None

    def search(self, text: str) -> list[str]:
        """The ids of machines whose name, id or one of whose tags holds a text, in any case; all for an empty one."""
        if not text:
            return list(self._ids)
        part = text.lower()
        tagged = {device for device, tag, _ in self._estate.devices.tags() if part in tag.lower()}
        return [f.id for f in self._facts if part in f.name.lower() or part in f.id or f.id in tagged]

    def name_of(self, device: str) -> str:
        """The name of a machine that there is."""
        return self._facts[bisect_left(self._ids, device)].name

    def set_value(self, device: str, value: str) -> bool:
        """Set the device value; whether it was another."""
        with self._lock:
            before = self._values.get(device) or self._reported_value(device)
            self._values[device] = value
            return before != value

    def _reported_value(self, device: str) -> str:
        reported = self._facts[bisect_left(self._ids, device)].report.get("AssetValue")
        return reported if reported in VALUES else VALUES[0]

    def values(self) -> dict[str, str]:
        """The device values that callers set."""
        with self._lock:
            return dict(self._values)

    def forget(self) -> None:
        """Every device value as the events say."""
        with self._lock:
            self._values.clear()

    def documents(
        self, devices: Sequence[str], *, now: datetime, united: bool, accepted: bool = False
    ) -> list[dict[str, Any]]:
        """Machines as the API writes them; `accepted` shows changes of tags that do not show elsewhere yet."""
        tags = self.tags.standing(devices) if accepted else self.tags.shown(devices, now=now)
        until = ticks_of(now)
        return [
            self._document(self._facts[bisect_left(self._ids, device)], _texts(tags[device], united=united), until)
            for device in devices
        ]

    def _document(self, facts: Facts, tags: list[str], until: int) -> dict[str, Any]:
        report = facts.report
        last = None if facts.last_seen is None else min(facts.last_seen, until)
        group = report.get("MachineGroup") or None
        return {
            "id": facts.id,
            "mergedIntoMachineId": report.get("MergedToDeviceId") or None,
            "isPotentialDuplication": False,
            "isExcluded": bool(report.get("IsExcluded")),
            "exclusionReason": report.get("ExclusionReason") or None,
            "computerDnsName": facts.name or None,
            "firstSeen": instant(facts.first_seen if facts.first_seen is not None else last),
            "lastSeen": instant(last),
            "osPlatform": report.get("OSPlatform") or "Windows11",
            "osVersion": None,
            "osProcessor": "x64" if report.get("OSArchitecture", "64-bit") == "64-bit" else "x86",
            "version": report.get("OSVersionInfo") or _VERSIONS.get(report.get("OSBuild") or 0, "Other"),
            "lastIpAddress": facts.addresses[0]["ipAddress"] if facts.addresses else None,
            "lastExternalIpAddress": report.get("PublicIP") or None,
            "agentVersion": report.get("ClientVersion") or None,
            "osBuild": report.get("OSBuild"),
            "healthStatus": _health(report, last, until),
            "deviceValue": self._values.get(facts.id) or self._reported_value(facts.id),
            "rbacGroupId": 0 if group is None else crc32(group.encode()) % 1_000 + 1,
            "rbacGroupName": group,
            "riskScore": "None",
            "exposureLevel": report.get("ExposureLevel") or "None",
            "isAadJoined": bool(report.get("IsAzureADJoined")),
            "aadDeviceId": report.get("AadDeviceId") or None,
            "machineTags": tags,
            "onboardingStatus": report.get("OnboardingStatus") or "Onboarded",
            "osArchitecture": report.get("OSArchitecture") or "64-bit",
            "managedBy": "MDE",
            "managedByStatus": "Unknown",
            "ipAddresses": facts.addresses,
            "vmMetadata": None,
        }

    def users(self, device: str, *, now: datetime) -> list[dict[str, Any]]:
        """Who logged on to a machine, as the API's `logonusers` says it."""
        rows = self._estate.events.select("DeviceLogonEvents", _USERS, until=ticks_of(now), values=[device])
        return [
            {
                "id": f"{domain}\\{account}",
                "accountName": account,
                "accountDomain": domain,
                "firstSeen": instant(first),
                "lastSeen": instant(last),
                "logonTypes": ", ".join(kinds),
                "isDomainAdmin": False,
                "isOnlyNetworkUser": kinds == ["Network"],
            }
            for domain, account, first, last, kinds in rows
        ]


_FAR = ticks_of(datetime.fromisoformat("9000-01-01T00:00:00+00:00"))
_USERS = """SELECT "AccountDomain", "AccountName", min("Timestamp"), max("Timestamp"),
    list_sort(list_distinct(list("LogonType"))) FROM {events}
    WHERE "DeviceId" = ? AND "AccountName" != '' AND "ActionType" = 'LogonSuccess'
    GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2"""


def instant(ticks: int | None) -> str | None:
    """Ticks as the API writes an instant: seven digits of a second, and Z."""
    if ticks is None:
        return None
    return f"{instant_of(ticks):%Y-%m-%dT%H:%M:%S}.{ticks % TICKS_PER_SECOND:07d}Z"


def _texts(tags: Iterable[tuple[str, Origin]], *, united: bool) -> list[str]:
    return list(dict.fromkeys(tag for tag, origin in tags if united or origin is Origin.MANUAL))


def _health(report: dict[str, Any], last: int | None, until: int) -> str:
    if last is None or until - last > SILENT.total_seconds() * TICKS_PER_SECOND:
        return "Inactive"
    return report.get("SensorHealthState") or "Active"


def _addresses_of(listed: str) -> list[str]:
    try:
        rows = json.loads(listed or "[]")
    except ValueError:
        return []
    return [row["IPAddress"] for row in rows if isinstance(row, dict) and isinstance(row.get("IPAddress"), str)]
