"""One row of each group, the same one every time: for `arg_max`, `arg_min`, `take_any` and the left side of
`innerunique`.

First the best value of each group, which needs two columns; then the rows that have it, which are few; and only among
those a full order over the remaining columns. Measured on 3 million rows of 50,000 groups and ten columns this takes
half the time of numbering all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from earmark.kql.compiler.aggregates import extreme
from earmark.kql.compiler.relation import Relation
from earmark.kql.compiler.scalar import Scalar

if TYPE_CHECKING:
    from earmark.kql.compiler.compile import Compilation


def one_row_each(
    compilation: Compilation,
    relation: Relation,
    keys: Sequence[Scalar],
    by: Scalar,
    *,
    largest: bool,
    ties: Sequence[Scalar] | None = None,
    free: bool = True,
) -> Relation:
    """The row of each group with the largest (or smallest) value; ties fall by the remaining columns, likewise.

    `free` says that any row would do.
    """
    compilation.read_again(relation)
    best, function = compilation.new_column(), "max" if largest else "min"
    renamed = [(key, compilation.new_column()) for key in keys]
    selected = [f"{key.sql} AS {name}" for key, name in renamed] + [
        f"{f'{function}({by.sql})' if free else extreme(function, by)} AS {best}"
    ]
    grouped = f" GROUP BY {', '.join(key.sql for key in keys)}" if keys else ""
    bests = compilation.emit(f"SELECT {', '.join(selected)} FROM {relation.sql}{grouped}")
    terms = [f"l.{key.sql} {'IS NOT DISTINCT FROM' if key.nullable else '='} r.{name}" for key, name in renamed]
    terms.append(f"l.{by.sql} IS NOT DISTINCT FROM r.{best}")
    taken = {key.sql for key in keys} | {by.sql}
    ordered = ties if ties is not None else tuple(relation.columns.values())
    direction = "DESC NULLS LAST" if largest else "ASC NULLS LAST"
    order = [f"l.{column.sql} {direction}" for column in ordered if column.sql not in taken]
    inside = []
    if keys:
        inside.append("PARTITION BY " + ", ".join(f"l.{key.sql}" for key in keys))
    if order:
        inside.append("ORDER BY " + ", ".join(dict.fromkeys(order)))
    sql = compilation.emit(
        f"SELECT l.* FROM {relation.sql} AS l JOIN {bests} AS r ON {' AND '.join(terms)} "
        f"QUALIFY row_number() OVER ({' '.join(inside)}) = 1"
    )
    unique = frozenset(key.sql for key in keys)
    return replace(relation, sql=sql, order=(), stable=False, table="", event_time=None, unique=unique)
