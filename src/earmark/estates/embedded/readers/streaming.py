"""Defender's streaming export: a wrapper around each row, `{"category": "AdvancedHunting-<Table>", "properties":
{…}}`, or a list of those under `records` (https://learn.microsoft.com/defender-xdr/streaming-api-storage,
…/streaming-api-event-hub).

In come lines, into the stage go rows; DuckDB does both. Only columns that are there are asked for: that is what makes
wide tables cheap. Which are there is found by looking at the lines once more (a survey). Where lines look as those
before them did (the same table, the same names: the mark of a line), that look is spared: the rows are staged as
expected, and taken back for a survey when one of them has another mark.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from earmark.estates.embedded.physical import columns_of, name_sql, quoted
from earmark.estates.embedded.readers.base import Lines, Taken
from earmark.estates.embedded.staging import Source, Stage
from earmark.kql.defender.tables import TABLES

_PREFIX = "AdvancedHunting-"
_ADDED = {"MachineGroup"}
"""Columns that the export adds to every table."""
_JUDGED = """SELECT n, line, TRY(json_extract_string(line, '$.category')) AS category,
  TRY(json_keys(line, '$.properties')) AS keys
  FROM {relation} WHERE line IS NOT NULL"""
_CATEGORY = re.compile(rb'"category"\s*:\s*"AdvancedHunting-(\w+)"', re.ASCII)
_BEGINNING = 2**14
"""Bytes in which the first record's category is looked for."""
_MOST_FILES = 1_024
_MOST_MARKS = 1_000
"""Lines of more shapes than these have nothing usual about them."""
_NO_RECORD = 'It is no record of the export: expected is {"category": "AdvancedHunting-…", "properties": {…}}.'


@dataclass(slots=True, kw_only=True)
class _Survey:
    """What some lines hold."""

    keys: dict[str, set[str]]
    """Table → names of properties."""
    marks: set[object]
    strange: int
    """Lines that are not a record of a known table."""
    lists: bool
    """Whether some of these are lists of records."""


class StreamingReader:
    """Reads files, some lines at a time: those of many files at once while these are alike."""

    def __init__(self) -> None:
        self._usual: tuple[_Survey, Counter[str]] | None = None
        """What the lines before were like, and the warnings that go with it."""
        self._known: dict[str, tuple[_Survey, Counter[str]]] = {}
        """The same by table, of all lines so far."""
        self._at_once = 1
        """Twice as many files as were as usual last: what is taken back is never much more than what was kept."""

    def kind_of(self, beginning: bytes) -> str:
        """The table of the first record, where that is easily seen."""
        found = _CATEGORY.search(beginning, 0, _BEGINNING)
        return found[1].decode() if found else ""

    def at_once(self, kind: str) -> int:
        """One file, unless files of its table were as usual before it."""
        return self._at_once if self._usual and self._usual[0].keys.keys() == {kind} else 1

    def __call__(
        self, lines: Lines, stage: Stage, resolve: Callable[[Iterable[str]], Mapping[str, str]]
    ) -> Sequence[Taken]:
        """Stage the rows of some lines; of several files those before the first that is not as usual."""
        usual = _as_usual(lines, stage, *self._usual) if self._usual else []
        self._at_once = min(2 * len(usual), _MOST_FILES) if len(usual) == len(lines.files) else 1
        return usual if usual or len(lines.files) > 1 else [self._unusual(lines, stage)]

    def _unusual(self, lines: Lines, stage: Stage) -> Taken:
        """Stage the rows of one file's lines, whatever they are like."""
        taken = Taken()
        survey, relation = _survey(stage, lines.relation, taken), lines.relation
        if survey.lists:
            relation, taken = _expanded(stage, relation), Taken()
            survey = _survey(stage, relation, taken)
        mixed = survey.strange or len(survey.keys) > 1
        self._usual = None if mixed or survey.lists or not survey.keys else self._widened(survey, taken.warnings)
        if mixed:
            # Read the lines once more, not once for each table.
            stage.connection.execute(
                "CREATE OR REPLACE TEMP TABLE mixed AS "
                f"SELECT * FROM ({_JUDGED.format(relation=relation)}) WHERE len(keys) > 0"
            )
        for table, keys in survey.keys.items():
            rows = f"(SELECT * FROM mixed WHERE category = {quoted(_PREFIX + table)})" if mixed else relation
            (added,) = stage.add(table, _source(rows, table, keys), files=lines.files)
            taken.staged += added.good
            taken.rejects.extend(added.bad)
        return taken

    def _widened(self, survey: _Survey, warnings: Counter[str]) -> tuple[_Survey, Counter[str]]:
        """A survey of one table, with what lines of that table looked like before: blobs of two kinds may alternate."""
        ((table, keys),) = survey.keys.items()
        before, warned = self._known.get(table, (survey, warnings))
        if warned.keys() == warnings.keys() and len(before.marks) < _MOST_MARKS:
            marks, keys = before.marks | survey.marks, before.keys[table] | keys
            survey = _Survey(keys={table: keys}, marks=marks, strange=0, lists=False)
        self._known[table] = (survey, warnings)
        return survey, warnings


def _as_usual(lines: Lines, stage: Stage, usual: _Survey, warnings: Counter[str]) -> list[Taken]:
    """Stage the lines of the first files, as many of these as look as those before them did."""
    ((table, keys),) = usual.keys.items()
    found = stage.add(table, _source(lines.relation, table, keys, judged=True), files=lines.files)
    like = list(takewhile(lambda added: added.marks <= usual.marks, found))
    if len(like) < len(found):
        stage.forget_last(table)
        return _as_usual(lines.first(len(like)), stage, usual, warnings) if like else []
    return [Taken(rows=a.rows, staged=a.good, rejects=a.bad, warnings=warnings) for a in found]


def _survey(stage: Stage, relation: str, taken: Taken) -> _Survey:
    survey = _Survey(keys=defaultdict(set), marks=set(), strange=0, lists=False)
    judged = _JUDGED.format(relation=relation)
    # Grouped by a hash, which is much quicker than by the names themselves.
    for mark, category, keys, rows in stage.rows(
        f"""SELECT mark, any_value(category), any_value(keys), count(*)
        FROM (SELECT *, hash((category, keys)) AS mark FROM ({judged})) GROUP BY mark ORDER BY min(n)"""
    ):
        survey.marks.add(mark)
        table = (category or "").removeprefix(_PREFIX)
        if table in TABLES and keys:
            taken.rows += rows
            survey.keys[table].update(keys)
            unknown = set(keys) - {name for name, _ in columns_of(table)} - _ADDED
            taken.warnings.update({f"{table} has no column {name}; it was left out": rows for name in unknown})
            continue
        survey.strange += rows
        if table and keys:
            taken.rows += rows
            taken.skipped += rows
            taken.warnings[f"No table of advanced hunting is called {table}; its rows were skipped"] += rows
    if survey.strange:
        strange = stage.rows(
            f"""SELECT n, TRY(json_type(line)), TRY(json_type(line, '$.records')) FROM ({judged})
            WHERE trim(line) != '' AND (category IS NULL OR coalesce(len(keys), 0) = 0) ORDER BY n"""
        )
        taken.rows += len(strange)
        taken.rejects.extend((n, _NO_RECORD if kind else "It is not JSON.") for n, kind, _ in strange)
        survey.lists = any(records == "ARRAY" for _, _, records in strange)
    return survey


def _expanded(stage: Stage, relation: str) -> str:
    """The same lines, each list of records in as many lines as it has records, all under the list's number."""
    stage.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE expanded AS
        WITH l AS (
          SELECT n, line, TRY(json_type(line, '$.records')) = 'ARRAY' AS is_list FROM {relation} WHERE line IS NOT NULL)
        SELECT n, line FROM l WHERE is_list IS DISTINCT FROM TRUE
        UNION ALL SELECT n, CAST(unnest(json_extract(line, '$.records[*]')) AS VARCHAR) FROM l WHERE is_list"""
    )
    return "expanded"


def _source(relation: str, table: str, keys: set[str], *, judged: bool = False) -> Source:
    """The rows of one table; `judged` marks each, and bears lines that are not JSON."""
    present = [name for name, _ in columns_of(table) if name in keys]
    first = {name.lower(): name for name in reversed(present)}
    shape = {"category": "VARCHAR", "properties": dict.fromkeys(first.values(), "VARCHAR")}
    record, names = f"json_transform(line, {quoted(json.dumps(shape))})", "json_keys(line, '$.properties')"
    chosen = [f"TRY({record}) AS j", f"TRY({names}) AS keys"] if judged else [f"{record} AS j"]
    texts = {name: f"j.properties.{name_sql(name)}" for name in first.values()}
    # DuckDB's structures ignore case: of names that differ in case alone the second is taken from the text.
    for name in set(present) - texts.keys():
        chosen.append(f"json_extract_string(line, {quoted(f'$.properties.{name}')}) AS {name_sql('other ' + name)}")
        texts[name] = name_sql("other " + name)
    parsed = f"(SELECT n, {', '.join(chosen)} FROM {relation} WHERE line IS NOT NULL)"
    return Source(relation=parsed, texts=texts, mark="hash((j.category, keys))" if judged else "0")
