"""Machines as the tenant lists them, read tolerantly: unknown fields are passed over, missing ones are empty.

https://learn.microsoft.com/defender-endpoint/api/machine and …/api/get-machines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from earmark.errors import EstateError
from earmark.estates.defender.client import Answer, Client
from earmark.estates.defender.faults import CallRefused, clean
from earmark.estates.defender.operations import GET_MACHINE, LIST_MACHINES

MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What Earmark reads of a machine."""

    id: str
    name: str
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    tags: tuple[str, ...]
    """Of whatever origin; each once."""


class PartialList(EstateError):
    """A list that broke off; what was read is in `machines`."""

    def __init__(self, machines: dict[str, Machine], why: str) -> None:
        super().__init__(why)
        self.machines = machines


def list_machines(client: Client) -> dict[str, Machine]:
    """Every machine by id; `PartialList` when a page cannot be had."""
    machines: dict[str, Machine] = {}
    strange = 0
    try:
        for page in _pages(client):
            values = page.document.get("value")
            if not isinstance(values, list):
                raise EstateError("a page of the tenant's machines holds no list of them.")
            for value in values:
                machine = read_machine(value)
                if machine is None:
                    strange += 1
                else:
                    machines[machine.id] = machine
    except EstateError as error:
        raise PartialList(machines, f"{error.message} {len(machines)} machines were read before.") from None
    if strange:
        raise PartialList(machines, f"{strange} machines of the tenant's list have no usable id or tags.")
    return machines


def _pages(client: Client) -> Iterator[Answer]:
    try:
        page = client.call(LIST_MACHINES)
    except CallRefused as error:
        if error.status == 404:  # documented: there are no recent machines
            return
        raise
    seen: set[str] = set()
    while True:
        yield page
        link = page.document.get("@odata.nextLink")
        if not link:
            return
        if str(link) in seen or len(seen) >= MOST_PAGES:
            raise EstateError("the pages of the tenant's machines lead in a circle.")
        seen.add(str(link))
        page = client.follow(LIST_MACHINES, link)


def get_machine(client: Client, device: str) -> Machine | None:
    """One machine by its id; None where the tenant knows none."""
    try:
        answer = client.call(GET_MACHINE, device)
    except CallRefused as error:
        if error.status in (400, 404):  # 400: what was asked for cannot be an id
            return None
        raise
    machine = read_machine(answer.document)
    if machine is None or machine.id != device.lower():
        raise EstateError(f"the tenant answered with another machine than {clean(device)}.")
    return machine


def read_machine(value: Any) -> Machine | None:
    """A machine from its JSON; None without an id, or where its tags are no list: unknown is not untagged."""
    if not isinstance(value, dict):
        return None
    key = value.get("id")
    if not isinstance(key, str) or not key.strip():
        return None
    tags = value.get("machineTags")
    if not isinstance(tags, list | None):
        return None
    return Machine(
        id=key.strip().lower(),
        name=_text(value.get("computerDnsName")),
        first_seen_at=read_instant(value.get("firstSeen")),
        last_seen_at=read_instant(value.get("lastSeen")),
        tags=tuple(dict.fromkeys(t for t in tags or () if isinstance(t, str) and t)),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def read_instant(value: Any) -> datetime | None:
    """An instant with up to seven fractional digits, UTC; None for whatever is none."""
    if not isinstance(value, str) or len(value) < 10:
        return None
    text = value
    if len(text) > 26 and text[19] == ".":  # Python reads six digits of a second
        digits = text[20:].rstrip("Zz")
        text = text[:20] + digits[:6] + ("Z" if digits != text[20:] else "") if digits.isdigit() else text
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year > 1 else None  # .NET's year 1 stands for never
