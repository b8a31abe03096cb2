"""Import of Defender's streaming export: rows for each second of processor time, and the same files imported again.

Beside it DuckDB alone turns the same lines into one Parquet file: without line numbers, rejects, order and duplicates
that is what the machine can do.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import duckdb

from benchmarks.big_project import CACHE, SENSORS, BigProject, Size, big_project, import_again, import_into
from benchmarks.measure import Spent, middle, say, spent_by
from earmark.kql.defender.tables import TABLES

MOST_AT_A_TIME = 1_000_000
"""Events up to which the import is repeated; the big one is timed once, when the project is made."""
TYPES = {"long": "BIGINT", "int": "INTEGER", "bool": "BOOLEAN", "real": "DOUBLE"}


def duckdb_alone(project: BigProject, target: Path) -> None:
    """The logon events, read as JSON of known columns and written as they come."""
    columns = ", ".join(f'"{name}" {TYPES.get(kind, "VARCHAR")}' for name, kind in TABLES["DeviceLogonEvents"])
    blobs = str(project.sensors / "streaming" / "*logonevents" / "**" / "*.json")
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (SELECT unnest(properties) FROM read_json($1, format = 'newline_delimited',
              columns = {{category: 'VARCHAR', properties: 'STRUCT({columns})'}}))
            TO '{target}' (FORMAT parquet)""",
            [blobs],
        )


def run(size: Size) -> None:
    project = big_project(size)
    first, again = [project.imported], [import_again(project.folder, project.sensors)]
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        for number in range(size.rounds if size.events <= MOST_AT_A_TIME else 0):
            folder = Path(scratch) / str(number)
            first.append(import_into(folder, project.sensors))
            again.append(import_again(folder, project.sensors))
            shutil.rmtree(folder)
        alone = middle([spent_by(lambda: duckdb_alone(project, Path(scratch) / "alone")) for _ in range(3)])
    say("rows", f"{project.rows:,} of {', '.join(SENSORS)}")
    _say_rate("import", project.rows, middle(first), "at least 100,000")
    _say_rate("the same files again", project.rows, middle(again))
    _say_rate("DuckDB alone, logons only", size.events, alone)
    ratio = (middle(first).processor / project.rows) / (alone.processor / size.events)
    say("import / DuckDB alone, a row", f"{ratio:.2f} in processor time")


def _say_rate(name: str, rows: int, spent: Spent, target: str = "") -> None:
    say(name, spent)
    say(f"{name}: rows a second of one core", f"{rows / spent.processor:,.0f}", target)
