"""Logons as facts, and the diary that they are written down in.

Instants are microseconds of UTC since the first day; whatever falls outside of the days asked for is dropped here,
and nowhere else.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from earmark.simulate.company import Company, Machine, Person, Role

SECOND = 1_000_000
DAY = 86_400 * SECOND
HOUR = 3_600


class Logon(NamedTuple):
    """One logon, or one attempt."""

    at: int
    """Microseconds since the first day began, UTC."""
    machine: int
    """Number of the machine it happened on."""
    account: str
    """The account, as the sensor spells it."""
    domain: str
    """NetBIOS domain, or the DNS domain where Kerberos says it."""
    sid: str
    """Security identifier."""
    kind: str
    """Logon type in Defender's words."""
    ok: bool
    """Whether it succeeded."""
    admin: bool
    """Whether the session is elevated."""
    remote: str
    """Address it came from; empty when local."""
    session: int
    """Logon id."""
    linked: int
    """The other session's id where a logon was split in two; else 0."""


class Diary:
    """Writes logons down; drops what falls outside of the days asked for."""

    def __init__(self, company: Company, days: int) -> None:
        self.company = company
        self.end = days * DAY
        self.logons: list[Logon] = []
        self.controllers = company.of_role(Role.DOMAIN_CONTROLLER)

    def note(
        self,
        machine: Machine,
        at: int,
        account: str,
        kind: str,
        chance: Random,
        *,
        sid: str = "S-1-5-18",
        domain: str = "CORP",
        ok: bool = True,
        admin: bool = False,
        remote: str = "",
        linked: int = 0,
    ) -> int:
        """Write one logon down and give back its session."""
        session = chance.randrange(0x10000, 0x7FFFFFF)
        if 0 <= at < self.end:
            self.logons.append(
                Logon(at, machine.number, account, domain, sid, kind, ok, admin, remote, session if ok else 0, linked)
            )
        return session

    def person(self, machine: Machine, at: int, person: Person, kind: str, chance: Random, *, remote: str = "") -> None:
        """A person's logon: split in two for an administrator, often with a ticket fetched from a domain controller."""
        session = self.note(
            machine, at, person.account, kind, chance, sid=person.sid, admin=person.admin, remote=remote
        )
        if person.admin and kind != "Unlock":
            self.note(machine, at, person.account, kind, chance, sid=person.sid, remote=remote, linked=session)
        if kind in ("Interactive", "RemoteInteractive") and chance.random() < 0.6:
            controller = self.controllers[chance.random() < 0.4]
            at += chance.randrange(SECOND)
            self.note(
                controller,
                at,
                person.account,
                "Network",
                chance,
                sid=person.sid,
                domain="CORP.EXAMPLE",
                remote=machine.ip,
            )

    def boot(self, machine: Machine, at: int, chance: Random, *, session: int = 1) -> None:
        """The window manager's own accounts log on as Interactive, and the machine greets its domain controller."""
        for number in (0, session):
            self.note(
                machine,
                at,
                f"UMFD-{number}",
                "Interactive",
                chance,
                sid=f"S-1-5-96-0-{number}",
                domain="Font Driver Host",
            )
        for _ in range(2):
            sid = f"S-1-5-90-0-{session}"
            self.note(
                machine,
                at + SECOND,
                f"DWM-{session}",
                "Interactive",
                chance,
                sid=sid,
                domain="Window Manager",
                admin=True,
            )
        name = machine.name.split(".")[0].upper() + "$"
        controller = self.controllers[chance.random() < 0.4]
        if controller is not machine:
            at += 2 * SECOND + chance.randrange(SECOND)
            self.note(controller, at, name, "Network", chance, domain="CORP.EXAMPLE", remote=machine.ip)
