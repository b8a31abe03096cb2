"""Play a company and write what its sensors would have written.

`write_company` draws the cast (`company`), plays its days (`rhythm`, `incidents`), lets every sensor put the facts in
its own words (`streaming`, `tables`, `windows`, `inventory`), adds the crowd of a large company (`crowd`), and last
says what is where (`manifest.json`, `README.txt`) and what a right hunt finds (`truth.json`). Facts come first and
words after, so that the truth is counted from facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from earmark.errors import UsageError
from earmark.simulate.account import FORMAT, render_manifest, render_readme, render_truth
from earmark.simulate.blobs import Folder
from earmark.simulate.casting import build_company
from earmark.simulate.company import Company, Sensor
from earmark.simulate.crowd import Crowd, report_second
from earmark.simulate.diary import DAY, SECOND, Logon
from earmark.simulate.incidents import play_alerts, play_bursts
from earmark.simulate.inventory import render_csv, render_jsonl
from earmark.simulate.moments import inventory_moment
from earmark.simulate.rhythm import play_days
from earmark.simulate.spec import CompanySpec, Written, check_spec
from earmark.simulate.streaming import Row, Wrapper, logon_renderer, write_rows
from earmark.simulate.tables import Rows, alert_rows, device_rows
from earmark.simulate.windows import Event, nxlog_renderer, security_events, winlogbeat_renderer

Progress: TypeAlias = Callable[[int, int], None]
MANIFEST = "manifest.json"
_DAYS_A_BLOB = {"DeviceLogonEvents": 1, "AlertInfo": 28, "AlertEvidence": 28}
_WEEK = 7


def write_company(folder: Path, spec: CompanySpec, *, progress: Progress | None = None) -> Written:
    """Write a simulated company into a folder that is empty, or that holds an earlier simulation, which is replaced.

    Raises UsageError when the spec cannot be played or the folder cannot be used. `progress` is told how many steps
    are done, and how many there are.
    """
    check_spec(spec)
    tell = progress or (lambda _done, _all: None)
    try:
        _clear(folder)
        return _write(folder, spec, tell)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"The simulation could not be written to {folder}: {reason}.", hint="Choose a folder with room."
        ) from error


def _write(root: Path, spec: CompanySpec, tell: Progress) -> Written:
    company = build_company(spec)
    folder = Folder(root, start=spec.start, days=spec.days, compress=spec.compress)
    wrapper = Wrapper(spec)
    # A first manifest marks the folder as ours should the writing be cut short.
    folder.write(MANIFEST, render_manifest(spec, company, wrapper.tenant, {}, []))
    steps = spec.days + 5
    logons = play_bursts(company, spec)
    for day, played in enumerate(play_days(company, spec)):
        logons += played
        tell(min(day, spec.days), steps)
    logons.sort()
    defender = [logon for logon in logons if company.machines[logon.machine].sensor is Sensor.DEFENDER]
    rows = _detailed_rows(company, spec, wrapper, defender)
    for table, found in rows.items():
        write_rows(folder, wrapper, spec, table, found, days_a_blob=_DAYS_A_BLOB.get(table, _WEEK))
    tell(spec.days + 1, steps)
    _write_security_events(folder, company, spec, logons)
    tell(spec.days + 2, steps)
    crowd = _write_crowd(folder, company, spec, wrapper, defender)
    tell(spec.days + 3, steps)
    seen = [(logon.machine, logon.at) for logon in logons]
    if spec.writes("inventory"):
        _write_inventory(folder, company, spec, wrapper, seen, crowd)
    tell(spec.days + 4, steps)
    accounts = _executive_accounts(company, crowd)
    folder.write("lists/Executives.csv", "AccountName\n" + "".join(f"{account}\n" for account in accounts))
    if spec.truth:
        folder.write("truth.json", render_truth(spec, company, logons, seen))
    return _finish(folder, company, spec, wrapper, lambda: tell(steps, steps))


def _detailed_rows(company: Company, spec: CompanySpec, wrapper: Wrapper, defender: list[Logon]) -> Rows:
    rows: Rows = {}
    if spec.writes("DeviceLogonEvents"):
        render = logon_renderer(company, wrapper)
        found: list[Row] = [(logon.at, render(logon, report)) for report, logon in enumerate(defender, start=1)]
        rows["DeviceLogonEvents"] = found
    if any(spec.writes(t) for t in ("DeviceInfo", "DeviceNetworkInfo", "DeviceProcessEvents", "DeviceNetworkEvents")):
        rows |= device_rows(company, spec, wrapper, defender)
    alerts = alert_rows(wrapper, play_alerts(company, spec))
    return rows | {table: found for table, found in alerts.items() if spec.writes(table)}


def _write_security_events(folder: Folder, company: Company, spec: CompanySpec, logons: list[Logon]) -> None:
    shapes: list[tuple[Sensor, Callable[[Event, int], str]]] = [
        (Sensor.NXLOG, nxlog_renderer(company, spec)),
        (Sensor.WINLOGBEAT, winlogbeat_renderer(company, spec)),
    ]
    for sensor, render in shapes:
        if not spec.writes(sensor):
            continue
        weeks: dict[int, list[str]] = {}
        for record, event in enumerate(security_events(company, spec, sensor, logons), start=100_001):
            weeks.setdefault(event[0] // (_WEEK * DAY), []).append(render(event, record))
        for week, lines in weeks.items():
            path = f"windows/{sensor}/{folder.day_text(week * _WEEK)}.jsonl"
            folder.write_lines(sensor.value, path, week * _WEEK + _WEEK - 1, lines)


def _write_crowd(
    folder: Folder, company: Company, spec: CompanySpec, wrapper: Wrapper, detailed: list[Logon]
) -> Crowd | None:
    if not spec.crowd:
        return None
    crowd = Crowd(spec, company, wrapper)
    if spec.writes("DeviceLogonEvents"):
        crowd.write_logons(folder, detailed)
    if spec.writes("DeviceInfo"):
        crowd.write_reports(folder)
    return crowd


def _write_inventory(
    folder: Folder,
    company: Company,
    spec: CompanySpec,
    wrapper: Wrapper,
    seen: list[tuple[int, int]],
    crowd: Crowd | None,
) -> None:
    moment = inventory_moment(spec, company)
    latest: dict[int, int] = {}
    for machine, at in seen:
        if at <= moment:
            latest[machine] = max(at, latest.get(machine, 0))
    last_seen = {machine: wrapper.instant(at) for machine, at in latest.items()}
    table, lines = render_csv(company, last_seen), render_jsonl(company, last_seen)
    if crowd is not None:
        reports = [
            (id_, name, wrapper.instant(day * DAY + report_second(n) * SECOND))
            for n, (id_, name, day) in enumerate(crowd.last_reports(moment // DAY))
        ]
        table += "".join(f"{id_},{name},Windows11,{at},,,\n" for id_, name, at in reports)
        lines += "".join(
            f'{{"device":"{id_}","name":"{name}","last_seen":"{at}","tags":[]}}\n' for id_, name, at in reports
        )
    folder.write("inventory/devices.csv", table)
    folder.write("inventory/devices.jsonl", lines)
    folder.counts["inventory"] = lines.count("\n")


def _executive_accounts(company: Company, crowd: Crowd | None) -> list[str]:
    # People write names as they like: the sensors' lower case is not theirs.
    first, *others = [person.account for person in company.executives]
    return [first, others[0].title(), *others[1:], *(crowd.executives if crowd else ())]


def _finish(folder: Folder, company: Company, spec: CompanySpec, wrapper: Wrapper, done: Callable[[], None]) -> Written:
    folder.write("README.txt", render_readme(spec, company))
    files = sorted({*folder.files})
    names = [path.relative_to(folder.root).as_posix() for path in files]
    manifest = render_manifest(spec, company, wrapper.tenant, folder.counts, names)
    (folder.root / MANIFEST).write_bytes(manifest.encode())
    done()
    return Written(
        counts=dict(sorted(folder.counts.items())), files=tuple(files), size=sum(path.stat().st_size for path in files)
    )


def _clear(folder: Path) -> None:
    """Make the folder ready: delete the files of an earlier simulation, refuse a folder that holds anything else."""
    if not folder.exists():
        folder.mkdir(parents=True)
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file, expected a folder.", hint="Name a new or an empty folder.")
    if not any(folder.iterdir()):
        return
    for name in _files_of(folder):
        path = folder / name
        if path.resolve().is_relative_to(folder.resolve()):
            path.unlink(missing_ok=True)


def _files_of(folder: Path) -> list[str]:
    manifest: Any = None
    path = folder / MANIFEST
    if path.is_file():
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            manifest = None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise UsageError(f"{folder} is not empty and holds no simulation.", hint="Name a new or an empty folder.")
    if not manifest.get("complete"):
        raise UsageError(
            f"{folder} holds half a simulation: an earlier run was stopped.", hint="Delete it, or name another folder."
        )
    return [name for name in manifest.get("files", []) if isinstance(name, str)]
