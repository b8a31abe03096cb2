"""Warnings on rules that ask who logs on to a device."""

from __future__ import annotations

import re
from collections.abc import Iterator

from earmark.kql.base import Diagnostic
from earmark.kql.compiler.tree import Node
from earmark.kql.defender.routes import Routes, warn

LOGONS = "DeviceLogonEvents"
_ACCOUNT_COLUMNS = frozenset(
    {
        "AccountName",
        "AccountUpn",
        "AccountDomain",
        "InitiatingProcessAccountName",
        "InitiatingProcessAccountUpn",
        "InitiatingProcessAccountDomain",
    }
)
_WINDOWS_OWN = re.compile(r"dwm|umfd|window manager|font driver", re.IGNORECASE)
_SAME_BUT_FOR_CASE = {
    "EqualExpression": ("==", "=~"),
    "NotEqualExpression": ("!=", "!~"),
    "InExpression": ("in", "in~"),
    "NotInExpression": ("!in", "!in~"),
}
BETTER_ACCOUNTS = 'where AccountName !endswith "$" and not(AccountName matches regex @"(?i)^(dwm|umfd)-\\d+$")'


def _logons(routes: Routes) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Every place that names the table of logons, with the operators its rows pass through; patterns ask for more."""
    for node, names in routes.tables:
        if names == (LOGONS,):
            yield node, routes.downstream(node)


def check_failed_logons(routes: Routes) -> Iterator[Diagnostic]:
    """EK102."""
    for node, operators in _logons(routes):
        filters = [op for op in operators if op.kind == "FilterOperator"]
        if any({"ActionType", "FailureReason"} & routes.columns(op) for op in filters):
            continue
        yield warn(
            "EK102",
            node,
            f"{LOGONS} holds attempted and failed logons too, and they count here.",
            f'Write {node.name} | where ActionType == "LogonSuccess".',
        )


def check_window_managers(routes: Routes) -> Iterator[Diagnostic]:
    """EK103: every interactive session also logs on DWM-n and UMFD-n, accounts of Windows itself."""
    for _, operators in _logons(routes):
        interactive = next((op for op in operators if _keeps_interactive(op, routes)), None)
        grouping = next((op for op in operators if _groups_accounts(op, routes)), None)
        if interactive is None or grouping is None or any(_leaves_out_windows(op, routes) for op in operators):
            continue
        if any(_keeps_named_accounts(op) for op in operators[: operators.index(grouping)]):
            continue
        yield warn(
            "EK103",
            interactive,
            "Accounts of Windows itself log on interactively too (DWM-1, UMFD-0) and count as users here, "
            "as do machine accounts (PC-1$).",
            f"Leave them out: | {BETTER_ACCOUNTS}",
        )


def _keeps_interactive(operator: Node, routes: Routes) -> bool:
    return (
        operator.kind == "FilterOperator"
        and "LogonType" in routes.columns(operator)
        and any("interactive" in text.lower() for text in routes.strings(operator))
    )


def _groups_accounts(operator: Node, routes: Routes) -> bool:
    return operator.kind in ("SummarizeOperator", "MakeSeriesOperator") and any(
        name.startswith("Account") for name in routes.columns(operator)
    )


def _leaves_out_windows(operator: Node, routes: Routes) -> bool:
    if operator.kind != "FilterOperator":
        return False
    by_kind_of_account = {"AccountSid", "AccountDomain", "AccountUpn"} & routes.columns(operator)
    return bool(by_kind_of_account) or any(_WINDOWS_OWN.search(text) for text in routes.strings(operator))


def _keeps_named_accounts(operator: Node) -> bool:
    """Whether a condition keeps accounts that it names, so that no other comes to be counted."""
    if operator.kind == "JoinOperator" or operator.kind == "LookupOperator":
        clause = operator.get("ConditionClause") or operator.get("OnClause")
        return clause is not None and any(
            n.name.startswith("Account") for n in clause.walk() if n.kind == "NameReference"
        )
    keeping = ("EqualExpression", "EqualTildeExpression", "InExpression", "InCsExpression", "StartsWithExpression")
    return operator.kind == "FilterOperator" and any(
        n.kind in keeping and n["Left"].kind == "NameReference" and n["Left"].name == "AccountName"
        for n in operator.walk()
    )


def check_names_by_case(routes: Routes) -> Iterator[Diagnostic]:
    """EK106: sensors write an account as the user typed it: CEO-User, ceo-user."""
    folded = {
        node["Name"].name
        for node in routes.nodes
        if node.kind == "SimpleNamedExpression" and _folds_case(node["Expression"])
    }
    for node in routes.nodes:
        signs = _SAME_BUT_FOR_CASE.get(node.kind)
        if (
            signs is None
            or not _is_account(node["Left"])
            or node["Left"].name in folded
            or not _names_accounts(node["Right"], routes)
        ):
            continue
        found, better = signs
        yield warn(
            "EK106",
            node,
            f"'{found}' minds case, but an account is recorded as it was typed: 'Ann' and 'ann' are one user.",
            f"Write {node['Left'].name} {better} {routes.quote(node['Right'])}.",
        )


def _is_account(node: Node) -> bool:
    return node.kind == "NameReference" and node.name in _ACCOUNT_COLUMNS


def _folds_case(node: Node) -> bool:
    return node.kind == "FunctionCallExpression" and node["Name"].name in ("tolower", "toupper")


def _names_accounts(right: Node, routes: Routes) -> bool:
    """Whether the right side holds names (letters), be it literals, a list, or a query."""
    if any(node.columns is not None or _is_list_value(node) for node in right.walk()):
        return True
    return any(any(char.isalpha() for char in text) for text in routes.strings(right))


def _is_list_value(node: Node) -> bool:
    return node.kind == "NameReference" and node.type == "dynamic"
