"""The many other devices of a large company, drawn in bulk: ten million logons are its ordinary size.

Nobody in the crowd has a story; each device has a main user, colleagues who drop by, window managers and failures. A
row is joined from fragments that were made once a device and once a kind of logon, in about a microsecond, and memory
holds one chunk of rows. Every device reports itself once a week; one in 33 is away in any one week.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, cycle, pairwise
from random import Random

from earmark.simulate.blobs import Folder
from earmark.simulate.company import DOMAIN, Company, device_id
from earmark.simulate.diary import DAY, SECOND
from earmark.simulate.names import FAMILY, GIVEN, SITES
from earmark.simulate.spec import DETAILED_DEVICES, CompanySpec
from earmark.simulate.streaming import Wrapper, blob_path

ROWS_A_BLOB = 250_000
ROWS_A_CHUNK = 20_000
_WEEKEND_SHARE = 0.2
_HOURS = (2, 2, 2, 3, 4, 5, 7, 9, 10, 9, 8, 7, 7, 9, 10, 9, 8, 7, 5, 4, 3, 3, 2, 2)
_OWN, _NEXT, _NOBODY = range(3)
_KINDS = (
    (20, "LogonSuccess", "Interactive", _OWN),
    (6, "LogonSuccess", "CachedInteractive", _OWN),
    (2, "LogonSuccess", "RemoteInteractive", _OWN),
    (14, "LogonSuccess", "Unlock", _OWN),
    (10, "LogonSuccess", "Network", _OWN),
    (3, "LogonSuccess", "Interactive", _NEXT),
    (5, "LogonSuccess", "Interactive", _NOBODY),
    (2, "LogonFailed", "Interactive", _OWN),
    (2, "LogonFailed", "Network", _NEXT),
)
"""How many in 64 rows, action, logon type, whose account."""
_NOBODY_ACCOUNT = '"AccountDomain":"window manager","AccountName":"dwm-1","AccountSid":"S-1-5-90-0-1"'


class Crowd:
    """The devices beyond the detailed part, with the JSON fragments of each."""

    def __init__(self, spec: CompanySpec, company: Company, wrapper: Wrapper) -> None:
        self.spec = spec
        self.wrapper = wrapper
        self.monday = company.monday
        leaders = spec.executives - len(company.executives)
        authority = company.executives[0].sid.rpartition("-")[0]
        accounts = [_account(n) for n in range(spec.crowd)]
        self.executives = accounts[:leaders]
        self.devices = [_device(spec.seed, n) for n in range(spec.crowd)]
        self.heads = [f'"DeviceId":"{id_}","DeviceName":"{name}"' for id_, name in self.devices]
        people = [
            f'"AccountDomain":"corp","AccountName":"{account}","AccountSid":"{authority}-{10_000 + n}"'
            for n, account in enumerate(accounts)
        ]
        whose = {
            _OWN: [f"{head},{person}" for head, person in zip(self.heads, people, strict=True)],
            _NEXT: [f"{head},{person}" for head, person in zip(self.heads, people[1:] + people[:1], strict=True)],
            _NOBODY: [f"{head},{_NOBODY_ACCOUNT}" for head in self.heads],
        }
        slots = [
            (f'Z","ActionType":"{action}","LogonType":"{kind}",', whose[account], _tail(action, kind))
            for share, action, kind, account in _KINDS
            for _ in range(share)
        ]
        self.slots = Random(f"{spec.seed}/crowd").choices(slots, k=8_191)
        """Kinds of rows in the order they come: long enough, and its length a prime, so that no rhythm shows."""

    def present(self, day: int) -> list[int]:
        """The devices that are in use on a day."""
        week = day // 7
        return [n for n in range(len(self.devices)) if (n * 7 + week) % 33]

    def last_reports(self, moment: int) -> Iterator[tuple[str, str, int]]:
        """Id, name and instant of the last report before the day of `moment`, for every device that had one."""
        for n, (id_, name) in enumerate(self.devices):
            days = (d for d in range(moment // DAY - 1, -1, -1) if d % 7 == n % 7 and (n * 7 + d // 7) % 33)
            day = next(days, None)
            if day is not None:
                yield id_, name, day * DAY + _report_second(n) * SECOND

    def write(self, folder: Folder, *, detailed: int) -> None:
        """Write what was asked for; `detailed` logons were played one by one and count towards a number asked for."""
        if self.spec.writes("DeviceLogonEvents"):
            self._write_logons(folder, detailed)
        if self.spec.writes("DeviceInfo"):
            self._write_reports(folder)

    def _write_logons(self, folder: Folder, detailed: int) -> None:
        """Write the crowd's DeviceLogonEvents: what the detailed part leaves of the number asked for."""
        spec = self.spec
        wanted = (
            round(spec.logons_per_day * spec.crowd * spec.days)
            if spec.logon_events is None
            else spec.logon_events - detailed
        )
        weights = [_WEEKEND_SHARE if (day - self.monday) % 7 >= 5 else 1.0 for day in range(spec.days)]
        bounds = [0, *(round(wanted * part / sum(weights)) for part in accumulate(weights))]
        for day in range(spec.days):
            pool, chance = self.present(day), Random(f"{spec.seed}/crowd/{day}")
            rows = bounds[day + 1] - bounds[day]
            seconds = _seconds_of_day(rows)
            for part, begin in enumerate(range(0, rows, ROWS_A_BLOB), start=1):
                moments = seconds[begin : begin + ROWS_A_BLOB]
                path = blob_path(self.wrapper, "DeviceLogonEvents", folder.day_text(day), part=part)
                chunks = self._chunks(folder.day_text(day), pool, moments, chance, bounds[day] + begin)
                folder.write_chunks("DeviceLogonEvents", path, chunks)

    def _chunks(
        self, day: str, pool: list[int], seconds: list[int], chance: Random, report: int
    ) -> Iterator[tuple[int, str]]:
        before = f'{{"time":"{day}T'
        middle = (
            f'8Z","tenantId":"{self.wrapper.tenant}","operationName":"Publish","category":"AdvancedHunting-DeviceLogonEvents",'
            f'"properties":{{"Timestamp":"{day}T'
        )
        clock, slots = _CLOCK, cycle(self.slots)
        first = 1_000_000 + report
        for begin in range(0, len(seconds), ROWS_A_CHUNK):
            moments = seconds[begin : begin + ROWS_A_CHUNK]
            numbers = range(first + begin, first + begin + len(moments))
            devices = chance.choices(pool, k=len(moments))
            # `slots` comes last: zip must not take one of it when the others are at their end.
            rows = zip(numbers, moments, devices, slots, strict=False)
            lines = [
                f"{before}{(now := f'{clock[second]}{100_000 + number % 899_999}')}{middle}{now}"
                f"{kind}{table[device]}{tail}{number}}}}}\n"
                for number, second, device, (kind, table, tail) in rows
            ]
            yield len(lines), "".join(lines)

    def _write_reports(self, folder: Folder) -> None:
        """Write the crowd's DeviceInfo: a report a device and week."""
        for day in range(self.spec.days):
            due = [n for n in self.present(day) if n % 7 == day % 7]
            path = blob_path(self.wrapper, "DeviceInfo", folder.day_text(day), part=1)
            folder.write_chunks("DeviceInfo", path, self._reports(day, due))

    def _reports(self, day: int, due: list[int]) -> Iterator[tuple[int, str]]:
        for begin in range(0, len(due), ROWS_A_CHUNK):
            lines = []
            for place, n in enumerate(due[begin : begin + ROWS_A_CHUNK], start=begin):
                at = day * DAY + _report_second(n) * SECOND + place % SECOND
                head = f'"Timestamp":"{self.wrapper.instant(at)}",{self.heads[n]}'
                row = at, f'{{{head},{_REPORT},"ReportId":{639 * 10**15 + at}}}'
                lines.append(self.wrapper.wrap("DeviceInfo", row))
            yield len(lines), "".join(lines)


_CLOCK = tuple(f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}." for s in range(86_400))
_REPORT = (
    '"ClientVersion":"10.8760.26100.1742","OSArchitecture":"64-bit","OSPlatform":"Windows11","OSBuild":26100,"OnboardingStatus":"Onboarded",'
    '"DeviceCategory":"Endpoint","DeviceType":"Workstation","MergedToDeviceId":"","SensorHealthState":"Active","IsExcluded":false,'
    '"ExposureLevel":"Low","RegistryDeviceTag":null,"DeviceManualTags":null,"DeviceDynamicTags":null,"IsTransient":false'
)


def _report_second(number: int) -> int:
    """The second of the day at which a device of the crowd reports."""
    return 21_600 + number * 37 % 43_200


def _account(number: int) -> str:
    given, family = GIVEN[number % len(GIVEN)], FAMILY[number // len(GIVEN) % len(FAMILY)]
    return f"{given}.{family}{number}".lower()


def _device(seed: int, number: int) -> tuple[str, str]:
    site = SITES[number % len(SITES)]
    return device_id(seed, DETAILED_DEVICES + number), f"{site.code}-c{number:06d}.{DOMAIN}"


def _tail(action: str, kind: str) -> str:
    network = kind in ("Network", "RemoteInteractive")
    failure = "null" if action == "LogonSuccess" else '"InvalidUserNameOrPassword"'
    return (
        f',"Protocol":"{"Kerberos" if network else "Negotiate"}","FailureReason":{failure},"IsLocalAdmin":false,'
        f'"RemoteIP":"{"10.20.0.53" if network else ""}","MachineGroup":"Workstations","ReportId":'
    )


def _seconds_of_day(rows: int) -> list[int]:
    """Moments of a day in order: evenly spread within an hour, more of them in working hours."""
    bounds = [0, *(round(rows * part / sum(_HOURS)) for part in accumulate(_HOURS))]
    counts = [after - before for before, after in pairwise(bounds)]
    return [hour * 3_600 + i * 3_600 // count for hour, count in enumerate(counts) for i in range(count)]
