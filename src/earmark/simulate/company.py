"""Who works where, on which machine, and what happens to some of them: the cast of a simulation.

In goes a `CompanySpec`, out comes a `Company`; it is drawn once, before the first event, so that the days can be played
one after the other from streams of chance of their own. The story's days count from the first Monday on:

    day  4  in the evening an executive shuts her laptop and goes away for three working weeks; day 28 she opens it again
    day  7  another executive gets a new laptop; the old one goes to an ordinary colleague
    day  9  at night somebody tries an executive's name again and again at a reception desk, and fails
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from hashlib import sha1
from random import Random

from earmark.simulate.names import FAMILY, GIVEN, POSITIONS, SITES, Site
from earmark.simulate.spec import DETAILED_DEVICES, CompanySpec

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


class _Cast:
    """Draws people and machines in one order; lives only while a company is built."""

    def __init__(self, spec: CompanySpec) -> None:
        self.chance = Random(f"{spec.seed}/company")
        self.seed = spec.seed
        self.authority = "S-1-5-21-" + "-".join(str(self.chance.randrange(10**8, 4 * 10**9)) for _ in range(3))
        self.accounts: set[str] = set()
        self.people: list[Person] = []
        self.machines: list[Machine] = []

    def hire(self, position: str, *, site: Site | None = None, prefix: str = "", admin: bool | None = None) -> Person:
        while True:
            given, family = self.chance.choice(GIVEN), self.chance.choice(FAMILY)
            account = f"{prefix}{given}.{family}".lower()
            if account not in self.accounts:
                break
        self.accounts.add(account)
        person = Person(
            account=account,
            name=f"{given} {family}",
            sid=f"{self.authority}-{1104 + len(self.people)}",
            site=site or self.chance.choice(SITES),
            position=position,
            admin=self.chance.random() < 0.1 if admin is None else admin,
        )
        self.people.append(person)
        return person

    def install(
        self,
        role: Role,
        kind: str,
        site: Site,
        users: tuple[Person, ...],
        *,
        sensor: Sensor = Sensor.DEFENDER,
        first_day: int = 0,
    ) -> Machine:
        number = len(self.machines)
        name = f"{site.code}-{kind}{number:02d}.{DOMAIN}"
        machine = Machine(
            number=number,
            id=device_id(self.seed, number) if sensor is Sensor.DEFENDER else "",
            name=name if sensor is Sensor.DEFENDER else name.replace(name.split(".")[0], name.split(".")[0].upper()),
            role=role,
            sensor=sensor,
            site=site,
            users=users,
            ip=f"{site.network}.{number // 200}.{20 + number % 200}",
            first_day=first_day,
        )
        self.machines.append(machine)
        return machine


def build_company(spec: CompanySpec) -> Company:
    """Draw the cast of a checked spec."""
    cast = _Cast(spec)
    monday = -spec.start.weekday() % 7
    leaders = [
        cast.hire(POSITIONS[i % len(POSITIONS)], site=SITES[0] if i < 3 else None, admin=i == 4)
        for i in range(min(spec.executives, DETAILED_DEVICES // 4))
    ]
    assistants = [
        cast.hire("Executive Assistant", site=leader.site, admin=False)
        for leader in leaders[: max(3, len(leaders) // 2)]
    ]
    staff = [cast.hire("Staff") for _ in range(min(spec.devices, DETAILED_DEVICES) // 2)]
    laptops = []
    for i, leader in enumerate(leaders):
        helper = (assistants[i],) if i < len(assistants) else ()
        laptops.append(cast.install(Role.EXECUTIVE, "l", leader.site, (leader, *helper)))
    heir = next(p for p in staff if not p.admin)
    changed_owner = leaders[2]
    replacement = cast.install(
        Role.EXECUTIVE, "l", changed_owner.site, (changed_owner, assistants[2]), first_day=monday + HANDOVER_DAY
    )
    loan, desk = _install_shared(cast, assistants, staff)
    for assistant in assistants:
        cast.install(Role.STAFF, "l", assistant.site, (assistant,))
    owners = iter([p for p in staff if p is not heir])
    while len(cast.machines) < min(spec.devices, DETAILED_DEVICES):
        owner = next(owners, None) or cast.hire("Staff")
        cast.install(Role.STAFF, "l", owner.site, (owner,))
    return Company(
        people=tuple(cast.people),
        executives=tuple(leaders),
        machines=tuple(cast.machines),
        monday=monday,
        shut=laptops[1],
        changed=laptops[2],
        heir=heir,
        replacement=replacement,
        desk=desk,
        loan=loan,
    )


def _install_shared(cast: _Cast, assistants: list[Person], staff: list[Person]) -> tuple[Machine, Machine]:
    """Everything that is nobody's own; gives back the loan laptop and the first reception desk."""
    helpdesk = tuple(cast.hire("Helpdesk", site=SITES[0], prefix="adm-", admin=False) for _ in range(3))
    red_team = tuple(cast.hire("Red team", site=SITES[0], prefix="rt-", admin=True) for _ in range(2))
    loan = cast.install(Role.LOAN, "loan", SITES[0], helpdesk)
    desks = [
        cast.install(
            Role.RECEPTION, "desk", site, tuple(cast.hire("Reception", site=site, admin=False) for _ in range(6))
        )
        for site in SITES[:3]
    ]
    for site in SITES[:3]:
        cast.install(Role.KIOSK, "kiosk", site, tuple(cast.chance.sample(staff, 9)))
    for site in SITES[:2]:
        cast.install(Role.SERVER, "srv", site, helpdesk)
    for site in SITES[:2]:
        cast.install(Role.SERVER, "fs", site, helpdesk, sensor=Sensor.WINLOGBEAT)
    for site in SITES[:2]:
        cast.install(Role.DOMAIN_CONTROLLER, "dc", site, helpdesk, sensor=Sensor.NXLOG)
    for member in red_team:
        cast.install(Role.RED_TEAM, "rt", SITES[0], (member,))
    return loan, desks[0]


def device_id(seed: int, number: int) -> str:
    """Forty hex digits that look as random as Defender's, and are the same every time."""
    return sha1(f"{seed}/device/{number}".encode()).hexdigest()


def owners_on(company: Company, machine: Machine, day: int) -> tuple[Person, ...]:
    """Who uses a machine on a day: the changed laptop has one set of users before its handover, another from then on."""
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
