"""Which tables of advanced hunting a tenant has.

Hunts that read no row are enough: a table that is not there is refused by name. Many tables go into one hunt, since
hunts are counted; a refusal takes the table it names out, and the rest is asked again. What stays without an answer is
unknown, never missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from earmark.errors import EarmarkError, EstateError, HuntError
from earmark.kql.defender.lexer import Kind, tokens
from earmark.kql.defender.tables import Standing, known_tables
from earmark.model.hunt import HuntResult

BATCH = 20
"""Tables of one hunt."""
MOST_HUNTS = 40
"""A tenant answers 45 a minute, and others hunt there, too."""
_NAMED = re.compile(r"\bnamed? '(\w+)'")
"""How Kusto's refusals name what they do not know: "expression named 'X'", "The name 'X' does not refer to …"."""


@dataclass(slots=True)
class TablesFound:
    """What is known of the tables asked for."""

    present: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    """Table → why it is not known."""
    hunts: int = 0
    """How many hunts it took."""


def current_tables() -> tuple[str, ...]:
    """The tables of advanced hunting that are in use, sorted."""
    return tuple(sorted(t.name for t in known_tables().values() if t.standing is Standing.CURRENT and t.columns))


def named_tables(query: str) -> frozenset[str]:
    """The tables of advanced hunting that a query names."""
    return frozenset(word.text for word in tokens(query) if word.kind is Kind.NAME and word.text in known_tables())


def find_tables(hunt: Callable[[str], HuntResult], tables: Sequence[str]) -> TablesFound:
    """Ask for some tables; raises what stops every hunt (signing in, a missing permission)."""
    found = TablesFound()
    waiting = [list(tables[at : at + BATCH]) for at in range(0, len(tables), BATCH)]
    while waiting:
        batch = waiting.pop()
        if found.hunts >= MOST_HUNTS:
            found.unknown |= dict.fromkeys(batch, f"not asked: {MOST_HUNTS} hunts are enough at a time")
            continue
        waiting += _ask(hunt, batch, found)
    for names in (found.present, found.missing):
        names.sort()
    return found


def _ask(hunt: Callable[[str], HuntResult], batch: list[str], found: TablesFound) -> list[list[str]]:
    """One hunt; what is to be asked again."""
    found.hunts += 1
    try:
        result = hunt(query_for(batch))
    except HuntError as refused:
        return _sort_out(refused, batch, found)
    except EstateError as error:
        found.unknown |= dict.fromkeys(batch, error.message)
        return []
    if result.columns:  # bound and run; that it read nothing says nothing of the tenant's data
        found.present += batch
    else:
        found.unknown |= dict.fromkeys(batch, result.why_not or "the hunt was not complete")
    return []


def _sort_out(refused: EarmarkError, batch: list[str], found: TablesFound) -> list[list[str]]:
    named = set(_NAMED.findall(refused.message)) & set(batch)
    if not named and not is_about_names(refused.message):
        found.unknown |= dict.fromkeys(batch, refused.message)
        return []
    if len(batch) == 1:
        found.missing += batch
        return []
    if named:
        found.missing += sorted(named)
        rest = [name for name in batch if name not in named]
        return [rest] if rest else []
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]]


def is_about_names(said: str) -> bool:
    """Whether a refusal is for a name that the tenant does not know."""
    return "resolve" in said.lower() or "does not refer" in said.lower()


def query_for(tables: Sequence[str]) -> str:
    """A hunt that reads no row and binds only where all the tables exist."""
    parts = [f"{table} | take 0 | project Present = 1" for table in tables]
    return parts[0] if len(parts) == 1 else "union " + ", ".join(f"({part})" for part in parts)
