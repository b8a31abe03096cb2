"""Play a company and write what its sensors would have written.

`write_company` draws the cast (`company`), plays its days (`rhythm`, `incidents`), lets every sensor put the facts in
its own words (`streaming`, `tables`, `windows`, `inventory`), adds the crowd of a large company (`crowd`), and last
says what is where (`manifest.json`, `README.txt`) and what a right hunt finds (`truth.json`). Facts come first and
words after, so that the truth is counted from facts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from earmark.errors import UsageError
from earmark.simulate.account import MANIFEST, render_manifest, render_readme, render_truth
from earmark.simulate.blobs import Folder
from earmark.simulate.casting import build_company
from earmark.simulate.company import Company, Sensor
from earmark.simulate.crowd import Crowd
from earmark.simulate.diary import DAY, Logon
from earmark.simulate.incidents import play_alerts, play_bursts
from earmark.simulate.inventory import render_csv, render_jsonl
from earmark.simulate.moments import inventory_moment
from earmark.simulate.reuse import clear_folder
from earmark.simulate.rhythm import play_days
from earmark.simulate.spec import CompanySpec, Written, check_spec
from earmark.simulate.streaming import Row, Wrapper, logon_renderer, write_rows
from earmark.simulate.tables import DEVICE_TABLES, Rows, alert_rows, device_rows
from earmark.simulate.windows import nxlog_renderer, security_events, winlogbeat_renderer

Progress: TypeAlias = Callable[[int, int], None]
_DAYS_A_BLOB = {"DeviceLogonEvents": 1, "AlertInfo": 28, "AlertEvidence": 28}
_WEEK = 7
_LATER_STEPS = 5
"""Steps of the progress that come after the days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Played:
    """A company whose days are over, and the place its files go to."""

    spec: CompanySpec
    company: Company
    folder: Folder
    wrapper: Wrapper
    logons: list[Logon]
    """All that were played one by one, in order of time."""
    defender: list[Logon]
    """Those among them that Defender reports."""


def write_company(folder: Path, spec: CompanySpec, *, progress: Progress | None = None) -> Written:
    """Write a simulated company into a folder that is empty, or that holds an earlier simulation, which is replaced.

    Raises UsageError when the spec cannot be played or the folder cannot be used. `progress` is told how many steps
    are done, and how many there are.
    """
    check_spec(spec)
    tell = progress or (lambda _done, _all: None)
    played = _play(folder, spec, tell)
    _check_number(spec, len(played.defender))
    try:
        clear_folder(folder)
        # A first manifest marks the folder as ours should the writing be cut short.
        played.folder.write(MANIFEST, render_manifest(spec, played.company, played.wrapper.tenant, {}, []))
        return _write(played, tell)
    except OSError as error:
        raise UsageError(
            f"The simulation could not be written to {folder}: {error.strerror or error}.",
            hint="Choose a folder that can be written and has room.",
        ) from error


def _play(root: Path, spec: CompanySpec, tell: Progress) -> _Played:
    company = build_company(spec)
    logons = play_bursts(company, spec)
    for day, played in enumerate(play_days(company, spec)):
        logons += played
        tell(min(day, spec.days), spec.days + _LATER_STEPS)
    logons.sort()
    return _Played(
        spec=spec,
        company=company,
        folder=Folder(root, start=spec.start, days=spec.days, compress=spec.compress),
        wrapper=Wrapper(spec),
        logons=logons,
        defender=[logon for logon in logons if company.machines[logon.machine].sensor is Sensor.DEFENDER],
    )


def _write(played: _Played, tell: Progress) -> Written:
    spec, company, folder = played.spec, played.company, played.folder

    def step(number: int) -> None:
        tell(spec.days + number, spec.days + _LATER_STEPS)

    _write_tables(played)
    step(1)
    _write_security_events(played)
    step(2)
    crowd = Crowd(spec, company, played.wrapper) if spec.crowd else None
    if crowd is not None:
        crowd.write(folder, detailed=len(played.defender))
    step(3)
    if spec.writes("inventory"):
        _write_inventory(played, crowd)
    step(4)
    accounts = _executive_accounts(company, crowd)
    folder.write("lists/Executives.csv", "".join(f"{line}\n" for line in ("AccountName", *accounts)))
    if spec.truth:
        folder.write("truth.json", render_truth(spec, company, played.logons))
    written = _close(played)
    step(_LATER_STEPS)
    return written


def _check_number(spec: CompanySpec, detailed: int) -> None:
    if spec.logon_events is not None and spec.logon_events < detailed:
        raise UsageError(
            f"logon_events is {spec.logon_events}, but the devices played one by one log on {detailed} times already.",
            hint=f"Ask for {detailed} or more, or for fewer days.",
        )


def _write_tables(played: _Played) -> None:
    spec, wrapper = played.spec, played.wrapper
    rows: Rows = {}
    if spec.writes("DeviceLogonEvents"):
        render = logon_renderer(played.company, wrapper)
        logons: list[Row] = [(logon.at, render(logon, report)) for report, logon in enumerate(played.defender, start=1)]
        rows["DeviceLogonEvents"] = logons
    if any(spec.writes(table) for table in DEVICE_TABLES):
        rows |= device_rows(played.company, spec, wrapper, played.defender)
    rows |= alert_rows(wrapper, play_alerts(played.company, spec))
    for table, found in rows.items():
        if spec.writes(table):
            write_rows(played.folder, wrapper, spec, table, found, days_a_blob=_DAYS_A_BLOB.get(table, _WEEK))


def _write_security_events(played: _Played) -> None:
    company, spec, folder = played.company, played.spec, played.folder
    for sensor, renderer in ((Sensor.NXLOG, nxlog_renderer), (Sensor.WINLOGBEAT, winlogbeat_renderer)):
        if not spec.writes(sensor):
            continue
        render = renderer(company, spec)
        weeks: dict[int, list[str]] = {}
        for record, event in enumerate(security_events(company, spec, sensor, played.logons), start=100_001):
            weeks.setdefault(event[0] // (_WEEK * DAY), []).append(render(event, record))
        for week, lines in weeks.items():
            path = f"windows/{sensor}/{folder.day_text(week * _WEEK)}.jsonl"
            folder.write_lines(sensor.value, path, week * _WEEK + _WEEK - 1, lines)


def _write_inventory(played: _Played, crowd: Crowd | None) -> None:
    wrapper, folder = played.wrapper, played.folder
    moment = inventory_moment(played.spec, played.company)
    latest = {logon.machine: wrapper.instant(logon.at) for logon in played.logons if logon.at <= moment}
    table, lines = render_csv(played.company, latest), render_jsonl(played.company, latest)
    if crowd is not None:
        reports = [(id_, name, wrapper.instant(at)) for id_, name, at in crowd.last_reports(moment)]
        table += "".join(f"{id_},{name},Windows11,{at},,,\n" for id_, name, at in reports)
        lines += "".join(
            f'{{"device":"{id_}","name":"{name}","last_seen":"{at}","tags":[]}}\n' for id_, name, at in reports
        )
    folder.write("inventory/devices.csv", table)
    folder.write("inventory/devices.jsonl", lines)
    folder.counts["inventory"] = lines.count("\n")


def _executive_accounts(company: Company, crowd: Crowd | None) -> list[str]:
    # People write names as they like: the sensors' lower case is not theirs.
    first, second, *others = (person.account for person in company.executives)
    return [first, second.title(), *others, *(crowd.executives if crowd else ())]


def _close(played: _Played) -> Written:
    folder = played.folder
    folder.write("README.txt", render_readme(played.spec, played.company))
    files = sorted({*folder.files})
    names = [path.relative_to(folder.root).as_posix() for path in files]
    manifest = render_manifest(played.spec, played.company, played.wrapper.tenant, folder.counts, names)
    (folder.root / MANIFEST).write_bytes(manifest.encode())
    size = sum(path.stat().st_size for path in files)
    return Written(counts=dict(sorted(folder.counts.items())), files=tuple(files), size=size)
