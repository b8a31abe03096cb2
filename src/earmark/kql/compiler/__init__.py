"""Bound trees to SQL for DuckDB: `compile_tree` is the door, every refusal a diagnostic with its place."""

from __future__ import annotations

from dataclasses import dataclass

from earmark.kql.base import CompiledQuery, Diagnostic, Tables, Weight
from earmark.kql.compiler.tree import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A query that runs."""

    query: CompiledQuery
    reach: int | None
    """How many ticks before now the events it reads may lie; 0 when it reads none, None when that is not bounded."""


def compile_tree(root: Node, tables: Tables, text: str) -> Compiled | Diagnostic:
    """The SQL of a bound query, or why there is none."""
    from earmark.kql.compiler.compile import Compilation
    from earmark.kql.compiler.scope import Refused

    compilation = Compilation(tables)
    try:
        query, relation = compilation.compile(root)
    except Refused as refused:
        node = compilation.call_site or refused.node
        return Diagnostic(
            code=refused.code,
            weight=Weight.ERROR,
            message=refused.message,
            start=node.start if node is not None else 0,
            end=node.end if node is not None else len(text),
            hint=refused.hint,
        )
    except RecursionError:
        hint = "use fewer parentheses, or `in` in place of many `or`"
        return Diagnostic(
            code="EK008",
            weight=Weight.ERROR,
            message="the query is nested too deeply",
            start=0,
            end=len(text),
            hint=hint,
        )
    except Exception as fault:  # A fault of ours must refuse the query, not stop the command.
        message = f"the query cannot be translated: {type(fault).__name__} {fault}".rstrip()
        hint = "this is a fault of Earmark; please report it with the query"
        return Diagnostic(code="EK009", weight=Weight.ERROR, message=message, start=0, end=len(text), hint=hint)
    return Compiled(query=query, reach=relation.reach)
