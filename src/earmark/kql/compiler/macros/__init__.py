"""SQL macros for conversions and other meanings that need an argument several times.

Every macro is total: whatever its arguments hold, it gives a value or NULL and never stops the query; but for those
that call `error`, where Kusto's answer is not known for a value and none is better than a wrong one. DuckDB writes a
macro's arguments out wherever they are named, so callers hand over columns, not long expressions (`Scope.hoist`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from earmark.kql.compiler.macros.addresses import ADDRESSES, IPV4, OCTET
from earmark.kql.compiler.macros.arrays import ARRAYS
from earmark.kql.compiler.macros.base import Macro
from earmark.kql.compiler.macros.hashes import HASHES
from earmark.kql.compiler.macros.parsing import PARSING
from earmark.kql.compiler.macros.texts import TERM, TEXTS
from earmark.kql.compiler.macros.values import VALUES

MACROS: Final[dict[str, Macro]] = {**VALUES, **ARRAYS, **TEXTS, **PARSING, **ADDRESSES, **HASHES}
"""Name → macro."""

__all__ = ["IPV4", "MACROS", "OCTET", "TERM", "Macro", "definitions", "repeats"]


def definitions(names: Iterable[str]) -> tuple[str, ...]:
    """CREATE MACRO statements for these macros and all that they need, in an order that works."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        if name not in ordered:
            for needed in MACROS[name].needs:
                add(needed)
            ordered[name] = None

    for name in names:
        add(name)
    return tuple(
        f"CREATE TEMP MACRO {name}({', '.join(MACROS[name].parameters)}) AS ({MACROS[name].body})" for name in ordered
    )


def repeats(name: str, position: int) -> bool:
    """Whether a macro writes its argument out more than once, itself or through the macros that it calls."""
    macro = MACROS[name]
    parameter = macro.parameters[position]
    return len(re.findall(rf"\b{parameter}\b", macro.body)) > 1 or bool(macro.needs)
