"""`project`, its family, and `extend`: which columns are seen, and new ones.

Leaving out, renaming and moving columns writes no SQL: only what the relation shows changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from earmark.kql.compiler.expressions import compile_scalar
from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scalar import Scalar
from earmark.kql.compiler.scope import Environment, Refused, Row, Scope
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation


def named_values(node: Node, scope: Scope, child: str = "Expressions") -> Iterator[tuple[str, Scalar]]:
    """The expressions of a list with the names that they are given, or get from the service."""
    for expression in node.list(child):
        if expression.kind == "SimpleNamedExpression":
            yield expression["Name"].name, compile_scalar(expression["Expression"], scope)
        elif expression.kind == "CompoundNamedExpression":
            raise Refused("several names for one expression are not supported", expression)
        else:
            yield expression.result_name, compile_scalar(expression, scope)


def compile_project(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile ProjectOperator and the list of PrintOperator; names come from the service, by position."""
    scope = Scope(compilation, environment, Row(relation))
    values = [value for _, value in named_values(node, scope)]
    expected = node.columns or ()
    if len(values) != len(expected):
        raise Refused("an expression that gives several columns is not supported", node)
    return compilation.project(
        scope.settled(), [(name, value) for (name, _), value in zip(expected, values, strict=True)]
    )


def compile_extend(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile ExtendOperator and SerializeOperator."""
    scope = Scope(compilation, environment, Row(relation))
    named = list(named_values(node, scope))
    shown = {name for name, _ in node.columns or ()}
    unnamed = [at for at, (name, _) in enumerate(named) if name not in shown]
    if unnamed:
        named = _names_by_position(node, relation, named)
    settled, made = compilation.placed(scope.settled(), named)
    columns = {**relation.columns, **made}
    if not columns.keys() >= shown:
        raise Refused("a new column without a name is not supported here", node, hint="write name = expression")
    return replace(settled, columns={name: columns[name] for name, _ in node.columns or ()}, table="")


def _names_by_position(node: Node, relation: Relation, named: list[tuple[str, Scalar]]) -> list[tuple[str, Scalar]]:
    """Names of unnamed expressions: the service's columns that are new, in order."""
    known = {name for name, _ in named}
    new = iter([name for name, _ in node.columns or () if name not in relation.columns and name not in known])
    shown = {name for name, _ in node.columns or ()}
    return [(name if name in shown else next(new, name), value) for name, value in named]


def compile_seen(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile ProjectAwayOperator, ProjectKeepOperator, ProjectReorderOperator.

    The service says which columns stay, and in which order.
    """
    shown = [name for name, _ in node.columns or ()]
    if not relation.columns.keys() >= set(shown):
        raise Refused("these columns cannot be told from the input's", node)
    return replace(relation, columns={name: relation.columns[name] for name in shown}, table="")


def compile_rename(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile ProjectRenameOperator."""
    new_names: dict[str, str] = {}
    for expression in node.list("Expressions"):
        if expression.kind != "SimpleNamedExpression" or expression["Expression"].kind != "NameReference":
            raise Refused("project-rename takes New = Old", expression)
        new_names[expression["Expression"].name] = expression["Name"].name
    columns = {new_names.get(name, name): column for name, column in relation.columns.items()}
    if len(columns) != len(relation.columns):
        raise Refused("project-rename gives two columns one name", node)
    return replace(relation, columns=columns, table="")
