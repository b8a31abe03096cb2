"""The flow's hunt, as `plan` runs it, against SQL written by hand and against Polars.

All three have the same files (of the days in question) and threads, and must give the same rows. The hunt and the SQL
by hand each open a DuckDB of their own, as every hunt does.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from benchmarks.big_project import FLOW, BigProject, Size, big_project
from benchmarks.measure import Spent, in_turn, say, spent_by
from earmark.app import open_project
from earmark.estates.embedded.physical import ticks_of
from earmark.hunting.local_cells import datetime_cell
from earmark.services.clock import Clock

Rows = set[tuple[Any, ...]]
TARGET = 1.15
THREADS = os.cpu_count() or 1
LOGON_TYPES = ("Interactive", "RemoteInteractive", "CachedInteractive", "CachedRemoteInteractive")
BY_HAND = """
WITH users AS (
  SELECT "DeviceId", "DeviceName", "AccountName", count(*) AS logons, max("Timestamp") AS last
  FROM read_parquet($files)
  WHERE "Timestamp" > $since AND "Timestamp" <= $until AND "ActionType" = 'LogonSuccess'
    AND "LogonType" IN ('Interactive', 'RemoteInteractive', 'CachedInteractive', 'CachedRemoteInteractive')
    AND NOT ends_with("AccountName", '$') AND NOT regexp_matches("AccountName", '^(dwm|umfd)-[0-9]+$', 'i')
  GROUP BY ALL),
most AS (SELECT "DeviceId", max(logons) AS most FROM users GROUP BY ALL)
SELECT users.* FROM users JOIN most USING ("DeviceId")
WHERE logons = most AND lower("AccountName") IN (SELECT lower(unnest($executives)))"""


def hunt_of(project: BigProject) -> Callable[[], Rows]:
    """The flow's own hunt, with its answers of the language service kept from an earlier one."""
    now = datetime.fromisoformat(project.now)
    workspace = open_project(project.folder, env=None, clock=Clock(pinned_at=now)).workspace()
    query = workspace.project.flow(FLOW).hunt.query

    def hunt() -> Rows:
        result = workspace.hunt(query)
        assert result.complete, result.why_not
        return set(result.rows)

    return hunt


def by_hand_of(project: BigProject) -> Callable[[], Rows]:
    """The SQL above, in a DuckDB with the memory and threads that a hunt has."""
    files, since, until, executives = _inputs(project)
    values = {"files": files, "since": since, "until": until, "executives": executives}

    def by_hand() -> Rows:
        with duckdb.connect(config={"threads": THREADS, "memory_limit": "2GB"}) as connection:
            found = connection.execute(BY_HAND, values).fetchall()
        return {(*row[:-1], datetime_cell(row[-1])) for row in found}

    return by_hand


def polars_of(project: BigProject) -> Callable[[], Rows]:
    """The same in Polars."""
    files, since, until, executives = _inputs(project)
    wanted = [name.lower() for name in executives]
    account = pl.col("AccountName")

    def in_polars() -> Rows:
        users = (
            pl.scan_parquet(files)
            .filter(
                (pl.col("Timestamp") > since)
                & (pl.col("Timestamp") <= until)
                & (pl.col("ActionType") == "LogonSuccess")
                & pl.col("LogonType").is_in(LOGON_TYPES)
                & ~account.str.ends_with("$")
                & ~account.str.contains(r"(?i)^(dwm|umfd)-\d+$")
            )
            .group_by("DeviceId", "DeviceName", "AccountName")
            .agg(pl.len().alias("logons"), pl.col("Timestamp").max().alias("last"))
        )
        most = users.group_by("DeviceId").agg(pl.col("logons").max().alias("most"))
        found = (
            users.join(most, on="DeviceId")
            .filter((pl.col("logons") == pl.col("most")) & account.str.to_lowercase().is_in(wanted))
            .select("DeviceId", "DeviceName", "AccountName", "logons", "last")
            .collect()
        )
        return {(*row[:-1], datetime_cell(row[-1])) for row in found.rows()}

    return in_polars


def _inputs(project: BigProject) -> tuple[list[str], int, int, list[str]]:
    """The files of the days in question, the bounds in ticks, and the executives' accounts."""
    end = datetime.fromisoformat(project.now)
    start = end - timedelta(days=7)
    table = project.folder / "estate" / "events" / "table=DeviceLogonEvents"
    days = [(start + timedelta(days=n)).date().isoformat() for n in range(8)]
    files = [str(file) for day in days for file in sorted((table / f"day={day}").glob("*.parquet"))]
    return files, ticks_of(start), ticks_of(end), _accounts(project.folder / "lists" / "Executives.csv")


def _accounts(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row["AccountName"] for row in csv.DictReader(file)]


def run(size: Size) -> None:
    project = big_project(size)
    contestants = {
        "the flow's hunt": hunt_of(project),
        "SQL by hand": by_hand_of(project),
        "Polars": polars_of(project),
    }
    found = {name: work() for name, work in contestants.items()}
    assert all(rows == found["SQL by hand"] for rows in found.values()), "they must give the same rows"

    def measured(work: Callable[[], Rows]) -> Callable[[], Spent]:
        return lambda: spent_by(work)

    spent = in_turn({name: measured(work) for name, work in contestants.items()}, rounds=size.rounds)
    say("events, devices", f"{size.events:,}, {size.devices:,}; {len(found['SQL by hand']):,} rows, the same from all")
    for name, one in spent.items():
        say(name, one)
    hunt = spent["the flow's hunt"]
    for name in ("SQL by hand", "Polars"):
        ratio, work = hunt.seconds / spent[name].seconds, hunt.processor / spent[name].processor
        target = f"at most {TARGET}" if name == "SQL by hand" else ""
        say(f"the flow's hunt / {name}", f"{ratio:.2f} on the clock, {work:.2f} in processor time", target)
