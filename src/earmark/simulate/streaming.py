"""Defender's streaming export: rows of advanced-hunting tables, each wrapped as one JSON object a line.

Wrapper and layout are those of a storage account (https://learn.microsoft.com/defender-xdr/streaming-api-storage): a
container a table, `insights-logs-advancedhunting-<table>`, and below it `tenantId=…/y=…/m=…/d=…/h=…/m=00/PT1H.json`.
`time` is when the row was published, a little after `properties.Timestamp`. A row is put together from fragments that
were turned into JSON once, since `json.dumps` a row would be most of the running time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import TypeAlias
from uuid import UUID

from earmark.simulate.blobs import Folder
from earmark.simulate.company import Company, Machine, Role
from earmark.simulate.diary import DAY, SECOND, Logon
from earmark.simulate.spec import CompanySpec

MACHINE_GROUPS = {Role.SERVER: "Servers", Role.KIOSK: "Shared devices", Role.RECEPTION: "Shared devices"}
DELAY = 47 * SECOND
"""From the event to the moment the service received it."""
HOURLY_FROM = 18
"""From this hour of the last day on a daily table has a blob an hour, as the real export has all along."""
Row: TypeAlias = tuple[int, str]
"""An instant in microseconds, and the `properties` object as JSON."""


class Wrapper:
    """Puts rows of one export into their envelope."""

    def __init__(self, spec: CompanySpec) -> None:
        self.tenant = tenant_of(spec)
        self._dates = {d: (spec.start + timedelta(days=d)).isoformat() for d in range(-1, spec.days + 3)}
        self._tail = ',"Tenant":"DefaultTenant"}\n'

    def instant(self, at: int) -> str:
        """ISO 8601 with microseconds and `Z`."""
        day, rest = divmod(at, DAY)
        seconds, micro = divmod(rest, SECOND)
        minutes, second = divmod(seconds, 60)
        return f"{self._dates[day]}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{micro:06d}Z"

    def wrap(self, table: str, row: Row, *, late: int = 0) -> str:
        """One line; `late` postpones its publication, as a repeated delivery's is."""
        at, properties = row
        received = self.instant(at + DELAY)[:-1]
        published = self.instant(at + 3 * DELAY + late)[:-1]
        return (
            f'{{"time":"{published}3Z","tenantId":"{self.tenant}","operationName":"Publish","category":"AdvancedHunting-{table}",'
            f'"_TimeReceivedBySvc":"{received}1Z","properties":{properties}{self._tail}'
        )


def tenant_of(spec: CompanySpec) -> str:
    """The tenant's invented identifier."""
    return str(UUID(int=Random(f"{spec.seed}/tenant").getrandbits(128), version=4))


def blob_path(wrapper: Wrapper, table: str, day_text: str, hour: int = 0, part: int = 0) -> str:
    """Where a blob lies; `part` tells apart several of one hour, where the real export would let one grow."""
    year, month, day = day_text.split("-")
    name = "PT1H.json" if part == 0 else f"PT1H-{part:03d}.json"
    return (
        f"streaming/insights-logs-advancedhunting-{table.lower()}/tenantId={wrapper.tenant}/"
        f"y={year}/m={month}/d={day}/h={hour:02d}/m=00/{name}"
    )


def write_rows(
    folder: Folder, wrapper: Wrapper, spec: CompanySpec, table: str, rows: list[Row], *, days_a_blob: int = 1
) -> None:
    """Write a table's rows in order of time, to blobs of some days each; a daily table's last evening by the hour."""
    rows = sorted(rows)
    repeat = Random(f"{spec.seed}/repeat/{table}")
    blobs: dict[tuple[int, int], list[str]] = {}
    for row in rows:
        day = row[0] // DAY
        hour = row[0] % DAY // (3_600 * SECOND)
        if days_a_blob > 1 or day < spec.days - 1 or hour < HOURLY_FROM:
            hour = 0
        lines = blobs.setdefault((day - day % days_a_blob, hour), [])
        lines.append(wrapper.wrap(table, row))
        if spec.imperfect and repeat.random() < 0.03:
            lines.append(wrapper.wrap(table, row, late=600 * SECOND))
    for place, (day, hour) in enumerate(blobs):
        last = place == len(blobs) - 1
        lines = blobs[day, hour]
        if last and spec.imperfect and table == "DeviceLogonEvents":
            _write_cut(folder, blob_path(wrapper, table, folder.day_text(day), hour), table, day, lines)
        else:
            path = blob_path(wrapper, table, folder.day_text(day), hour)
            # A blob is old only when all of its days are.
            folder.write_lines(table, path, day + days_a_blob - 1, lines)


def _write_cut(folder: Folder, path: str, table: str, day: int, lines: list[str]) -> None:
    """The newest blob ends in half a line: a repeat of its last whole row, so that nothing is lost with it."""
    folder.write_lines(table, path, day, [*lines, lines[-1]], cut=len(lines[-1]) * 2 // 3)
    folder.counts[table] -= 1


def logon_renderer(company: Company, wrapper: Wrapper) -> Callable[[Logon, int], str]:
    """A function from a logon and its report number to the `properties` of DeviceLogonEvents."""
    heads = {m.number: _head(m) for m in company.machines}
    groups = {m.number: MACHINE_GROUPS.get(m.role, "Workstations") for m in company.machines}

    def render(logon: Logon, report: int) -> str:
        remote = logon.remote
        return (
            f'{{"Timestamp":"{wrapper.instant(logon.at)}",{heads[logon.machine]},'
            f'"ActionType":"{"LogonSuccess" if logon.ok else "LogonFailed"}","LogonType":"{logon.kind}",'
            f'"AccountDomain":"{logon.domain.lower()}","AccountName":"{logon.account}","AccountSid":"{logon.sid}",'
            f'"Protocol":"{"Kerberos" if remote else "Negotiate"}",'
            f'"FailureReason":{"null" if logon.ok else _WRONG_PASSWORD},"IsLocalAdmin":{_BOOL[logon.admin]},'
            f'"LogonId":{logon.session or "null"},"RemoteDeviceName":"","RemoteIP":"{remote}",'
            f'"RemoteIPType":{_PRIVATE if remote else "null"},'
            f'"RemotePort":{50_000 + report % 9_000 if remote else "null"},{_PROCESS},'
            f'"ReportId":{report},"AppGuardContainerId":"","MachineGroup":"{groups[logon.machine]}",'
            f'"AdditionalFields":"{{\\"IsLocalLogon\\":{_BOOL[not remote]}}}"}}'
        )

    return render


_WRONG_PASSWORD = '"InvalidUserNameOrPassword"'
_PRIVATE = '"Private"'
_BOOL = ("false", "true")
_PROCESS = json.dumps(
    {
        "InitiatingProcessAccountDomain": "nt authority",
        "InitiatingProcessAccountName": "system",
        "InitiatingProcessAccountSid": "S-1-5-18",
        "InitiatingProcessFileName": "lsass.exe",
        "InitiatingProcessId": 828,
        "InitiatingProcessCommandLine": "lsass.exe",
        "InitiatingProcessFolderPath": "c:\\windows\\system32\\lsass.exe",
        "InitiatingProcessParentFileName": "wininit.exe",
        "InitiatingProcessUniqueId": "281474976711484",
        "IsInitiatingProcessRemoteSession": False,
    },
    separators=(",", ":"),
)[1:-1]


def _head(machine: Machine) -> str:
    return f'"DeviceId":"{machine.id}","DeviceName":"{machine.name}"'
