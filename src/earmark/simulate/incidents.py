"""What goes wrong in the company: bursts of failed logons, and the alerts that analysts get.

Incidents are facts like logons: the rooms that write sensors' files put them in words.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from earmark.simulate.company import BURST_DAY, Company, Machine, Person, Role
from earmark.simulate.diary import DAY, HOUR, SECOND, Diary, Logon
from earmark.simulate.spec import CompanySpec

BURST = 60
"""Failed tries at the reception desk: more than any of its people log on in a week."""


class Alert(NamedTuple):
    """An alert with the device and the account it speaks of."""

    at: int
    id: str
    title: str
    category: str
    severity: str
    source: str
    techniques: str
    machine: Machine
    person: Person


_TITLES = (
    ("Suspicious logon from an unusual address", "InitialAccess", "Medium", "Valid Accounts (T1078)"),
    ("Possible pass-the-ticket activity", "LateralMovement", "High", "Pass the Ticket (T1550.003)"),
    ("Unsigned tool dropped in a temporary folder", "Execution", "Low", "User Execution (T1204)"),
    ("Discovery of domain administrators", "Discovery", "Medium", "Account Discovery (T1087)"),
    ("Mailbox rule forwards to an outside address", "Exfiltration", "High", "Email Collection (T1114)"),
)


def play_bursts(company: Company, spec: CompanySpec) -> list[Logon]:
    """Failed logons: an executive's name at a reception desk by night, one password tried on many at servers."""
    diary = Diary(company, spec.days)
    chance = Random(f"{spec.seed}/bursts")
    victim = company.executives[0]
    night = (company.monday + BURST_DAY) * DAY + 2 * HOUR * SECOND
    for i in range(BURST):
        at = night + i * 7 * SECOND + chance.randrange(SECOND)
        diary.note(company.desk, at, victim.account, "Interactive", chance, sid=victim.sid, ok=False)
    attacker = company.of_role(Role.RED_TEAM)[0]
    for week, server in enumerate((*company.of_role(Role.SERVER), company.of_role(Role.DOMAIN_CONTROLLER)[0])):
        evening = (company.monday + 2 + 7 * (week % 4)) * DAY + 22 * HOUR * SECOND
        for i, person in enumerate(company.people[:25]):
            at = evening + i * 3 * SECOND + chance.randrange(SECOND)
            diary.note(server, at, person.account, "Network", chance, sid=person.sid, ok=False, remote=attacker.ip)
    return diary.logons


def play_alerts(company: Company, spec: CompanySpec) -> list[Alert]:
    """About three alerts a week: the red team's own, and some on laptops, a kiosk and the reception desk."""
    chance = Random(f"{spec.seed}/alerts")
    red, kiosks = company.of_role(Role.RED_TEAM), company.of_role(Role.KIOSK)
    places = (red[0], company.machines[0], red[1], kiosks[0], company.machines[3], company.desk)
    alerts = []
    for i in range(max(1, spec.days * 3 // 7)):
        machine = places[i % len(places)]
        title, category, severity, technique = _TITLES[chance.randrange(len(_TITLES))]
        # Two days and a bit apart, at working hours, so that a laptop's alert follows its use.
        at = int((i * 7 / 3 + 0.4) * DAY) + chance.randrange(4 * HOUR) * SECOND
        if at < spec.days * DAY:
            name = f"da{chance.randrange(10**17, 10**18)}_{chance.randrange(10**9)}"
            alerts.append(
                Alert(at, name, title, category, severity, "EDR", f'["{technique}"]', machine, machine.users[0])
            )
    return alerts
