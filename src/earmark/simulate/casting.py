"""Draws the cast of a simulation: people first, then the machines they use, always in the same order.

In goes a checked `CompanySpec`, out comes a `Company`; every choice comes from one stream of chance, so the same seed
gives the same company.
"""

from __future__ import annotations

from random import Random

from earmark.simulate.company import DOMAIN, HANDOVER_DAY, Company, Machine, Person, Role, Sensor, device_id
from earmark.simulate.names import FAMILY, GIVEN, POSITIONS, SITES, Site
from earmark.simulate.spec import DETAILED_DEVICES, CompanySpec


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
    loan, desk = _install_shared(cast, staff)
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


def _install_shared(cast: _Cast, staff: list[Person]) -> tuple[Machine, Machine]:
    """Everything that is nobody's own; gives back the loan laptop and the first reception desk."""
    helpdesk = tuple(cast.hire("Helpdesk", site=SITES[0], prefix="adm-", admin=n == 0) for n in range(3))
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
