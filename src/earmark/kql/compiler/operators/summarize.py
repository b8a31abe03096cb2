"""`summarize`, in two steps: group and aggregate, then the expressions around the aggregates.

`arg_max`, `arg_min` and `take_any` of several columns take one row of each group (see `winners`), joined to the other
aggregates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from earmark.kql.compiler.aggregates import compile_aggregate, compile_percentiles
from earmark.kql.compiler.expressions import compile_scalar
from earmark.kql.compiler.operators.winners import one_row_each
from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scalar import Scalar
from earmark.kql.compiler.scope import Environment, Refused, Row, Scope
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation

_LARGEST = {"arg_max": True, "argmax": True, "arg_min": False, "argmin": False}
_ANY = {"take_any", "any", "anyif", "take_anyif"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Winner:
    """An aggregate that takes a row: the column that decides, and those to show."""

    by: Scalar
    largest: bool
    free: bool
    """Whether any row would do, as for take_any."""
    shown: tuple[Scalar, ...]


@dataclass(slots=True)
class _Result:
    """A column of the result, in order: a group key, a value over aggregates, or a column of a winner's row."""

    scalar: Scalar
    winner: int | None = None


@dataclass(slots=True)
class _Plan:
    """What a summarize consists of."""

    keys: list[Scalar] = field(default_factory=list)
    results: list[_Result] = field(default_factory=list)
    aggregates: list[tuple[str, Scalar]] = field(default_factory=list)
    winners: list[_Winner] = field(default_factory=list)


class _OverAggregates(Scope):
    """What an expression around aggregates sees: the aggregates, and nothing else of a row."""

    def __init__(self, rows: Scope, plan: _Plan) -> None:
        super().__init__(rows.compilation, rows.environment, Row(), columns={})
        self._rows = rows
        self._plan = plan

    def aggregate(self, node: Node) -> Scalar:
        return self.kept(compile_aggregate(node, self._rows))

    def kept(self, scalar: Scalar) -> Scalar:
        """The value of an aggregate as a column."""
        for name, known in self._plan.aggregates:
            if known.sql == scalar.sql and known.type == scalar.type:
                return scalar.named(name)
        name = self.compilation.new_column()
        self._plan.aggregates.append((name, scalar))
        return scalar.named(name)


def compile_summarize(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile SummarizeOperator."""
    rows = Scope(compilation, environment, Row(relation))
    rows.settling_order = _settling_order(node, relation)
    plan = _Plan()
    by = node.get("ByClause")
    by_columns: set[str] = set()
    for expression in by.list("Expressions") if by is not None else ():
        inner = expression["Expression"] if expression.kind == "SimpleNamedExpression" else expression
        plan.keys.append(compile_scalar(inner, rows))
        if plan.keys[-1].type == "dynamic":
            raise Refused("grouping by a dynamic value is not supported", expression, hint="group by tostring(…)")
        if inner.kind == "NameReference":
            by_columns.add(inner.name)
    outer = _OverAggregates(rows, plan)
    for expression in node.list("Aggregates"):
        _read_aggregate(expression, rows, outer, plan, relation, by_columns)
    expected = node.columns or ()
    if len(expected) != len(plan.keys) + len(plan.results):
        raise Refused("summarize gives other columns than expected here", node)
    settled, placed = compilation.placed(rows.settled(), _to_place(plan))
    return _grouped(compilation, settled, plan, placed, outer, [name for name, _ in expected])


def _settling_order(node: Node, relation: Relation) -> str:
    """By the time of events, then by the columns that the aggregates read: rows equal in these give equal lists."""
    time = [relation.event_time.timestamp] if relation.event_time is not None else []
    read = {part.name for expression in node.list("Aggregates") for part in expression.walk()}
    terms = time + [column.sql for name, column in relation.columns.items() if name in read]
    return f" ORDER BY {', '.join(f'{term} ASC NULLS FIRST' for term in dict.fromkeys(terms))}" if terms else ""


def _to_place(plan: _Plan) -> list[tuple[str, Scalar]]:
    """Everything that must be a column before grouping: keys, and what winners decide by and show."""
    values = [(f"key {at}", key) for at, key in enumerate(plan.keys)]
    for at, winner in enumerate(plan.winners):
        values.append((f"by {at}", winner.by))
        values += [(f"shown {at} {position}", scalar) for position, scalar in enumerate(winner.shown)]
    return values


def _read_aggregate(
    expression: Node, rows: Scope, outer: _OverAggregates, plan: _Plan, relation: Relation, by_columns: set[str]
) -> None:
    named = ("SimpleNamedExpression", "CompoundNamedExpression")
    inner = expression["Expression"] if expression.kind in named else expression
    name = inner.symbol.name if inner.kind == "FunctionCallExpression" and inner.symbol is not None else ""
    if name in _LARGEST:
        _read_winner(inner, rows, plan, relation, by_columns, largest=_LARGEST[name])
    elif (
        name in _ANY
        and (len(inner.arguments) > 1 or any(a.kind == "StarExpression" for a in inner.arguments))
        and not name.endswith("if")
    ):
        _read_winner(inner, rows, plan, relation, by_columns, largest=True, free=True)
    elif name == "percentiles" and len(inner.arguments) > 2:
        plan.results += [_Result(outer.kept(scalar)) for scalar in compile_percentiles(inner, rows)]
    elif inner.type == "tuple":
        raise Refused(f"aggregate '{name}' with several results is not supported yet", inner)
    else:
        plan.results.append(_Result(compile_scalar(inner, outer)))


def _read_winner(
    node: Node, rows: Scope, plan: _Plan, relation: Relation, by_columns: set[str], *, largest: bool, free: bool = False
) -> None:
    shown: list[Scalar] = []
    seen: set[str] = set()
    star = any(argument.kind == "StarExpression" for argument in node.arguments)
    for at, argument in enumerate(node.arguments):
        if argument.kind == "StarExpression":
            chosen = {
                name: column for name, column in relation.columns.items() if name not in seen and name not in by_columns
            }
            shown += chosen.values()
            seen |= chosen.keys()
            continue
        inner = argument["Expression"] if argument.kind == "SimpleNamedExpression" else argument
        is_column = inner.kind == "NameReference" and inner.symbol is not None and inner.symbol.kind == "Column"
        if star and is_column and at > 0 and (inner.name in seen or inner.name in by_columns):
            continue
        if is_column:
            seen.add(inner.name)
        shown.append(compile_scalar(inner, rows))
    if not shown:
        raise Refused("this aggregate names no column", node)
    if shown[0].type == "dynamic":
        raise Refused(
            "a dynamic value has no order", node, hint="convert it first: tostring(…), tolong(…), todatetime(…)"
        )
    plan.results += [_Result(scalar, winner=len(plan.winners)) for scalar in shown]
    plan.winners.append(_Winner(by=shown[0], largest=largest, free=free, shown=tuple(shown)))


def _grouped(
    compilation: Compilation,
    base: Relation,
    plan: _Plan,
    placed: Mapping[str, Scalar],
    outer: Scope,
    names: Sequence[str],
) -> Relation:
    keys = [placed[f"key {at}"] for at in range(len(plan.keys))]
    won = [_winners_row(compilation, base, keys, winner, placed, at) for at, winner in enumerate(plan.winners)]
    if len(won) == 1 and keys and not plan.aggregates and all(result.winner is not None for result in plan.results):
        row, columns = won[0]
        shown = dict(zip(names, [*keys, *columns], strict=True))
        return replace(row, columns=shown, known={}, unique=frozenset(key.sql for key in keys))
    relation, group_columns = _groups(compilation, base, plan, keys)
    taken: list[list[Scalar]] = []
    for row, columns in won:
        relation, shown_columns = _joined(compilation, relation, group_columns, row, keys, columns)
        taken.append(shown_columns)
    if outer.row.hoisted:
        relation = compilation.with_hidden(relation, outer.row.hoisted)
    relation = replace(relation, columns={column.sql: column for column in group_columns})
    unique = relation.unique if keys else frozenset()
    values = _in_order(plan.results, taken)
    return replace(
        compilation.project(relation, list(zip(names, [*group_columns, *values], strict=True))), unique=unique
    )


def _groups(
    compilation: Compilation, base: Relation, plan: _Plan, keys: Sequence[Scalar]
) -> tuple[Relation, list[Scalar]]:
    """A row for each group with its aggregates; and the columns of its keys."""
    groups = {key.sql: compilation.new_column() for key in keys}
    selected = [f"{sql} AS {name}" for sql, name in groups.items()]
    selected += [f"{scalar.physical} AS {name}" for name, scalar in plan.aggregates]
    grouped = f" GROUP BY {', '.join(groups)}" if groups else ""
    if not selected:
        # One group, even of no rows.
        selected = ['count(*) AS "~0"']
    sql = compilation.emit(f"SELECT {', '.join(selected)} FROM {base.sql}{grouped}")
    named = [key.named(groups[key.sql]) for key in keys]
    columns = [Scalar(sql=key.sql, type=key.type, nullable=key.nullable, atomic=True) for key in named]
    unique = frozenset(column.sql for column in columns)
    return Relation(sql=sql, columns={}, reach=base.reach, unique=unique), columns


def _in_order(results: Sequence[_Result], taken: Sequence[Sequence[Scalar]]) -> list[Scalar]:
    """The columns behind the keys, as the query names them: those of a winner's row one after the other."""
    rows = [iter(columns) for columns in taken]
    return [result.scalar if result.winner is None else next(rows[result.winner]) for result in results]


def _winners_row(
    compilation: Compilation,
    base: Relation,
    keys: Sequence[Scalar],
    winner: _Winner,
    placed: Mapping[str, Scalar],
    at: int,
) -> tuple[Relation, list[Scalar]]:
    columns = [placed[f"shown {at} {position}"] for position in range(len(winner.shown))]
    row = one_row_each(
        compilation, base, keys, placed[f"by {at}"], largest=winner.largest, ties=columns, free=winner.free
    )
    return row, [Scalar(sql=column.sql, type=column.type, nullable=column.nullable, atomic=True) for column in columns]


def _joined(
    compilation: Compilation,
    groups: Relation,
    group_columns: Sequence[Scalar],
    row: Relation,
    keys: Sequence[Scalar],
    columns: Sequence[Scalar],
) -> tuple[Relation, list[Scalar]]:
    """The groups with the columns of a winner's row beside them."""
    terms = [
        f"l.{left.sql} {'IS NOT DISTINCT FROM' if left.nullable else '='} r.{right.sql}"
        for left, right in zip(group_columns, keys, strict=True)
    ] or ["true"]
    made = [(column, compilation.new_column()) for column in columns]
    selected = [
        f"coalesce(r.{column.sql}, '') AS {name}" if column.type == "string" else f"r.{column.sql} AS {name}"
        for column, name in made
    ]
    sql = compilation.emit(
        f"SELECT l.*, {', '.join(selected)} FROM {groups.sql} AS l LEFT JOIN {row.sql} AS r ON {' AND '.join(terms)}"
    )
    shown = [
        Scalar(
            sql=name, type=column.type, nullable=column.type != "string" and (column.nullable or not keys), atomic=True
        )
        for column, name in made
    ]
    return replace(groups, sql=sql), shown
