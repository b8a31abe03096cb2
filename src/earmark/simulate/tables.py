"""Rows of the other Defender tables: what a device says of itself, of its network, of its programs, and the alerts.

Each function takes facts and gives back `(instant, properties as JSON)`; `streaming` wraps and writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha1
from random import Random
from typing import Any, TypeAlias

from earmark.simulate.company import Company, Machine, Role, Sensor
from earmark.simulate.diary import DAY, SECOND, Logon
from earmark.simulate.incidents import Alert
from earmark.simulate.inventory import STICKERS, system_of
from earmark.simulate.spec import CompanySpec
from earmark.simulate.streaming import MACHINE_GROUPS, Row, Wrapper

Rows: TypeAlias = dict[str, list[Row]]
DEVICE_TABLES = ("DeviceInfo", "DeviceNetworkInfo", "DeviceProcessEvents", "DeviceNetworkEvents")
PROGRAM_DAYS = 5
"""Programs and their connections are written for the newest days alone: enough to hunt in, and a small folder."""
_MINUTE = 60 * SECOND
_PROGRAMS = (
    ("outlook.exe", "c:\\program files\\microsoft office\\root\\office16\\outlook.exe", "outlook.example", 443),
    ("msedge.exe", "c:\\program files (x86)\\microsoft\\edge\\application\\msedge.exe", "intranet.corp.example", 443),
    ("excel.exe", "c:\\program files\\microsoft office\\root\\office16\\excel.exe", "files.corp.example", 445),
    ("ms-teams.exe", "c:\\program files\\windowsapps\\msteams\\ms-teams.exe", "meet.example", 443),
)
_TOOLS = (
    ("powershell.exe", "c:\\windows\\system32\\windowspowershell\\v1.0\\powershell.exe", "lon-dc29.corp.example", 389),
    ("nmap.exe", "c:\\tools\\nmap\\nmap.exe", "files.corp.example", 445),
)


def device_rows(company: Company, spec: CompanySpec, wrapper: Wrapper, logons: Iterable[Logon]) -> Rows:
    """A report of every device on each day of use, its network on Mondays, and lately started programs."""
    rows: Rows = {table: [] for table in DEVICE_TABLES}
    reported: set[tuple[int, int]] = set()
    connected: set[tuple[int, int]] = set()
    started: set[tuple[int, int, str]] = set()
    chance = Random(f"{spec.seed}/reports")
    for number, logon in enumerate(logons):
        machine = company.machines[logon.machine]
        day = logon.at // DAY
        if machine.sensor is not Sensor.DEFENDER or logon.remote:
            continue
        if (machine.number, day) not in reported:
            reported.add((machine.number, day))
            rows["DeviceInfo"].append(_info(wrapper, machine, logon, chance))
        if (day - company.monday) % 7 == 0 and (machine.number, day) not in connected:
            connected.add((machine.number, day))
            rows["DeviceNetworkInfo"].append(_network_info(wrapper, machine, logon, number))
        person = logon.ok and logon.sid.startswith("S-1-5-21-") and (machine.number, day, logon.account) not in started
        if person and day >= spec.days - PROGRAM_DAYS:
            started.add((machine.number, day, logon.account))
            _start_program(rows, wrapper, machine, logon, number, chance)
    return {table: [row for row in found if row[0] < spec.days * DAY] for table, found in rows.items()}


def _info(wrapper: Wrapper, machine: Machine, logon: Logon, chance: Random) -> Row:
    at = logon.at + chance.randrange(1, 90) * SECOND
    tags = STICKERS.get(machine.role, {})
    server = machine.role is Role.SERVER
    user = {"UserName": logon.account, "DomainName": logon.domain, "Sid": logon.sid}
    return at, _json(
        {
            "Timestamp": wrapper.instant(at),
            "DeviceId": machine.id,
            "DeviceName": machine.name,
            "ClientVersion": "10.8760.26100.1742",
            "PublicIP": machine.site.public,
            "OSArchitecture": "64-bit",
            "OSPlatform": system_of(machine),
            "OSBuild": 20348 if server else 26100,
            "IsAzureADJoined": not server,
            "JoinType": "Hybrid Azure AD Join" if not server else "Domain Join",
            "AadDeviceId": None,
            "LoggedOnUsers": json.dumps([user], separators=(",", ":")),
            "RegistryDeviceTag": ";".join(tags.get("registry", ())) or None,
            "OSVersion": "10.0",
            "ReportId": 639_000_000_000_000_000 + at,
            "OnboardingStatus": "Onboarded",
            "DeviceCategory": "Endpoint",
            "DeviceType": "Server" if server else "Workstation",
            "MergedDeviceIds": "",
            "MergedToDeviceId": "",
            "IsInternetFacing": None,
            "SensorHealthState": "Active",
            "IsExcluded": False,
            "ExposureLevel": "Low",
            "AssetValue": None,
            "DeviceManualTags": _tags(tags.get("manual", ())),
            "DeviceDynamicTags": _tags(tags.get("dynamic", ())),
            "ConnectivityType": "Streamlined",
            "IsTransient": False,
            "MachineGroup": MACHINE_GROUPS.get(machine.role, "Workstations"),
        }
    )


def _tags(tags: Iterable[str]) -> str | None:
    return json.dumps(list(tags)) if tags else None


def _network_info(wrapper: Wrapper, machine: Machine, logon: Logon, number: int) -> Row:
    at = logon.at + _MINUTE
    digest = sha1(machine.id.encode()).hexdigest().upper()
    network = [{"Name": "corp.example", "Category": "DomainAuthenticated", "IsConnectedToInternet": True}]
    return at, _json(
        {
            "Timestamp": wrapper.instant(at),
            "DeviceId": machine.id,
            "DeviceName": machine.name,
            "NetworkAdapterName": f"{{{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}}}",
            "MacAddress": "02-" + "-".join(digest[i : i + 2] for i in range(0, 10, 2)),
            "NetworkAdapterType": "Ethernet" if machine.role is Role.SERVER else "Wireless80211",
            "NetworkAdapterStatus": "Up",
            "TunnelType": "None",
            "ConnectedNetworks": json.dumps(network, separators=(",", ":")),
            "DnsAddresses": f'["{machine.site.network}.0.53"]',
            "IPv4Dhcp": f"{machine.site.network}.0.1",
            "IPv6Dhcp": None,
            "DefaultGateways": f'["{machine.site.network}.0.1"]',
            "IPAddresses": f'[{{"IPAddress":"{machine.ip}","SubnetPrefix":16,"AddressType":"Private"}}]',
            "ReportId": number,
            "MachineGroup": MACHINE_GROUPS.get(machine.role, "Workstations"),
        }
    )


def _start_program(rows: Rows, wrapper: Wrapper, machine: Machine, logon: Logon, number: int, chance: Random) -> None:
    name, path, host, port = chance.choice(_TOOLS if machine.role is Role.RED_TEAM else _PROGRAMS)
    at = logon.at + chance.randrange(30, 900) * SECOND
    process = {
        "InitiatingProcessAccountDomain": "corp",
        "InitiatingProcessAccountName": logon.account,
        "InitiatingProcessAccountSid": logon.sid,
    }
    common = {
        "DeviceId": machine.id,
        "DeviceName": machine.name,
        "MachineGroup": MACHINE_GROUPS.get(machine.role, "Workstations"),
    }
    birth = {
        "Timestamp": wrapper.instant(at),
        "ActionType": "ProcessCreated",
        "FileName": name,
        "FolderPath": path,
        "SHA1": sha1(path.encode()).hexdigest(),
        "ProcessId": chance.randrange(1_000, 30_000),
        "ProcessCommandLine": f'"{path}"',
        "ProcessIntegrityLevel": "High" if logon.admin else "Medium",
        "ProcessCreationTime": wrapper.instant(at),
        "AccountDomain": "corp",
        "AccountName": logon.account,
        "AccountSid": logon.sid,
        "LogonId": logon.session,
        "InitiatingProcessFileName": "explorer.exe",
        "ReportId": number,
    }
    rows["DeviceProcessEvents"].append((at, _json(common | birth | process)))
    at += chance.randrange(1, 60) * SECOND
    contact = {
        "Timestamp": wrapper.instant(at),
        "ActionType": "ConnectionSuccess",
        "RemoteIP": f"203.0.113.{chance.randrange(1, 255)}",
        "RemotePort": port,
        "RemoteUrl": host,
        "LocalIP": machine.ip,
        "LocalPort": chance.randrange(49_152, 65_000),
        "Protocol": "Tcp",
        "LocalIPType": "Private",
        "RemoteIPType": "Public",
        "InitiatingProcessFileName": name,
        "InitiatingProcessFolderPath": path,
        "ReportId": number,
    }
    rows["DeviceNetworkEvents"].append((at, _json(common | contact | process)))


def alert_rows(wrapper: Wrapper, alerts: list[Alert]) -> Rows:
    """An AlertInfo row for every alert, and AlertEvidence rows for its device and its account."""
    infos, evidence = [], []
    for alert in alerts:
        common = {
            "Timestamp": wrapper.instant(alert.at),
            "AlertId": alert.id,
            "Title": alert.title,
            "ServiceSource": "Microsoft Defender for Endpoint",
            "DetectionSource": alert.source,
            "AttackTechniques": alert.techniques,
            "Severity": alert.severity,
        }
        infos.append((alert.at, _json(common | {"Category": alert.category})))
        common |= {"Categories": f'["{alert.category}"]', "EvidenceRole": "Impacted"}
        device = {
            "EntityType": "Machine",
            "DeviceId": alert.machine.id,
            "DeviceName": alert.machine.name,
            "LocalIP": alert.machine.ip,
        }
        account = {
            "EntityType": "User",
            "AccountName": alert.person.account,
            "AccountDomain": "corp",
            "AccountSid": alert.person.sid,
            "AccountUpn": f"{alert.person.account}@corp.example",
        }
        evidence += [(alert.at, _json(common | device)), (alert.at, _json(common | account))]
    return {"AlertInfo": infos, "AlertEvidence": evidence}


def _json(properties: dict[str, Any]) -> str:
    return json.dumps(properties, separators=(",", ":"), ensure_ascii=False)
