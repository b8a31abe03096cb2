"""The operators of KQL, a module a family: Microsoft's kind of node → the function that compiles it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from earmark.kql.compiler.operators import (
    join,
    mv_expand,
    parse,
    plain,
    project,
    sort,
    sources,
    summarize,
    union,
    where,
)
from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scope import Environment
from earmark.kql.compiler.tree import Node

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation

Operator = Callable[["Compilation", Node, Relation, Environment], Relation]
Source = Callable[["Compilation", Node, Environment], Relation]

OPERATORS: Mapping[str, Operator] = {
    "AsOperator": plain.compile_as,
    "CountOperator": plain.compile_count,
    "DistinctOperator": plain.compile_distinct,
    "ExtendOperator": project.compile_extend,
    "FilterOperator": where.compile_where,
    "GetSchemaOperator": plain.compile_getschema,
    "InvokeOperator": plain.compile_invoke,
    "JoinOperator": join.compile_join,
    "LookupOperator": join.compile_lookup,
    "MvExpandOperator": mv_expand.compile_mv_expand,
    "ParseOperator": parse.compile_parse,
    "ParseWhereOperator": parse.compile_parse_where,
    "ProjectOperator": project.compile_project,
    "ProjectAwayOperator": project.compile_seen,
    "ProjectKeepOperator": project.compile_seen,
    "ProjectRenameOperator": project.compile_rename,
    "ProjectReorderOperator": project.compile_seen,
    "RenderOperator": plain.compile_unchanged,
    "SampleOperator": sort.compile_take,
    "SerializeOperator": plain.compile_serialize,
    "SortOperator": sort.compile_sort,
    "SummarizeOperator": summarize.compile_summarize,
    "TakeOperator": sort.compile_take,
    "TopOperator": sort.compile_top,
    "UnionOperator": union.compile_union,
}
"""After a pipe."""

SOURCES: Mapping[str, Source] = {
    "DataTableExpression": sources.compile_datatable,
    "PrintOperator": sources.compile_print,
    "RangeOperator": sources.compile_range,
    "UnionOperator": union.compile_union_source,
}
"""At the head of a pipe."""
