"""Windows Security events as JSON lines, for machines without Defender: flat as NXLog writes them, nested as
Winlogbeat 6 does.

In go logons, out come events 4624 (success), 4625 (failure), 4634 and 4647 (the end of a session), 4648 (another's
password used) and 4672 (an elevated session), in the fields of
https://learn.microsoft.com/windows/security/threat-protection/auditing/event-4624 and its neighbours. `@timestamp` is
UTC; NXLog's `EventTime` is the machine's own clock, one of the traps real collectors set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any, TypeAlias

from earmark.simulate.company import Company, Machine, Sensor
from earmark.simulate.diary import SECOND, Logon
from earmark.simulate.spec import CompanySpec

LOGON_TYPES = {
    "Interactive": "2",
    "Network": "3",
    "Batch": "4",
    "Service": "5",
    "Unlock": "7",
    "NewCredentials": "9",
    "RemoteInteractive": "10",
    "CachedInteractive": "11",
}
"""Windows' numbers for Defender's words."""
_MESSAGES = {
    4624: "An account was successfully logged on.",
    4625: "An account failed to log on.",
    4634: "An account was logged off.",
    4647: "User initiated logoff:",
    4648: "A logon was attempted using explicit credentials.",
    4672: "Special privileges assigned to new logon.",
}
_NO_GUID = "{00000000-0000-0000-0000-000000000000}"
_PROVIDER = "{54849625-5478-4994-A5BA-3E3B0328C30D}"
_SOURCE = "Microsoft-Windows-Security-Auditing"
_PRIVILEGES = "SeSecurityPrivilege\n\t\t\tSeBackupPrivilege\n\t\t\tSeRestorePrivilege\n\t\t\tSeDebugPrivilege"
Event: TypeAlias = tuple[int, int, int, dict[str, str]]
"""Instant, machine number, event id, and the event's own fields."""


def security_events(company: Company, spec: CompanySpec, sensor: Sensor, logons: list[Logon]) -> list[Event]:
    """The events that machines of one sensor write for their logons, in order of time."""
    chance = Random(f"{spec.seed}/{sensor}")
    end = spec.days * 86_400 * SECOND
    events: list[Event] = []
    for logon in logons:
        machine = company.machines[logon.machine]
        if machine.sensor is sensor:
            events += (
                (at, machine.number, number, fields)
                for at, number, fields in _of_logon(machine, logon, chance)
                if at < end
            )
    return sorted(events, key=lambda event: event[:3])


def _of_logon(machine: Machine, logon: Logon, chance: Random) -> Iterator[tuple[int, int, dict[str, str]]]:
    target = {"TargetUserSid": logon.sid, "TargetUserName": logon.account, "TargetDomainName": logon.domain}
    target["TargetLogonId"] = hex(logon.session)
    if not logon.ok:
        yield logon.at, 4625, _failed(machine, logon)
        return
    if logon.kind == "RemoteInteractive":
        yield logon.at - SECOND // 4, 4648, _explicit(machine, logon)
    yield logon.at, 4624, _success(machine, logon, target)
    if logon.admin and logon.kind != "Service":
        subject = {key.replace("Target", "Subject"): value for key, value in target.items()}
        subject["SubjectUserSid"] = logon.sid
        yield logon.at, 4672, {**subject, "PrivilegeList": _PRIVILEGES}
    if logon.kind == "Network":
        yield logon.at + chance.randrange(1, 30) * SECOND, 4634, {**target, "LogonType": "3"}
    elif logon.kind == "RemoteInteractive":
        over = logon.at + chance.randrange(600, 7_200) * SECOND
        yield over, 4647, target
        yield over + SECOND, 4634, {**target, "LogonType": "10"}


def _common(machine: Machine, logon: Logon) -> dict[str, str]:
    """The fields that 4624 and 4625 share: who asked, through what, from where."""
    network = logon.kind == "Network"
    short = machine.name.split(".")[0]
    return {
        "SubjectUserSid": "S-1-0-0" if network else "S-1-5-18",
        "SubjectUserName": "-" if network else f"{short}$",
        "SubjectDomainName": "-" if network else "CORP",
        "SubjectLogonId": "0x0" if network else "0x3e7",
        "LogonType": LOGON_TYPES[logon.kind],
        "LogonProcessName": "Kerberos" if network else "User32 " if logon.kind != "Service" else "Advapi  ",
        "AuthenticationPackageName": "Kerberos" if network else "Negotiate",
        "WorkstationName": "-" if network else short,
        "TransmittedServices": "-",
        "LmPackageName": "-",
        "KeyLength": "0",
        "ProcessId": "0x0" if network else "0x2f4",
        "ProcessName": "-" if network else "C:\\Windows\\System32\\svchost.exe",
        "IpAddress": logon.remote or "-",
        "IpPort": str(49_152 + logon.at % 16_000) if logon.remote else "-",
    }


def _success(machine: Machine, logon: Logon, target: dict[str, str]) -> dict[str, str]:
    return {
        **_common(machine, logon),
        **target,
        "LogonGuid": _NO_GUID,
        "ImpersonationLevel": "%%1833",
        "RestrictedAdminMode": "-",
        "TargetOutboundUserName": "-",
        "TargetOutboundDomainName": "-",
        "VirtualAccount": "%%1843",
        "TargetLinkedLogonId": hex(logon.linked),
        "ElevatedToken": "%%1842" if logon.admin else "%%1843",
    }


def _failed(machine: Machine, logon: Logon) -> dict[str, str]:
    return {
        **_common(machine, logon),
        "TargetUserSid": "S-1-0-0",
        "TargetUserName": logon.account,
        "TargetDomainName": logon.domain,
        "Status": "0xc000006d",
        "SubStatus": "0xc000006a",
        "FailureReason": "%%2313",
    }


def _explicit(machine: Machine, logon: Logon) -> dict[str, str]:
    return {
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": machine.name.split(".")[0] + "$",
        "SubjectDomainName": "CORP",
        "SubjectLogonId": "0x3e7",
        "LogonGuid": _NO_GUID,
        "TargetUserName": logon.account,
        "TargetDomainName": logon.domain,
        "TargetLogonGuid": _NO_GUID,
        "TargetServerName": "localhost",
        "TargetInfo": "localhost",
        "ProcessId": "0x2f4",
        "ProcessName": "C:\\Windows\\System32\\winlogon.exe",
        "IpAddress": logon.remote or "-",
        "IpPort": "0",
    }


def nxlog_renderer(company: Company, spec: CompanySpec) -> Callable[[Event, int], str]:
    """A function from an event and its record number to an NXLog line."""
    begin = datetime.combine(spec.start, time(), UTC)

    def render(event: Event, record: int) -> str:
        at, number, event_id, fields = event
        machine = company.machines[number]
        moment = begin + timedelta(microseconds=at)
        local = (moment + timedelta(hours=machine.site.hours)).strftime("%Y-%m-%d %H:%M:%S")
        failed = event_id == 4625
        line: dict[str, Any] = {
            "@timestamp": _milliseconds(moment),
            "EventTime": local,
            "EventReceivedTime": local,
            "Hostname": machine.name,
            "EventID": event_id,
            "Channel": "Security",
            "SourceName": _SOURCE,
            "ProviderGuid": _PROVIDER,
            "EventType": "AUDIT_FAILURE" if failed else "AUDIT_SUCCESS",
            "Keywords": -9218868437227405312 if failed else -9214364837600034816,
            "Severity": "ERROR" if failed else "INFO",
            "SeverityValue": 4 if failed else 2,
            "Category": _task(event_id),
            "Task": {"Logon": 12544, "Logoff": 12545, "Special Logon": 12548}[_task(event_id)],
            "Version": 2 if event_id == 4624 else 0,
            "Opcode": "Info",
            "RecordNumber": record,
            "ExecutionProcessID": 704,
            "ThreadID": 2660,
            "SourceModuleType": "im_msvistalog",
            "SourceModuleName": "eventlog",
            "host": "wec.corp.example",
            "Message": _MESSAGES[event_id],
            **fields,
        }
        return json.dumps(line, separators=(",", ":")) + "\n"

    return render


def winlogbeat_renderer(company: Company, spec: CompanySpec) -> Callable[[Event, int], str]:
    """A function from an event and its record number to a Winlogbeat line."""
    begin = datetime.combine(spec.start, time(), UTC)
    collector = {"name": "WEC01", "hostname": "WEC01", "version": "6.7.0"}

    def render(event: Event, record: int) -> str:
        at, number, event_id, fields = event
        line: dict[str, Any] = {
            "@timestamp": _milliseconds(begin + timedelta(microseconds=at)),
            "@metadata": {"beat": "winlogbeat", "type": "doc", "version": "6.7.0", "topic": "winlogbeat"},
            "computer_name": company.machines[number].name,
            "event_id": event_id,
            "event_data": fields,
            "log_name": "Security",
            "source_name": _SOURCE,
            "provider_guid": _PROVIDER,
            "record_number": str(record),
            "type": "wineventlog",
            "task": _task(event_id),
            "opcode": "Info",
            "level": "Information",
            "keywords": ["Audit Failure" if event_id == 4625 else "Audit Success"],
            "process_id": 560,
            "thread_id": 604,
            "beat": collector,
            "host": {"name": "WEC01"},
            "message": _MESSAGES[event_id],
        }
        if event_id == 4624:
            line["version"] = 2
        return json.dumps(line, separators=(",", ":")) + "\n"

    return render


def _task(event_id: int) -> str:
    return {4634: "Logoff", 4647: "Logoff", 4672: "Special Logon"}.get(event_id, "Logon")


def _milliseconds(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
