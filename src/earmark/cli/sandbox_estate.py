"""The estate that `earmark sandbox` serves: a simulated one, kept for the day, or one that somebody names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from earmark.estates.embedded.estate import EmbeddedEstate

DAYS = 30
_LOGONS_A_DEVICE = 20
_FEWEST_LOGONS, _MOST_LOGONS = 60_000, 500_000
"""Logons of a large company: enough to hunt in, and a start of seconds."""


@contextmanager
def sandbox_estate(
    place: Path, given: Path | None, *, keep: bool, devices: int, seed: int, today: date
) -> Iterator[EmbeddedEstate]:
    """The estate that a sandbox works on: a copy, unless what it changes is to be kept."""
    from earmark.estates.embedded.estate import EmbeddedEstate
    from earmark.sandbox.folder import working_copy

    source = _simulated(place, devices, seed, today) if given is None else _estate_folder(given)
    if keep:
        yield EmbeddedEstate(source)
        return
    with working_copy(source) as estate:
        yield estate


def _estate_folder(given: Path) -> Path:
    """The estate's folder, where the folder of a project or of an estate was named."""
    from earmark.app import open_project
    from earmark.errors import UsageError
    from earmark.services.clock import Clock

    if (given / "devices.db").is_file():
        return given
    if (given / "earmark.yaml").is_file():
        return open_project(given, env=None, clock=Clock()).project.settings.estate.path
    raise UsageError(
        f"{given} is neither an embedded estate nor a project.",
        hint="An estate holds devices.db, a project earmark.yaml; `earmark import` fills a project's estate.",
    )


def _simulated(place: Path, devices: int, seed: int, today: date) -> Path:
    """An estate with the last thirty days of a company; kept for the next start of the same day."""
    import shutil
    from tempfile import mkdtemp

    from earmark.cli.render.progress import Bar
    from earmark.estates.embedded.estate import EmbeddedEstate
    from earmark.estates.embedded.importer import import_paths
    from earmark.simulate import TABLES, CompanySpec, write_company

    kept = place / f"estate-{devices}-{seed}-{today}"
    if kept.is_dir():
        return kept
    for old in place.glob(f"estate-{devices}-{seed}-*"):
        shutil.rmtree(old, ignore_errors=True)
    logons = min(max(_FEWEST_LOGONS, devices * _LOGONS_A_DEVICE), _MOST_LOGONS)
    spec = CompanySpec(
        seed=seed,
        devices=devices,
        days=DAYS,
        start=today - timedelta(days=DAYS - 1),
        logon_events=logons if devices > 200 else None,
        only=frozenset({*TABLES, "inventory"}),
        truth=False,
        imperfect=False,
        compress=False,
    )
    work = Path(mkdtemp(prefix="unfinished-", dir=place))
    try:
        with Bar("simulating") as bar:
            write_company(work / "files", spec, progress=bar.update)
        with Bar("importing") as bar:
            end = datetime.combine(today + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
            import_paths(
                [work / "files"],
                estate=EmbeddedEstate(work / "estate"),
                rejects=work / "rejects.jsonl",
                progress=lambda file, done, total: bar.update(done, total, file.name),
                table=None,
                now=end,
                memory=10**9,
            )
        (work / "estate").rename(kept)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return kept
