"""`mv-expand`: a row for each element of an array, each property of a bag, or a value that is neither.

A null gives one row, an empty array or bag none; several columns expand side by side, the shorter ones padded with
null. `to typeof` takes what already is of that type: numbers for numbers (cut towards zero), text for times and guids;
text is not read as a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from earmark.kql.base import PHYSICAL
from earmark.kql.compiler.conversions import convert
from earmark.kql.compiler.expressions import compile_scalar
from earmark.kql.compiler.operators.join import parameter
from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scalar import Scalar
from earmark.kql.compiler.scope import Environment, Refused, Row, Scope
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation

_LEGACY_LIMIT = 128
"""Rows that `mvexpand`, the old spelling, gives at most (https://learn.microsoft.com/kusto/query/mv-expand-operator)."""
_NUMBER = "('UBIGINT', 'BIGINT', 'DOUBLE', 'HUGEINT', 'UHUGEINT')"
_WHOLE = "('UBIGINT', 'BIGINT')"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expansion:
    """One column to expand."""

    name: str
    value: Scalar
    to: str
    """The type of `to typeof`, else empty."""


def compile_mv_expand(compilation: Compilation, node: Node, relation: Relation, environment: Environment) -> Relation:
    """Compile MvExpandOperator."""
    scope = Scope(compilation, environment, Row(relation))
    expansions = [_read(expression, scope) for expression in node.list("Expressions")]
    pairs = (parameter(node, "kind") or parameter(node, "bagexpansion")) == "array"
    limit = _limit(node)
    settled, placed = compilation.placed(scope.settled(), [(str(at), e.value) for at, e in enumerate(expansions)])
    lists = [
        (compilation.new_column(), _elements(placed[str(at)].sql, pairs=pairs, limit=limit))
        for at in range(len(expansions))
    ]
    settled = compilation.extend(settled, lists)
    made = [compilation.new_column() for _ in expansions]
    selected = [f"unnest({elements}) AS {name}" for (elements, _), name in zip(lists, made, strict=True)]
    index_name, index = parameter(node, "with_itemindex"), compilation.new_column()
    if index_name:
        longest = ", ".join(f"len({elements})" for elements, _ in lists)
        selected.append(f"unnest(range(greatest({longest}))) AS {index}")
    sql = compilation.emit(f"SELECT *, {', '.join(selected)} FROM {settled.sql}")
    expanded = replace(settled, sql=sql, known={}, unique=frozenset(), table="")
    return _shown(compilation, node, expanded, expansions, made, (index_name, index), environment)


def _shown(
    compilation: Compilation,
    node: Node,
    expanded: Relation,
    expansions: Sequence[_Expansion],
    made: Sequence[str],
    index: tuple[str, str],
    environment: Environment,
) -> Relation:
    scope = Scope(compilation, environment, Row(expanded))
    values: list[tuple[str, Scalar]] = []
    for expansion, name in zip(expansions, made, strict=True):
        element = Scalar(sql=name, type="dynamic", atomic=True)
        values.append((expansion.name, _typed(element, expansion.to, scope, node)))
    expanded, columns = compilation.placed(scope.settled(), values)
    if index[0]:
        columns[index[0]] = Scalar(sql=index[1], type="long", nullable=False, atomic=True)
    everything = {**expanded.columns, **columns}
    shown = [name for name, _ in node.columns or ()]
    if not everything.keys() >= set(shown):
        raise Refused("the new column of mv-expand needs a name", node, hint="write mv-expand Name = expression")
    return replace(expanded, columns={name: everything[name] for name in shown})


def _read(node: Node, scope: Scope) -> _Expansion:
    inner, to = (node["Expression"], node.get("ToTypeOf")) if node.kind == "MvExpandExpression" else (node, None)
    name, value = (
        (inner["Name"].name, inner["Expression"])
        if inner.kind == "SimpleNamedExpression"
        else (inner.result_name or inner.name, inner)
    )
    scalar = compile_scalar(value, scope)
    if scalar.type != "dynamic":
        raise Refused("mv-expand takes a dynamic value", node, hint="use parse_json(…) or split(…)")
    kind = ""
    if to is not None:
        types = to["TypeOf"].list("Types")
        kind = types[0].symbol.name if len(types) == 1 and types[0].symbol is not None else "?"
    return _Expansion(name=name, value=scalar, to=kind)


def _limit(node: Node) -> int | None:
    clause = node.get("RowLimitClause")
    if clause is None:
        return _LEGACY_LIMIT if node.text("MvExpandKeyword") == "mvexpand" else None
    number = clause["RowLimit"]
    if number.kind not in ("LongLiteralExpression", "IntLiteralExpression"):
        raise Refused("the limit of mv-expand must be a number", number)
    return int(number.token().value)


def _elements(value: str, *, pairs: bool, limit: int | None) -> str:
    """The list of JSON texts that a dynamic value expands to."""
    make = "json_array" if pairs else "json_object"
    entries = f"map_entries(TRY_CAST(TRY_CAST({value} AS JSON) AS MAP(VARCHAR, JSON)))"
    elements = (
        f"CASE WHEN {value} IS NULL THEN [NULL::VARCHAR] "
        f"WHEN left({value}, 1) = '[' THEN CAST(json_extract(TRY_CAST({value} AS JSON), '$[*]') AS VARCHAR[]) "
        f"WHEN left({value}, 1) = '{{' "
        f"THEN list_transform({entries}, lambda e: CAST({make}(e.key, e.value) AS VARCHAR)) "
        f"ELSE [{value}] END"
    )
    cut = elements if limit is None else f"list_slice({elements}, 1, {limit})"
    return f"list_transform({cut}, lambda e: nullif(e, 'null'))"


def _typed(element: Scalar, kind: str, scope: Scope, node: Node) -> Scalar:
    if kind in ("", "dynamic"):
        return element
    if kind == "string":
        return convert(element, "string", scope, node)
    json_type = f"json_type({element.sql})"
    number = f"TRY_CAST({element.sql} AS DOUBLE)"
    text = f"json_extract_string({element.sql}, '$')"
    if kind in ("long", "int"):
        # Whole numbers directly: a double would lose digits beyond 2^53.
        target = PHYSICAL[kind]
        whole, cut = f"TRY_CAST({element.sql} AS {target})", f"TRY_CAST(trunc({number}) AS {target})"
        sql = f"CASE WHEN {json_type} IN {_WHOLE} THEN {whole} WHEN {json_type} = 'DOUBLE' THEN {cut} END"
    elif kind == "real":
        sql = f"CASE WHEN {json_type} IN {_NUMBER} THEN {number} END"
    elif kind == "bool":
        truth = f"WHEN {json_type} = 'BOOLEAN' THEN TRY_CAST({element.sql} AS BOOLEAN)"
        sql = f"CASE {truth} WHEN {json_type} IN {_WHOLE} THEN {number} <> 0 END"
    elif kind in ("datetime", "guid"):
        text_value = Scalar(
            sql=f"coalesce(CASE WHEN {json_type} = 'VARCHAR' THEN {text} END, '')", type="string", nullable=False
        )
        return convert(text_value, kind, scope, node)
    else:
        raise Refused(f"mv-expand to typeof({kind}) is not supported", node)
    return Scalar(sql=sql, type=kind)
