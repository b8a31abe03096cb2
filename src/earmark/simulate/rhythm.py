"""What people and machines do on an ordinary day: logons, as facts that no sensor has put in words yet.

In goes a `Company`, out come `Logon` records in order of time. Every machine and day has a stream of chance of its
own, so a change to one habit does not move all the others. People keep the hours of their site; instants are
microseconds of UTC since the first day.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from earmark.simulate.company import SHUT_DAY, Company, Machine, Person, Role, is_shut, owners_on
from earmark.simulate.diary import DAY, HOUR, SECOND, Diary, Logon
from earmark.simulate.spec import CompanySpec


def play_days(company: Company, spec: CompanySpec) -> Iterator[list[Logon]]:
    """The ordinary logons, a list a day (the day of the machine's own clock)."""
    busy = spec.logons_per_day / 6
    for day in range(-1, spec.days + 1):
        diary = Diary(company, spec.days)
        for machine in company.machines:
            if not is_shut(company, machine, day):
                _play(diary, machine, day, Random(f"{spec.seed}/{machine.number}/{day}"), busy)
        yield diary.logons


def _play(diary: Diary, machine: Machine, day: int, chance: Random, busy: float) -> None:
    weekend = (day - diary.company.monday) % 7 >= 5
    if machine.role in (Role.EXECUTIVE, Role.STAFF):
        _play_laptop(diary, machine, day, chance, busy, weekend)
    elif machine.role in (Role.RECEPTION, Role.KIOSK):
        _play_shared(diary, machine, day, chance, busy, weekend)
    elif machine.role is Role.LOAN:
        if not weekend and chance.random() < 0.4:
            _work(diary, machine, day, chance, chance.choice(machine.users), 1, busy)
    elif machine.role is Role.RED_TEAM:
        _play_red_team(diary, machine, day, chance, weekend)
    else:
        _play_server(diary, machine, day, chance, weekend)


def _at(machine: Machine, day: int, hour: float, chance: Random, spread: float = 0.0) -> int:
    """An instant from an hour on the wall clock of the machine's site."""
    local = hour + (chance.random() * 2 - 1) * spread
    return day * DAY + int((local - machine.site.hours) * HOUR * SECOND) + chance.randrange(SECOND)


def _work(diary: Diary, machine: Machine, day: int, chance: Random, person: Person, logons: int, busy: float) -> None:
    """A person's working day on a machine: the first logon in the morning, more in the day, unlocking in between."""
    away = chance.random() < 0.15
    diary.person(
        machine, _at(machine, day, 8.6, chance, 0.9), person, "CachedInteractive" if away else "Interactive", chance
    )
    for _ in range(logons - 1):
        diary.person(machine, _at(machine, day, 13.2, chance, 3.2), person, "Interactive", chance)
    for _ in range(round(chance.randrange(1, 4) * busy)):
        diary.person(machine, _at(machine, day, 13, chance, 3.4), person, "Unlock", chance)


def _play_laptop(diary: Diary, machine: Machine, day: int, chance: Random, busy: float, weekend: bool) -> None:
    company = diary.company
    owner, *assistants = owners_on(company, machine, day)
    leads = machine.role is Role.EXECUTIVE
    in_story = machine in (company.shut, company.changed, company.replacement)
    if weekend:
        if not in_story and chance.random() < (0.25 if leads else 0.06):
            diary.person(machine, _at(machine, day, 19, chance, 2.5), owner, "CachedInteractive", chance)
        return
    if not in_story and chance.random() < 0.06:
        return
    if chance.random() < 0.7:
        # One laptop's graphics driver keeps crashing: its window manager logs on more often than its owner.
        for _ in range(5 if machine.number == 5 else 1):
            diary.boot(machine, _at(machine, day, 7.6, chance, 0.1), chance)
    _work(
        diary,
        machine,
        day,
        chance,
        owner,
        max(1, round(chance.randrange(2, 5) * busy)) if leads else max(1, round(busy)),
        busy,
    )
    if assistants and chance.random() < 0.5:
        diary.person(machine, _at(machine, day, 11.5, chance, 2.5), assistants[0], "Interactive", chance)
    if not leads and chance.random() < 0.04:
        desk = company.loan.users[chance.randrange(3)]
        diary.person(
            machine, _at(machine, day, 15, chance, 1), desk, "RemoteInteractive", chance, remote=company.loan.ip
        )
    late = machine is company.shut and day == company.monday + SHUT_DAY
    if leads and not late and chance.random() < 0.3:
        diary.person(machine, _at(machine, day, 19.5, chance, 1.5), owner, "CachedInteractive", chance)
    if chance.random() < 0.05:
        diary.note(
            machine, _at(machine, day, 8.2, chance, 0.3), owner.account, "Interactive", chance, sid=owner.sid, ok=False
        )


def _play_shared(diary: Diary, machine: Machine, day: int, chance: Random, busy: float, weekend: bool) -> None:
    """A desk is open on weekdays in shifts; a kiosk all week, with a boot every night and many short visits."""
    kiosk = machine.role is Role.KIOSK
    if weekend and not kiosk:
        return
    diary.boot(machine, _at(machine, day, 4 if kiosk else 6.8, chance, 0.05), chance)
    visitors = chance.sample(machine.users, 5 if kiosk and not weekend else 3)
    for person in visitors:
        for _ in range(max(1, round(chance.randrange(1, 3) * busy))):
            diary.person(machine, _at(machine, day, 13, chance, 5.5), person, "Interactive", chance)


def _play_server(diary: Diary, machine: Machine, day: int, chance: Random, weekend: bool) -> None:
    """Services and machine accounts at every hour; now and then the helpdesk comes by over Remote Desktop."""
    peers = diary.company.machines
    for hour in range(0, 24, 2):
        at = day * DAY + (hour * HOUR + chance.randrange(2 * HOUR)) * SECOND + chance.randrange(SECOND)
        diary.note(machine, at, "SYSTEM", "Service", chance, domain="NT AUTHORITY", admin=True)
        peer = peers[chance.randrange(len(peers))]
        if peer.role in (Role.SERVER, Role.DOMAIN_CONTROLLER, Role.KIOSK) and peer is not machine:
            name = peer.name.split(".")[0].upper() + "$"
            diary.note(machine, at + SECOND, name, "Network", chance, domain="CORP.EXAMPLE", remote=peer.ip)
    if weekend:
        return
    if machine.role is Role.SERVER:
        for person in chance.sample(diary.company.people, 8):
            remote = f"{person.site.network}.1.{chance.randrange(20, 220)}"
            diary.note(
                machine,
                _at(machine, day, 12, chance, 4),
                person.account,
                "Network",
                chance,
                sid=person.sid,
                remote=remote,
            )
    if chance.random() < 0.35:
        at, visitor = _at(machine, day, 14, chance, 4), chance.choice(machine.users)
        diary.person(machine, at, visitor, "RemoteInteractive", chance, remote=diary.company.loan.ip)
        diary.boot(machine, at, chance, session=2 + chance.randrange(3))


def _play_red_team(diary: Diary, machine: Machine, day: int, chance: Random, weekend: bool) -> None:
    """Works at odd hours and under other accounts' names."""
    member = machine.users[0]
    if weekend and chance.random() < 0.6:
        return
    for _ in range(chance.randrange(1, 4)):
        diary.person(machine, _at(machine, day, 23, chance, 4), member, "Interactive", chance)
    targets = diary.company.of_role(Role.STAFF, Role.SERVER)
    for target in chance.sample(targets, 2):
        at = _at(machine, day, 25, chance, 2.5)
        diary.note(target, at, member.account, "Network", chance, sid=member.sid, remote=machine.ip)
    if chance.random() < 0.3:
        victim = chance.choice(diary.company.people)
        diary.note(machine, _at(machine, day, 25, chance, 1), victim.account, "NewCredentials", chance, sid=victim.sid)
