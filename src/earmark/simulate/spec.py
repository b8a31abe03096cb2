"""What a simulation is asked for, and what it says it wrote.

A `CompanySpec` is checked before a file is touched; everything that shapes the output is in it, so equal specs give
equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from earmark.errors import UsageError
from earmark.model.nearest import did_you_mean

TABLES = (
    *("DeviceLogonEvents", "DeviceInfo", "DeviceNetworkInfo", "DeviceProcessEvents", "DeviceNetworkEvents"),
    *("AlertInfo", "AlertEvidence"),
)
"""Tables of the streaming export that the simulator can write."""
KINDS = (*TABLES, "nxlog", "winlogbeat", "inventory")
"""Everything that `only` may name: the tables, the two shapes of Windows Security events, and the inventory."""

MINIMUM_DEVICES = 40
"""Fewer do not hold every role of the story."""
MINIMUM_EXECUTIVES = 4
DETAILED_DEVICES = 200
"""Up to so many devices are played one by one; the others of a large company are a crowd drawn in bulk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanySpec:
    """The company to play; equal specs give byte-identical files."""

    seed: int = 7
    """Chooses names, habits and moments."""
    start: date = date(2026, 1, 5)
    """First day, in UTC; the story begins on the first Monday from here on."""
    days: int = 30
    """How many days are played."""
    devices: int = 72
    """Machines of every kind, those without Defender included."""
    executives: int = 10
    """People in lists/Executives.csv."""
    logons_per_day: float = 6.0
    """Logon rows of an ordinary device on a working day, about; in a crowd the mean over all days."""
    logon_events: int | None = None
    """Exact number of distinct DeviceLogonEvents rows; the crowd is made to fit, so it needs more than 200 devices."""
    only: frozenset[str] | None = None
    """Write these kinds alone (see `KINDS`); None for all."""
    compress: bool = True
    """Gzip all but the newest two days; False writes plain JSON lines only."""
    imperfect: bool = True
    """Repeat some rows and cut the last line of one blob short, as at-least-once delivery and growing blobs do."""
    truth: bool = True
    """Write truth.json; leave it out for large companies (it covers the devices that are played one by one)."""

    def writes(self, kind: str) -> bool:
        """Whether files of this kind are asked for."""
        return self.only is None or kind in self.only

    @property
    def crowd(self) -> int:
        """How many devices are drawn in bulk."""
        return 0 if self.devices <= DETAILED_DEVICES else self.devices - DETAILED_DEVICES


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What `write_company` left on disk."""

    counts: Mapping[str, int]
    """Lines by kind, repeats included."""
    files: tuple[Path, ...]
    """Every file, sorted."""
    size: int
    """Bytes of all files together."""


def check_spec(spec: CompanySpec) -> None:
    """Refuse what cannot be played; raises UsageError with what to ask for instead."""
    for kind in sorted(spec.only or ()):
        if kind not in KINDS:
            raise UsageError(
                f"The simulator does not write '{kind}'.{did_you_mean(kind, KINDS)}",
                hint=f"It writes {', '.join(KINDS)}.",
            )
    _at_least("days", spec.days, 1)
    _at_least("devices", spec.devices, MINIMUM_DEVICES)
    _at_least("executives", spec.executives, MINIMUM_EXECUTIVES)
    if spec.logons_per_day <= 0:
        raise UsageError(
            f"logons_per_day is {spec.logons_per_day}, expected more than 0.", hint="6 is an ordinary company."
        )
    if spec.executives > spec.devices // 4:
        raise UsageError(
            f"{spec.executives} executives do not fit {spec.devices} devices: at most a quarter can be theirs.",
            hint=f"Ask for {spec.devices // 4} executives, or for {spec.executives * 4} devices.",
        )
    if spec.logon_events is not None and not spec.crowd:
        raise UsageError(
            f"logon_events needs more than {DETAILED_DEVICES} devices, and {spec.devices} were asked for.",
            hint="Smaller companies follow their people's habits: set logons_per_day instead.",
        )


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise UsageError(f"{name} is {value}, expected at least {least}.", hint=f"Ask for {least} or more.")
