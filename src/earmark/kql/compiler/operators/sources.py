"""What a pipe may begin with besides a table: `datatable`, `print`, `range`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from earmark.kql.base import PHYSICAL
from earmark.kql.compiler.conversions import convert
from earmark.kql.compiler.expressions import compile_scalar
from earmark.kql.compiler.operators.project import compile_project
from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scalar import Scalar, column
from earmark.kql.compiler.scope import Environment, Refused, Scope
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation


def compile_print(compilation: Compilation, node: Node, environment: Environment) -> Relation:
    """Compile PrintOperator."""
    return compile_project(compilation, node, compilation.one_row(), environment)


def compile_datatable(compilation: Compilation, node: Node, environment: Environment) -> Relation:
    """Compile DataTableExpression."""
    shown = node.columns or ()
    values = node.list("Values")
    if not shown or len(values) % len(shown):
        raise Refused("datatable needs a value for each column of each row", node)
    names = [compilation.new_column() for _ in shown]
    scope = Scope(compilation, environment)
    cells: list[str] = []
    for at, value in enumerate(values):
        kind = shown[at % len(shown)][1]
        cells.append(convert(compile_scalar(value, scope), kind, scope, value).physical)
    if scope.row.hoisted:
        raise Refused("datatable takes constants only", node)
    rows = [f"({', '.join(cells[at : at + len(shown)])})" for at in range(0, len(cells), len(shown))]
    if rows:
        sql = f"SELECT * FROM (VALUES {', '.join(rows)}) AS s({', '.join(names)})"
    else:
        empty = ", ".join(
            f"CAST(NULL AS {PHYSICAL[kind]}) AS {name}" for name, (_, kind) in zip(names, shown, strict=True)
        )
        sql = f"SELECT {empty} WHERE false"
    columns = {name: column(made[1:-1], kind) for (name, kind), made in zip(shown, names, strict=True)}
    return Relation(sql=compilation.emit(sql), columns=columns, stable=True)


def compile_range(compilation: Compilation, node: Node, environment: Environment) -> Relation:
    """Compile RangeOperator."""
    ((shown, kind),) = node.columns or (("", ""),)
    scope = Scope(compilation, environment)
    start, end, step = (_end(node[child], scope) for child in ("From", "To", "Step"))
    if step.const == 0:
        raise Refused("the step of a range must not be 0", node)
    made = compilation.new_column()
    bounds = (start.sql, end.sql, step.sql)
    if kind in ("long", "int", "datetime", "timespan") and not any("SELECT" in sql for sql in bounds):
        # As a table function it is made as it is read, so that a long one can be stopped.
        series = ", ".join(f"CAST({sql} AS BIGINT)" for sql in bounds)
        name = compilation.emit(f"SELECT CAST(x AS {PHYSICAL[kind]}) AS {made} FROM generate_series({series}) AS s(x)")
        column_made = Scalar(sql=made, type=kind, nullable=False, atomic=True)
        return Relation(sql=name, columns={shown: column_made}, stable=True)
    if kind in ("long", "int", "datetime", "timespan"):
        values = f"generate_series(CAST({start.sql} AS BIGINT), CAST({end.sql} AS BIGINT), CAST({step.sql} AS BIGINT))"
    elif kind == "real":
        first, stride = f"CAST({start.sql} AS DOUBLE)", f"CAST({step.sql} AS DOUBLE)"
        count = f"CAST(floor((CAST({end.sql} AS DOUBLE) - {first}) / {stride} + 1e-9) AS BIGINT)"
        values = f"list_transform(generate_series(0, {count}), lambda i: {first} + i * {stride})"
    else:
        raise Refused(f"a range of {kind} is not supported", node)
    sql = compilation.emit(f"SELECT CAST(unnest({values}) AS {PHYSICAL[kind]}) AS {made}")
    return Relation(sql=sql, columns={shown: Scalar(sql=made, type=kind, nullable=False, atomic=True)}, stable=True)


def _end(node: Node, scope: Scope) -> Scalar:
    scalar = compile_scalar(node, scope)
    if scope.row.hoisted:
        raise Refused("this bound of a range is too complex", node, hint="put it into a let")
    return replace(scalar, sql=scalar.inner)
