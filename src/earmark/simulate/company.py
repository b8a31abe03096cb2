"""Who works where, on which machine, and what happens to some of them: the cast of a simulation.

In goes a `CompanySpec`, out comes a `Company`; it is drawn once, before the first event, so that the days can be
played one after the other from streams of chance of their own. The story's days count from the first Monday on:

    day  4  in the evening an executive shuts a laptop and goes away for three working weeks; on day 28 it opens again
    day  7  another executive gets a new laptop; the old one goes to an ordinary colleague
    day  9  at night somebody tries an executive's name again and again at a reception desk, and fails
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from hashlib import sha1

from earmark.simulate.names import Site
from earmark.simulate.spec import CompanySpec

DOMAIN = "corp.example"
SHUT_DAY, REOPENED_DAY, HANDOVER_DAY, BURST_DAY = 4, 28, 7, 9


class Role(StrEnum):
    """What a machine is for."""

    EXECUTIVE = "executive laptop"
    STAFF = "staff laptop"
    LOAN = "loan laptop"
    RECEPTION = "reception desk"
    KIOSK = "kiosk"
    SERVER = "server"
    DOMAIN_CONTROLLER = "domain controller"
    RED_TEAM = "red team"


class Sensor(StrEnum):
    """Who reports a machine's events."""

    DEFENDER = "defender"
    NXLOG = "nxlog"
    WINLOGBEAT = "winlogbeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account that logs on."""

    account: str
    """Name without domain, lower case."""
    name: str
    """As a person writes it."""
    sid: str
    """Security identifier."""
    site: Site
    """Where the person works."""
    position: str
    """What the person does."""
    admin: bool = False
    """Whether a logon splits into two linked sessions, as a local administrator's does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One device."""

    number: int
    """Its place in the company, from 0."""
    id: str
    """Defender's identifier; empty where Defender is not installed."""
    name: str
    """Fully qualified name."""
    role: Role
    """What it is for."""
    sensor: Sensor
    """Who reports it."""
    site: Site
    """Where it stands."""
    users: tuple[Person, ...]
    """Its main user first; all who use it where it is shared."""
    ip: str
    """Its private address."""
    first_day: int = 0
    """Day of its first event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The cast and the machines that carry the story."""

    people: tuple[Person, ...]
    """Everybody who works in the part that is played in detail, executives first."""
    executives: tuple[Person, ...]
    """Those in the list; the crowd's come on top."""
    machines: tuple[Machine, ...]
    """Every machine that is played in detail."""
    monday: int
    """Index of the first Monday: the story's day 0."""
    shut: Machine
    """The laptop that is silent for three working weeks."""
    changed: Machine
    """The laptop that passes from an executive to an ordinary colleague."""
    heir: Person
    """Who has the changed laptop afterwards."""
    replacement: Machine
    """The executive's new laptop."""
    desk: Machine
    """The reception desk where the failed logons happen."""
    loan: Machine
    """Tagged Executive by hand, although no executive uses it."""

    def of_role(self, *roles: Role) -> tuple[Machine, ...]:
        """The machines of some roles, in order."""
        return tuple(m for m in self.machines if m.role in roles)


def device_id(seed: int, number: int) -> str:
    """Forty hex digits that look as random as Defender's, and are the same every time."""
    return sha1(f"{seed}/device/{number}".encode()).hexdigest()


def owners_on(company: Company, machine: Machine, day: int) -> tuple[Person, ...]:
    """Who uses a machine on a day: the changed laptop passes to its heir on the day of the handover."""
    if machine is company.changed and day >= company.monday + HANDOVER_DAY:
        return (company.heir,)
    return machine.users


def is_shut(company: Company, machine: Machine, day: int) -> bool:
    """Whether a machine is away, or not yet there, all day long."""
    if machine is company.shut and company.monday + SHUT_DAY < day < company.monday + REOPENED_DAY:
        return True
    return day < machine.first_day


def story_days(spec: CompanySpec, company: Company) -> dict[str, str]:
    """The dates of the story, by what happens."""
    names = {
        "laptop_shut_after": SHUT_DAY,
        "laptop_reopened": REOPENED_DAY,
        "laptop_handed_over": HANDOVER_DAY,
        "failed_logons": BURST_DAY,
    }
    return {name: (spec.start + timedelta(days=company.monday + day)).isoformat() for name, day in names.items()}
