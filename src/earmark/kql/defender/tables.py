"""The tables of Microsoft Defender's advanced hunting: names, columns and types.

In comes `tables.txt` beside this file (facts only; its head names the sources), out come mappings and sets of names.
A text file with a column a line keeps a change of the schema readable in a diff; it is parsed once, in a millisecond
or so. Two tables that Microsoft removed have no columns here, because none are known for them any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType

from earmark.kql.base import Columns, Tables


class Standing(StrEnum):
    """What has become of a table's name."""

    CURRENT = "current"
    """In use."""
    WORKSPACE = "workspace"
    """Exists only where Defender streams to a Sentinel workspace."""
    RENAMED = "renamed"
    """Of the past: one other table holds the same."""
    ALIAS = "alias"
    """Another spelling of a table that is in use."""
    SPLIT = "split"
    """Of the past: several other tables hold the same between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of advanced hunting."""

    name: str
    """Its name; names are case-sensitive, and two differ in case alone (GraphApiAuditEvents, GraphAPIAuditEvents)."""
    standing: Standing
    """Whether the name is of today."""
    successors: tuple[str, ...]
    """The tables that took its place, where the name is of the past."""
    columns: Columns
    """Column names with their KQL types, in order."""


DEVICE_TELEMETRY = frozenset(
    {
        "DeviceEvents",
        "DeviceFileCertificateInfo",
        "DeviceFileEvents",
        "DeviceImageLoadEvents",
        "DeviceInfo",
        "DeviceLogonEvents",
        "DeviceNetworkEvents",
        "DeviceNetworkInfo",
        "DeviceProcessEvents",
        "DeviceRegistryEvents",
    }
)
"""The tables that a device's sensor fills as things happen: each has Timestamp, DeviceId, DeviceName and ReportId."""


@cache
def known_tables() -> Mapping[str, Table]:
    """Every table, by name."""
    text = Path(__file__).with_name("tables.txt").read_text(encoding="utf-8")
    found: dict[str, Table] = {}
    head: list[str] = []
    columns: list[tuple[str, str]] = []
    for line in [*text.splitlines(), "end"]:
        if line.startswith("#"):
            continue
        if line.startswith(" "):
            name, _, kind = line.strip().partition(" ")
            columns.append((name, kind or "string"))
            continue
        if head:
            standing = Standing(head[1]) if len(head) > 1 else Standing.CURRENT
            found[head[0]] = Table(name=head[0], standing=standing, successors=tuple(head[2:]), columns=tuple(columns))
        head, columns = line.split(), []
    return MappingProxyType(found)


@cache
def _columns() -> Tables:
    return MappingProxyType({name: table.columns for name, table in known_tables().items()})


TABLES: Tables
"""Table → columns (name, KQL type) in order; read from the file when first asked for."""


def __getattr__(name: str) -> Tables:
    if name == "TABLES":
        return _columns()
    raise AttributeError(name)
