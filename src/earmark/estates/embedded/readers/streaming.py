"""Defender's streaming export: a wrapper around each row, `{"category": "AdvancedHunting-<Table>", "properties": {…}}`, or a list of those
under `records` (https://learn.microsoft.com/defender-xdr/streaming-api-storage, …/streaming-api-event-hub).

In come lines, into the stage go rows. Every line is looked at twice, both times by DuckDB: once for its table and the names of its columns, once
for the values. Only columns that are there are asked for; that is what makes wide tables cheap.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from earmark.estates.embedded.physical import columns_of, name_sql, quoted
from earmark.estates.embedded.readers.base import Lines, Taken
from earmark.estates.embedded.staging import Source, Stage
from earmark.kql.defender.tables import TABLES

_PREFIX = "AdvancedHunting-"
_ADDED = {"MachineGroup"}
"""Columns that the export adds to every table."""
_JUDGED = """SELECT n, TRY(json_type(line)) AS kind, TRY(json_extract_string(line, '$.category')) AS category,
  TRY(json_keys(line, '$.properties')) AS keys, TRY(json_type(line, '$.properties')) AS properties
  FROM {relation} WHERE line IS NOT NULL AND trim(line) != ''"""
_NO_RECORD = 'It is no record of the export: expected is {"category": "AdvancedHunting-…", "properties": {…}}.'


@dataclass(slots=True, kw_only=True)
class _Survey:
    """What some lines hold."""

    keys: dict[str, set[str]]
    """Table → names of properties."""
    rows: dict[str, int]
    strange: int
    """Lines that are not a record of a known table."""
    lists: bool
    """Whether some lines may be lists of records."""


def stage_streaming(lines: Lines, stage: Stage, resolve: Callable[[Iterable[str]], Mapping[str, str]]) -> Taken:
    """Stage the rows of some lines."""
    taken = Taken()
    survey, relation = _survey(stage, lines.relation, taken), lines.relation
    if survey.lists:
        relation, taken = _expanded(stage, relation), Taken()
        survey = _survey(stage, relation, taken)
    mixed = survey.strange or len(survey.rows) > 1
    if mixed and relation == lines.relation:
        # Read the file once more, not once for each table.
        stage.connection.execute(f"CREATE OR REPLACE TEMP TABLE mixed AS SELECT n, line, TRY(json_extract_string(line, '$.category')) AS category FROM {relation}")
        relation = "mixed"
    elif mixed:
        relation = f"(SELECT n, line, TRY(json_extract_string(line, '$.category')) AS category FROM {relation})"
    for table, keys in survey.keys.items():
        rows = f"(SELECT * FROM {relation} WHERE category = {quoted(_PREFIX + table)} AND json_type(line, '$.properties') = 'OBJECT')" if mixed else relation
        staged, bad = stage.add(table, _source(rows, table, keys), file=lines.file)
        taken.staged += staged - len(bad)
        taken.rejects.extend(bad)
    return taken


def _survey(stage: Stage, relation: str, taken: Taken) -> _Survey:
    survey = _Survey(keys=defaultdict(set), rows=defaultdict(int), strange=0, lists=False)
    judged = _JUDGED.format(relation=relation)
    for kind, category, properties, keys, rows in stage.rows(
        f"SELECT kind, category, properties, keys, count(*) FROM ({judged}) GROUP BY ALL ORDER BY min(n)"
    ):
        taken.rows += rows
        table = category.removeprefix(_PREFIX) if category else None
        if table in TABLES and properties == "OBJECT":
            survey.keys[table].update(keys)
            survey.rows[table] += rows
            unknown = set(keys) - {name for name, _ in columns_of(table)} - _ADDED
            taken.warnings.update({f"{table} has no column {name}; it was left out": rows for name in unknown})
            continue
        survey.strange += rows
        if category is not None and properties == "OBJECT":
            taken.skipped += rows
            taken.warnings[f"No table of advanced hunting is called {table}; its rows were skipped"] += rows
        elif kind == "OBJECT" and category is None and properties is None:
            survey.lists = True
    if survey.strange:
        taken.rejects.extend(
            stage.rows(
                f"""SELECT n, CASE WHEN kind IS NULL THEN 'It is not JSON.' ELSE {quoted(_NO_RECORD)} END FROM ({judged})
                WHERE kind IS NULL OR category IS NULL OR properties IS DISTINCT FROM 'OBJECT' ORDER BY n"""
            )
        )
    return survey


def _expanded(stage: Stage, relation: str) -> str:
    """The same lines, each list of records in as many lines as it has records, all under the list's number."""
    stage.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE expanded AS
        WITH l AS (SELECT n, line, TRY(json_type(line, '$.records')) = 'ARRAY' AS is_list FROM {relation} WHERE line IS NOT NULL)
        SELECT n, line FROM l WHERE is_list IS DISTINCT FROM TRUE
        UNION ALL SELECT n, CAST(unnest(json_extract(line, '$.records[*]')) AS VARCHAR) FROM l WHERE is_list"""
    )
    return "expanded"


def _source(relation: str, table: str, keys: set[str]) -> Source:
    present = [name for name, _ in columns_of(table) if name in keys]
    shape = quoted(json.dumps({"properties": dict.fromkeys(present, "VARCHAR")}))
    parsed = f"(SELECT n, json_transform(line, {shape}).properties AS p FROM {relation} WHERE line IS NOT NULL AND trim(line) != '')"
    if not present:
        parsed = f"(SELECT n FROM {relation} WHERE line IS NOT NULL AND trim(line) != '')"
    return Source(relation=parsed, texts={name: f"p.{name_sql(name)}" for name in present})
