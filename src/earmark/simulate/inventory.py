"""The device inventory at one moment, as CSV and as JSON lines: names, last seen, and the tags that stand on devices
already.

Only Defender's devices are in it: what other sensors report has no place in Defender's inventory.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping

from earmark.simulate.company import Company, Machine, Role, Sensor

COLUMNS = ("device", "name", "os", "last_seen", "manual_tags", "dynamic_tags", "registry_tag")
STICKERS: Mapping[Role, Mapping[str, tuple[str, ...]]] = {
    Role.LOAN: {"manual": ("Executive", "Loan pool")},
    Role.RED_TEAM: {"manual": ("Red team",)},
    Role.KIOSK: {"manual": ("Public area",)},
    Role.SERVER: {"dynamic": ("Windows servers",)},
    Role.RECEPTION: {"registry": ("Front office",)},
}
"""Tags that people, asset rules and devices' own settings gave before Earmark came, by role and origin. `Executive` on
the loan laptop is the one that a careless tool would take away."""


def system_of(machine: Machine) -> str:
    """The operating system, in Defender's words."""
    return "WindowsServer2022" if machine.role in (Role.SERVER, Role.DOMAIN_CONTROLLER) else "Windows11"


def render_csv(company: Company, last_seen: Mapping[int, str]) -> str:
    """The inventory as CSV; `last_seen` has the devices known at that moment."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for machine in _listed(company, last_seen):
        tags = STICKERS.get(machine.role, {})
        columns = [";".join(tags.get(origin, ())) for origin in ("manual", "dynamic", "registry")]
        writer.writerow([machine.id, machine.name, system_of(machine), last_seen[machine.number], *columns])
    return text.getvalue()


def render_jsonl(company: Company, last_seen: Mapping[int, str]) -> str:
    """The same as JSON lines."""
    lines = []
    for machine in _listed(company, last_seen):
        tags = [
            {"tag": tag, "origin": origin} for origin, found in STICKERS.get(machine.role, {}).items() for tag in found
        ]
        line = {"device": machine.id, "name": machine.name, "last_seen": last_seen[machine.number], "tags": tags}
        lines.append(json.dumps(line, separators=(",", ":")) + "\n")
    return "".join(lines)


def _listed(company: Company, last_seen: Mapping[int, str]) -> list[Machine]:
    return [m for m in company.machines if m.sensor is Sensor.DEFENDER and m.number in last_seen]
