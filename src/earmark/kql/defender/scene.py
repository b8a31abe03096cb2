"""What a text names: the tables, the columns they bring, and the names it declares itself.

Read from the words alone, so that it can be said of a text that does not bind; used to find the name that was meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from earmark.kql.base import Tables
from earmark.kql.defender.lexer import Kind, Token, tokens
from earmark.kql.defender.renames import OLD_COLUMNS
from earmark.kql.defender.tables import DEVICE_TELEMETRY, Standing, known_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A text and what it names."""

    text: str
    words: tuple[Token, ...]
    places: Mapping[int, int]
    """Offset of a word's start → its index."""
    tables: Tables
    """Every table that may be named."""
    named: frozenset[str]
    """The tables that are."""
    declared: frozenset[str]
    """The names that the text gives: of lets, of columns."""

    @classmethod
    def of(cls, text: str, tables: Tables) -> Scene:
        """The scene of a text."""
        words = tokens(text)
        names = {word.text for word in words if word.kind is Kind.NAME}
        declared = {word.text for word, after in pairwise(words) if word.kind is Kind.NAME and after.text == "="}
        return cls(
            text=text,
            words=words,
            places={word.start: index for index, word in enumerate(words)},
            tables=tables,
            named=frozenset(names & tables.keys()),
            declared=frozenset(declared - {"kind", "bagexpansion", "withsource", "isfuzzy", "flags"}),
        )

    def index_at(self, start: int) -> int | None:
        """The index of the word that begins at that offset."""
        return self.places.get(start)

    def columns(self) -> frozenset[str]:
        """The columns of the tables named."""
        return frozenset(column for name in self.named for column, _ in self.tables[name])

    def names(self) -> frozenset[str]:
        """Every name that might be meant where a column or a value is expected."""
        return self.columns() | self.declared

    def used_columns(self) -> frozenset[str]:
        """The names in the text that are columns of some table, old names taken for those of today."""
        known = {column for columns in self.tables.values() for column, _ in columns}
        used = set()
        fresh = set()
        for index, word in enumerate(self.words):
            if word.kind is not Kind.NAME:
                continue
            after = self.words[index + 1].text if index + 1 < len(self.words) else ""
            before = self.words[index - 1].text if index else ""
            if after == "=" and word.text not in used:
                fresh.add(word.text)
            elif after != "(" and before != "." and word.text not in fresh:
                used.add(word.text)
        present = {OLD_COLUMNS[name].new[0] if name in OLD_COLUMNS and name not in known else name for name in used}
        return frozenset(present & known)

    def tables_that_fit(self, among: Iterable[str] | None = None) -> tuple[str, ...]:
        """The tables that have every column used here, best first; a table alone at its rank is the clear choice.

        Columns of the tables that are named already may come from those. Of several that fit, one that gives more of
        the used columns goes first, then those that a device's sensor fills, then names of today.
        """
        used = self.used_columns()
        needed = used - self.columns()
        fitting = {}
        for name in self.tables if among is None else among:
            has = {column for column, _ in self.tables.get(name, ())}
            if needed <= has and used & has:
                fitting[name] = self._rank(name, len(used & has))
        return tuple(sorted(fitting, key=lambda name: (fitting[name], name)))

    def clear_choice(self, fitting: tuple[str, ...]) -> str | None:
        """The first of the fitting tables, unless another fits as well."""
        if not fitting:
            return None
        used = self.used_columns()
        ranks = [self._rank(name, len(used & {column for column, _ in self.tables[name]})) for name in fitting[:2]]
        return fitting[0] if len(ranks) == 1 or ranks[0] != ranks[1] else None

    @staticmethod
    def _rank(name: str, hits: int) -> tuple[int, int, int]:
        table = known_tables().get(name)
        past = 0 if table is None or table.standing is Standing.CURRENT else 1
        return -hits, past, 0 if name in DEVICE_TELEMETRY else 1


def same_but_for_case(name: str, among: Iterable[str]) -> str | None:
    """The only name that differs in case alone."""
    found = [other for other in among if other.lower() == name.lower() and other != name]
    return found[0] if len(found) == 1 else None


def nearest(name: str, among: Iterable[str]) -> tuple[str, ...]:
    """The names most like this one, best first; none when nothing is near."""
    by_folded = {other.lower(): other for other in sorted(among) if other != name}
    found = difflib.get_close_matches(name.lower(), by_folded, n=3, cutoff=0.72)
    return tuple(by_folded[folded] for folded in found)


def listed(names: tuple[str, ...]) -> str:
    """Names as a sentence has them: A, B and C."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
