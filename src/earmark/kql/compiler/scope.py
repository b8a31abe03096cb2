"""What an expression can see and ask for while it is compiled: columns, variables, a place for sub-expressions
needed twice.

A scope belongs to one operator over one relation. Expressions hand back SQL; whatever they hoisted is added to the
relation by `settled` before the operator itself is written. Names outside the row come from an `Environment`, which
nests as lets and function bodies do and makes the value of a let the first time that somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scalar import Scalar
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation

NOW = "\x00now\x00"
"""Stands in SQL where the hunt's moment belongs (a BIGINT literal of ticks); no literal of a query can hold it."""


_SHORT = 200


class Refused(Exception):
    """The query uses what the compiler does not know; never approximated."""

    def __init__(self, message: str, node: Node | None, *, hint: str = "", code: str = "EK001") -> None:
        super().__init__(message)
        self.message = message
        self.node = node
        self.hint = hint
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Function:
    """A function that the query declares."""

    declaration: Node
    """FunctionDeclaration, for the defaults of parameters."""
    environment: Environment
    """What its body sees."""


Value = Scalar | Relation | Function


@dataclass(slots=True, eq=False)
class Environment:
    """Names that are not columns: lets, parameters and, outermost, nothing."""

    outer: Environment | None = None
    makers: dict[str, Callable[[], Value]] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    """Names whose values are read from a row: the rows that have them."""

    def bind(self, name: str, value: Value, row: Row | None = None) -> None:
        """Give a name a value; `row` is where it is read from, if it may differ from row to row."""
        self.makers.pop(name, None)
        self.values[name] = value
        if row is not None and row.relation is not None and isinstance(value, Scalar) and _reads_a_row(value):
            self.rows[name] = row

    def row_of(self, name: str) -> Row | None:
        """The rows that the value of a name is read from."""
        environment: Environment | None = self
        while environment is not None:
            if name in environment.values or name in environment.makers:
                return environment.rows.get(name)
            environment = environment.outer
        return None

    def bind_later(self, name: str, maker: Callable[[], Value]) -> None:
        """Give a name a value that is made when it is first asked for."""
        self.values.pop(name, None)
        self.makers[name] = maker

    def find(self, name: str) -> Value | None:
        """The value of a name, innermost first."""
        environment: Environment | None = self
        while environment is not None:
            if name in environment.values:
                return environment.values[name]
            if name in environment.makers:
                value = environment.makers[name]()
                environment.values[name] = value
                return value
            environment = environment.outer
        return None


def _reads_a_row(value: Scalar) -> bool:
    return '"' in value.sql and not value.is_const and not value.sql.startswith("(SELECT ")


@dataclass(slots=True, eq=False)
class Row:
    """What all scopes over one operator's rows share."""

    relation: Relation | None = None
    """None where there is no row, as in a let."""
    hoisted: dict[str, Scalar] = field(default_factory=dict)
    """SQL text → the hidden column that is to hold its value."""


class Scope:
    """What one operator's expressions see."""

    now_sql = NOW
    """The hunt's moment, as ticks."""

    def __init__(
        self,
        compilation: Compilation,
        environment: Environment,
        row: Row | None = None,
        *,
        columns: Mapping[str, Scalar] | None = None,
        no_hoisting: str = "",
    ) -> None:
        self.compilation = compilation
        self.environment = environment
        self.row = row or Row()
        shown = self.row.relation.columns if self.row.relation is not None else {}
        self.columns: Mapping[str, Scalar] = shown if columns is None else columns
        self._no_hoisting = no_hoisting
        self.settling_order = ""
        """The order of rows for lists where the query gives none: whatever a list shows must not change by itself."""

    def column(self, node: Node) -> Scalar:
        """The column that a NameReference names."""
        found = self.columns.get(node.name)
        if found is None:
            raise self.refuse(node, f"column '{node.name}' cannot be used here")
        return found

    def variable(self, name: str) -> Scalar | Relation | None:
        """The value of a let or of a function's parameter; a function counts as None."""
        found = self.environment.find(name)
        row = self.environment.row_of(name)
        if row is not None and row is not self.row:
            hint = "join the tables, and compare their columns"
            raise self.refuse(
                None, f"'{name}' differs from row to row, so it cannot be used in a table of its own", hint=hint
            )
        return None if isinstance(found, Function) else found

    def aggregate(self, node: Node) -> Scalar:
        """The value of an aggregate that stands inside a larger expression of `summarize`."""
        raise self.refuse(node, f"aggregate '{node.symbol.name if node.symbol else '?'}' cannot be used here")

    def hoist(self, scalar: Scalar) -> Scalar:
        """The value in a form that may be named twice: itself if short, else a column added before the operator."""
        if scalar.atomic or scalar.is_const:
            return scalar
        if '"' not in scalar.sql and len(scalar.sql) <= _SHORT:
            # It names no column: DuckDB computes it once, and can still skip files by it.
            return replace(scalar, sql=f"({scalar.sql})", atomic=True, json=None)
        known = self.row.hoisted.get(scalar.sql)
        if known is None and self.row.relation is not None:
            known = self.row.relation.known.get(scalar.sql)
        if known is None:
            if self._no_hoisting:
                raise self.refuse(None, f"an expression inside {self._no_hoisting} is too complex")
            known = scalar.named(self.compilation.new_column())
            self.row.hoisted[scalar.sql] = known
        return scalar.named(known.sql)

    def without_hoisting(self, what: str, columns: Mapping[str, Scalar] | None = None) -> Scope:
        """A scope for the inside of a lambda or an aggregate, where an argument needed twice has no place to go."""
        return Scope(
            self.compilation, self.environment, self.row, columns={**self.columns, **(columns or {})}, no_hoisting=what
        )

    def within(self, environment: Environment) -> Scope:
        """A scope for the body of a function called from here: other names, no columns, the same place to hoist to."""
        return Scope(self.compilation, environment, self.row, columns={}, no_hoisting=self._no_hoisting)

    def settled(self) -> Relation:
        """The relation with everything hoisted in this scope as hidden columns."""
        relation = self.row.relation
        if relation is None:
            relation = self.compilation.one_row()
        if not self.row.hoisted:
            return relation
        return self.compilation.with_hidden(relation, self.row.hoisted)

    @property
    def over(self) -> str:
        """The OVER clause of a window function that follows the order of rows; its value must be hoisted."""
        relation = self.row.relation
        if relation is None or not relation.in_order:
            raise self.refuse(None, "row functions need rows in an order", hint="sort the rows first")
        return f"OVER ({relation.full_order_by.strip() if relation.order else ''})"

    @property
    def order_by(self) -> str:
        """What an aggregate that depends on the order of rows writes after its argument: ` ORDER BY …`, or nothing."""
        relation = self.row.relation
        if relation is None or (relation.in_order and not relation.order):
            return ""
        return relation.full_order_by if relation.order else self.settling_order

    def subquery(self, node: Node) -> Relation:
        """A tabular expression inside a scalar one, as in `in (T | project C)`; it reads nothing of the current row."""
        relation = self.compilation.tabular(node, self.environment)
        self.compilation.read_aside(relation)
        return relation

    def scalar_subquery(self, node: Node) -> Scalar:
        """The value of `toscalar(T)` (give T): first column of the first row, or null (for strings '')."""
        return self.compilation.first_value(self.subquery(node), node)

    def call(self, node: Node) -> Scalar:
        """The value of a call of a function that the query declares."""
        return self.compilation.call_scalar(node, self)

    def require_macro(self, name: str) -> None:
        """Have the SQL macro of that name created before the query runs."""
        self.compilation.macros[name] = None

    def refuse(self, node: Node | None, message: str, *, hint: str = "") -> Refused:
        """The exception to raise for what is not known; `node` is the place to point at."""
        return Refused(message, node, hint=hint)
