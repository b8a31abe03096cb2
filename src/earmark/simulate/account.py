"""What a simulation says of itself: a manifest for programs, a README for people, and the truth for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from earmark.simulate.company import Company, Machine, Sensor, story_days
from earmark.simulate.diary import Logon
from earmark.simulate.inventory import STICKERS
from earmark.simulate.moments import demo_moments, inventory_moment, truth_moments
from earmark.simulate.spec import CompanySpec
from earmark.simulate.truth import counted_logons, executive_machines, silent_machines

MANIFEST = "manifest.json"
FORMAT = "earmark-simulation/1"
_PLACES = {
    "streaming/": "Defender's streaming export: a container a table, JSON lines, the older ones gzipped",
    "windows/nxlog/": "Windows Security events of the domain controllers, as NXLog writes them",
    "windows/winlogbeat/": "Windows Security events of the file servers, as Winlogbeat writes them",
    "inventory/": "the device inventory at one moment, once as CSV and once as JSON lines (import one of them)",
    "lists/Executives.csv": "the accounts of the executives",
    "truth.json": "what a right hunt finds, morning by morning (for tests; not an input)",
}


def render_manifest(
    spec: CompanySpec, company: Company, tenant: str, counts: Mapping[str, int], files: Sequence[str]
) -> str:
    """The manifest: what was asked for, what is where, and when to look."""
    clock = _Clock(spec)
    return _json(
        {
            "format": FORMAT,
            "complete": bool(files),
            "seed": spec.seed,
            "start": spec.start.isoformat(),
            "days": spec.days,
            "devices": spec.devices,
            "executives": spec.executives,
            "tenant": tenant,
            "places": _PLACES,
            "inventory_at": clock.text(inventory_moment(spec, company)),
            "now": {name: clock.text(at) for name, at in demo_moments(spec, company).items()},
            "lines": dict(sorted(counts.items())),
            "files": list(files),
        }
    )


def render_readme(spec: CompanySpec, company: Company) -> str:
    """The README: the same in sentences."""
    clock = _Clock(spec)
    places = "".join(f"  {place:22} {what}\n" for place, what in _PLACES.items() if place != "truth.json" or spec.truth)
    moments = "".join(
        f"  {clock.text(at):22} {name.replace('_', ' ')}\n" for name, at in demo_moments(spec, company).items()
    )
    return (
        f"A simulated company: {spec.devices} devices over {spec.days} days from {spec.start}, seed {spec.seed}.\n"
        "People, machines and addresses are invented; the same seed and settings give the same bytes.\n\n"
        f"{places}\nMoments to look at (--now):\n{moments}\n"
        f"{company.changed.name} passes from {company.changed.users[0].account} to {company.heir.account}; "
        f"{company.replacement.name} takes its place.\n"
        f"{company.shut.name} of {company.shut.users[0].account} is shut for three working weeks.\n"
        f"{company.loan.name} was tagged Executive by hand, although no executive uses it.\n"
        f"{company.desk.name} sees failed logons with the name of {company.executives[0].account} in one night.\n"
        + (
            "Some rows are there twice and the newest blob of logons ends in half a line, as real exports do.\n"
            if spec.imperfect
            else ""
        )
    )


def render_truth(spec: CompanySpec, company: Company, logons: Sequence[Logon]) -> str:
    """The truth: what matches and who is silent at every moment, and the cast behind it."""
    clock = _Clock(spec)
    counted = counted_logons(logons)
    seen = [(logon.machine, logon.at) for logon in logons]
    executives = {person.account for person in company.executives}
    moments = []
    for now in truth_moments(spec, company):
        found = executive_machines(counted, executives, now)
        moments.append(
            {
                "now": clock.text(now),
                "executive": [
                    {
                        **_device(company.machines[number]),
                        "accounts": answer["accounts"],
                        "logons": answer["logons"],
                        "last_logon": {account: clock.text(at) for account, at in answer["last"].items()},
                    }
                    for number, answer in found.items()
                ],
                "silent": [company.machines[number].name for number in silent_machines(seen, now)],
            }
        )
    return _json(
        {
            "window": "7d",
            "now": _demo(spec, company),
            "story": _story(spec, company),
            "devices": _roles(company),
            "moments": moments,
        }
    )


def _demo(spec: CompanySpec, company: Company) -> dict[str, str]:
    clock = _Clock(spec)
    return {name: clock.text(at) for name, at in demo_moments(spec, company).items()}


def _story(spec: CompanySpec, company: Company) -> dict[str, Any]:
    return {
        "days": story_days(spec, company),
        "changed": {**_device(company.changed), "from": company.changed.users[0].account, "to": company.heir.account},
        "replacement": _device(company.replacement),
        "shut": {**_device(company.shut), "account": company.shut.users[0].account},
        "tagged_by_hand": _device(company.loan),
        "failed_logons": {**_device(company.desk), "account": company.executives[0].account},
    }


def _roles(company: Company) -> list[dict[str, Any]]:
    return [
        {
            **_device(machine),
            "role": machine.role.value,
            "sensor": machine.sensor.value,
            "tags": [
                {"tag": tag, "origin": origin}
                for origin, tags in (
                    STICKERS.get(machine.role, {}) if machine.sensor is Sensor.DEFENDER else {}
                ).items()
                for tag in tags
            ],
        }
        for machine in company.machines
    ]


def _device(machine: Machine) -> dict[str, str]:
    return {"device": machine.id, "name": machine.name}


class _Clock:
    """Turns microseconds of the simulation into text."""

    def __init__(self, spec: CompanySpec) -> None:
        self.begin = datetime.combine(spec.start, time(), UTC)

    def text(self, at: int) -> str:
        """ISO 8601, with microseconds only where there are some."""
        return (self.begin + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
