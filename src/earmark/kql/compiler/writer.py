"""Writing the list of common table expressions: names, columns, and where a new column can go.

Operators say what they need (a column more, a filter, a SELECT of their own); here it becomes an entry of the `WITH`
list, or part of the last one where that is possible, so that SQL grows with the query's text and not faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from earmark.kql.base import PHYSICAL
from earmark.kql.compiler.relation import Relation, physical
from earmark.kql.compiler.scalar import Scalar
from earmark.kql.compiler.scope import Refused

MOST_SQL = 2_000_000
"""Characters of SQL that a query may become."""
_COLUMN_NAMED = re.compile(r'"~\d+"')


@dataclass(slots=True, eq=False)
class Part:
    """One common table expression."""

    name: str
    body: str
    """The whole SELECT; of a star, what follows `SELECT *` and the added columns."""
    star: bool = False
    source: str = ""
    """Of a star: what it selects from."""
    added: list[tuple[str, str]] = field(default_factory=list)
    """Columns put beside `*`: physical name and SQL."""
    hint: str = ""
    """MATERIALIZED or NOT MATERIALIZED, else DuckDB decides."""

    @property
    def sql(self) -> str:
        """The entry of the WITH list."""
        extra = "".join(f", {sql} AS {name}" for name, sql in self.added)
        body = f"SELECT *{extra} {self.body}" if self.star else self.body
        return f"{self.name} AS {self.hint + ' ' if self.hint else ''}({body})"


class Writer:
    """The common table expressions of one query."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._size = 0
        self._columns = 0

    @property
    def with_list(self) -> str:
        """The WITH clause with a trailing space, or nothing."""
        return f"WITH {', '.join(part.sql for part in self._parts)} " if self._parts else ""

    def new_column(self) -> str:
        """A physical column name that nothing else has."""
        self._columns += 1
        return physical(self._columns)

    def emit(self, select: str, *, hint: str = "") -> str:
        """Add a common table expression; gives its name."""
        self.check_size(len(select))
        name = f"t{len(self._parts) + 1}"
        self._parts.append(Part(name=name, body=select, hint=hint))
        return name

    def emit_star(self, source: Relation, rest: str = "") -> str:
        """Add `SELECT * FROM source …`, which may be given more columns later; gives its name."""
        name = self.emit(f"FROM {source.sql}{rest}")
        self._parts[-1].star = True
        self._parts[-1].source = source.sql
        return name

    def read_again(self, relation: Relation) -> None:
        """Have a filtered scan that is used twice read twice: keeping all its columns costs more."""
        if not relation.stable:
            return
        parts = {part.name: part for part in self._parts}
        part = parts.get(relation.sql)
        while part is not None and part.star:
            part.hint = "NOT MATERIALIZED"
            part = parts.get(part.source)

    def extend(self, relation: Relation, added: Sequence[tuple[str, str]]) -> Relation:
        """The relation with more physical columns, in the expression it comes from where that can be."""
        if not added:
            return relation
        last = self._parts[-1] if self._parts else None
        if last is not None and last.star and last.name == relation.sql:
            made = {name for name, _ in last.added}
            if not any(made.intersection(_COLUMN_NAMED.findall(sql)) for _, sql in added):
                self.check_size(sum(len(sql) for _, sql in added))
                last.added.extend(added)
                return relation
        name = self.emit_star(relation)
        self.check_size(sum(len(sql) for _, sql in added))
        self._parts[-1].added.extend(added)
        return replace(relation, sql=name, table="")

    def with_hidden(self, relation: Relation, hoisted: Mapping[str, Scalar]) -> Relation:
        """The relation with hoisted values as hidden columns; one that needs another comes after it."""
        level: list[tuple[str, str]] = []
        for sql, scalar in hoisted.items():
            if {name for name, _ in level}.intersection(_COLUMN_NAMED.findall(sql)):
                relation = self.extend(relation, level)
                level = []
            level.append((scalar.sql, scalar_physical(sql, scalar)))
        relation = self.extend(relation, level)
        return replace(relation, known={**relation.known, **hoisted})

    def one_row(self) -> Relation:
        """A relation of one row without columns."""
        return Relation(sql=self.emit('SELECT 0 AS "~0"'), columns={}, stable=True)

    def filter(self, relation: Relation, condition: str) -> Relation:
        """The rows for which a condition holds."""
        return replace(relation, sql=self.emit_star(relation, f" WHERE {condition}"), table="")

    def placed(self, relation: Relation, named: Iterable[tuple[str, Scalar]]) -> tuple[Relation, dict[str, Scalar]]:
        """The relation with values in columns, and these by their KQL names; plain columns stay where they are."""
        there = {column.sql for column in relation.columns.values()}
        columns: dict[str, Scalar] = {}
        added: list[tuple[str, str]] = []
        for name, scalar in named:
            if scalar.sql in there or _COLUMN_NAMED.fullmatch(scalar.sql):
                columns[name] = scalar
            else:
                made = self.new_column()
                added.append((made, scalar.physical))
                columns[name] = scalar.named(made)
        return self.extend(relation, added), columns

    def project(self, relation: Relation, named: Iterable[tuple[str, Scalar]]) -> Relation:
        """The relation showing these columns; others stay below, and DuckDB leaves out what nobody reads."""
        relation, columns = self.placed(relation, named)
        return replace(relation, columns=columns, table="")

    def check_size(self, more: int) -> None:
        """Count SQL that is about to be written; refuse when it is too much."""
        self._size += more
        if self._size > MOST_SQL:
            raise Refused("the query is too large: it becomes too much SQL", None, code="EK004")


def scalar_physical(sql: str, scalar: Scalar) -> str:
    """Some SQL cast to the physical type of a scalar."""
    return f"CAST({sql} AS {PHYSICAL[scalar.type]})"
