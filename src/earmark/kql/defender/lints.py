"""Warnings on a rule that binds: what may make it tag other devices than its author means.

In comes a reading of a text that binds, out come warnings with the better text in their hints. They change
what a query means, so none is made by itself. A lint a function; what each is about is in `CODES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from earmark.kql.base import Columns, Diagnostic
from earmark.kql.compiler.tree import Node
from earmark.kql.defender.logon_lints import check_failed_logons, check_names_by_case, check_window_managers
from earmark.kql.defender.reading import Reading
from earmark.kql.defender.renames import OLD_VALUES
from earmark.kql.defender.routes import Routes, warn
from earmark.kql.defender.time_lints import check_kept_days, check_time_bound

CODES = {
    "EK101": "Of several that are equal, any may be taken: the same data can give different devices.",
    "EK102": "Failed logons are counted with the others.",
    "EK103": "Accounts of Windows itself (window manager, font driver, machine accounts) are counted as users.",
    "EK104": "Nothing says how far back the rule looks.",
    "EK105": "The rule looks further back than Defender keeps its data.",
    "EK106": "Names of accounts are compared with regard to case.",
    "EK107": "Some rows are taken without an order: which devices are tagged is left to chance.",
    "EK108": "The result names no device.",
    "EK109": "An old name of a function or operator.",
    "EK110": "A table of the past.",
    "EK111": "A value that the column no longer holds.",
    "EK112": "count() is given an argument.",
}
"""Every code of this room, with what it is about."""

_Lint = Callable[[Routes], Iterator[Diagnostic]]


def check_rule(reading: Reading, text: str) -> tuple[Diagnostic, ...]:
    """Every warning on a query that binds."""
    if reading.tree is None:
        return ()
    routes = Routes(reading.tree, text)
    found = [warning for lint in _LINTS for warning in lint(routes)]
    return (*found, *_check_result(routes, reading.columns))


def _check_arbitrary_of_equals(routes: Routes) -> Iterator[Diagnostic]:
    """`arg_max(Logons, AccountName)` where two users have as many logons."""
    for node in routes.nodes:
        symbol = node.symbol
        if (
            node.kind != "FunctionCallExpression"
            or symbol is None
            or symbol.name not in _EXTREMES
            or len(node.arguments) < 2
        ):
            continue
        measure = node.arguments[0]
        if not _can_be_equal(measure):
            continue
        best, word = _EXTREMES[symbol.name]
        name = measure.name or "the measure"
        yield warn(
            "EK101",
            node,
            f"{symbol.name} takes any of several rows of equal '{name}': the same data can give different devices.",
            _join_hint(routes, node, measure.name or "N", best, word),
        )


_EXTREMES = {
    "arg_max": ("max", "Most"),
    "arg_min": ("min", "Least"),
    "argmax": ("max", "Most"),
    "argmin": ("min", "Least"),
}


def _join_hint(routes: Routes, call: Node, measure: str, best: str, word: str) -> str:
    summarize = routes.within(call, "SummarizeOperator")
    clause = None if summarize is None else summarize.get("ByClause")
    keys = [] if clause is None else [key.result_name for key in clause.list("Expressions") if key.result_name]
    by = f" by {', '.join(keys)}" if keys else ""
    if not keys:
        extreme = f"toscalar(R | summarize {best}({measure}))"
        return f"Keep every row with the {best}imum: let R = …; R | where {measure} == {extreme}"
    on = ", ".join(keys)
    return (
        f"Keep every one that has the {best}imum: let R = … (the query up to this summarize); "
        f"R | join kind=inner (R | summarize {word} = {best}({measure}){by}) on {on} | where {measure} == {word}"
    )


def _can_be_equal(measure: Node) -> bool:
    """Counts often are; moments and the sensor's own numbers hardly ever."""
    return measure.type not in ("datetime", "") and measure.name != "ReportId"


def _check_top_of_equals(routes: Routes) -> Iterator[Diagnostic]:
    """`top 1 by Logons`, or `sort by Logons | take 1`."""
    for node in routes.nodes:
        if node.kind == "TopOperator" and _literal(node.get("Expression")) == "1":
            keys = [node["ByExpression"]]
        elif node.kind == "TakeOperator" and _literal(node.get("Expression")) == "1":
            before = _operator_before(routes, node)
            keys = list(before.list("Expressions")) if before is not None and before.kind == "SortOperator" else []
        else:
            continue
        measures = [key.get("Expression") or key if key.kind == "OrderedExpression" else key for key in keys]
        if measures and all(_can_be_equal(measure) for measure in measures):
            name = measures[0].name or "N"
            best = "min" if any(n.text("AscOrDescKeyword") == "asc" for n in keys[0].walk()) else "max"
            yield warn(
                "EK101",
                node,
                f"This takes any of several rows of equal '{name}': the same data can give different devices.",
                f"Keep every row with the {best}imum: let R = …; "
                f"R | where {name} == toscalar(R | summarize {best}({name}))",
            )


def _literal(node: Node | None) -> str:
    return "" if node is None or "Token" not in node.children else node.text("Token")


def _operator_before(routes: Routes, operator: Node) -> Node | None:
    pipe = routes.parent(operator)
    source = None if pipe is None else pipe.get("Expression")
    return source.get("Operator") if source is not None and source.kind == "PipeExpression" else None


def _check_arbitrary_rows(routes: Routes) -> Iterator[Diagnostic]:
    for node in routes.nodes:
        if node.kind not in ("TakeOperator", "SampleOperator", "SampleDistinctOperator"):
            continue
        pipe = routes.parent(node)
        source = None if pipe is None else pipe.get("Expression")
        if node.kind == "TakeOperator" and source is not None and source.sorted:
            continue
        yield warn(
            "EK107",
            node,
            "Which rows this takes is left to chance, so the devices tagged change from run to run.",
            "Leave it out, or say which: top 10 by Timestamp desc.",
        )


def _check_changed_values(routes: Routes) -> Iterator[Diagnostic]:
    tables = {name for _, names in routes.tables for name in names}
    for node in routes.nodes:
        if node.kind not in (
            "EqualExpression",
            "NotEqualExpression",
            "InExpression",
            "InCsExpression",
            "EqualTildeExpression",
        ):
            continue
        columns = routes.columns(node)
        for value in OLD_VALUES:
            if value.column in columns and tables & set(value.tables) and value.old in routes.strings(node):
                yield warn(
                    "EK111",
                    node,
                    f"'{value.column}' no longer holds '{value.old}': since {value.since} it is '{value.new}'.",
                    f'Compare with "{value.new}".',
                )


def _check_count_argument(routes: Routes) -> Iterator[Diagnostic]:
    for node in routes.nodes:
        symbol = node.symbol
        if (
            node.kind != "FunctionCallExpression"
            or symbol is None
            or (symbol.name, symbol.origin) != ("count", "aggregate")
        ):
            continue
        if node.arguments:
            yield warn(
                "EK112",
                node,
                "count() takes no argument; it is accepted here, but what it counts is not documented.",
                "Write countif(…) to count the rows that satisfy the condition, count() to count all.",
            )


def _check_result(routes: Routes, columns: Columns | None) -> Iterator[Diagnostic]:
    names = {name for name, _ in columns or ()}
    if columns is None or names & {"DeviceId", "DeviceName"}:
        return
    statements = routes.root.list("Statements")
    last = statements[-1].get("Expression") if statements else None
    if last is None:
        return
    shown = ", ".join(name for name, _ in columns[:4]) + (", …" if len(columns) > 4 else "")
    yield warn(
        "EK108",
        last.get("Operator") or last,
        f"The result names no device: it has {shown or 'no column'}, but neither DeviceId nor DeviceName.",
        "Keep DeviceId to the end: … by DeviceId, … | project DeviceId, DeviceName.",
    )


_LINTS: tuple[_Lint, ...] = (
    _check_arbitrary_of_equals,
    _check_top_of_equals,
    check_failed_logons,
    check_window_managers,
    check_time_bound,
    check_kept_days,
    check_names_by_case,
    _check_arbitrary_rows,
    _check_changed_values,
    _check_count_argument,
)
