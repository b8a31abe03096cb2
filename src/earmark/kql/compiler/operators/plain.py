"""Operators that need few words: `count`, `distinct`, `as`, `render`, `serialize`'s kin, `getschema`, `invoke`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from earmark.kql.compiler.expressions import compile_scalar
from earmark.kql.compiler.operators.project import compile_extend
from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scalar import Scalar, column, quoted
from earmark.kql.compiler.scope import Environment, Refused, Row, Scope
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation

_CLR_TYPES = {
    "bool": "System.SByte",
    "int": "System.Int32",
    "long": "System.Int64",
    "real": "System.Double",
    "string": "System.String",
    "datetime": "System.DateTime",
    "timespan": "System.TimeSpan",
    "dynamic": "System.Object",
    "guid": "System.Guid",
    "decimal": "System.Data.SqlTypes.SqlDecimal",
}


def compile_count(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile CountOperator."""
    made = compilation.new_column()
    name = compilation.emit(f"SELECT count(*) AS {made} FROM {relation.sql}")
    shown = (node.columns or (("Count", "long"),))[0][0]
    return Relation(
        sql=name, columns={shown: Scalar(sql=made, type="long", nullable=False, atomic=True)}, reach=relation.reach
    )


def compile_distinct(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile DistinctOperator."""
    expected = node.columns or ()
    scope = Scope(compilation, environment, Row(relation))
    values: list[Scalar] = []
    for expression in node.list("Expressions"):
        if expression.kind == "StarExpression":
            values += relation.columns.values()
        else:
            values.append(
                compile_scalar(
                    expression["Expression"] if expression.kind == "SimpleNamedExpression" else expression, scope
                )
            )
    if len(values) != len(expected):
        raise Refused("these columns cannot be told from the input's", node)
    settled, made = compilation.placed(
        scope.settled(), [(name, value) for (name, _), value in zip(expected, values, strict=True)]
    )
    fresh = {name: compilation.new_column() for name in made}
    selected = ", ".join(f"{value.sql} AS {fresh[name]}" for name, value in made.items())
    sql = compilation.emit(f"SELECT DISTINCT {selected} FROM {settled.sql}")
    columns = {name: column(fresh[name][1:-1], value.type, nullable=value.nullable) for name, value in made.items()}
    return Relation(sql=sql, columns=columns, reach=relation.reach)


def compile_unchanged(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile RenderOperator and ConsumeOperator's like: what is drawn does not change what is found."""
    return relation


def compile_serialize(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile SerializeOperator: an extend whose row functions see the order there is."""
    return compile_extend(compilation, node, relation, environment) if node.list("Expressions") else relation


def compile_as(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile AsOperator: a name for the rest of the query, and for `union withsource`."""
    environment.bind(node["Name"].name, relation)
    return replace(relation, table=node["Name"].name)


def compile_getschema(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile GetSchemaOperator."""
    names = [compilation.new_column() for _ in range(4)]
    rows = ", ".join(
        f"({quoted(name)}, {at}, {quoted(_CLR_TYPES[value.type])}, {quoted(value.type)})"
        for at, (name, value) in enumerate(relation.columns.items())
    )
    sql = compilation.emit(f"SELECT * FROM (VALUES {rows}) AS s({', '.join(names)})")
    expected = node.columns or ()
    if len(expected) != len(names):
        raise Refused("getschema gives other columns than expected here", node)
    columns = {name: column(made[1:-1], kind) for (name, kind), made in zip(expected, names, strict=True)}
    return Relation(sql=sql, columns=columns, stable=True)


def compile_invoke(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile InvokeOperator: a function of the query with the table as its first argument."""
    return compilation.call_tabular(node["Function"], environment, piped=relation)
