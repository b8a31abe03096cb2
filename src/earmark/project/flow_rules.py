"""What binds the keys of one flow's file together, and to the lists and to the result of its query.

A draft goes in, findings at the keys come out. A rule that cannot be judged, because another fault stands in the way,
says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from earmark.kql.base import Analysis, Edit
from earmark.kql.defender.renames import OLD_COLUMNS
from earmark.model.finding import Finding
from earmark.model.flow import Action
from earmark.model.hits import tag_columns
from earmark.model.nearest import did_you_mean
from earmark.project.codes import Code
from earmark.project.flow_draft import FlowDraft, is_template, tag_values
from earmark.project.flow_file import TagFile, ValuesFromList
from earmark.project.lists import Lists
from earmark.project.query_text import unknown_list
from earmark.project.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode, find, find_text

_BRACES = re.compile(r"[{}]")
LONGEST_TAG = 200
"""Longest tag that Microsoft documents, for tags set in the registry
(https://learn.microsoft.com/defender-endpoint/machine-tags)."""


def check_draft(draft: FlowDraft, lists: Lists) -> list[Finding]:
    """Every rule that needs no query."""
    if not isinstance(draft.root, MappingNode):
        return []
    findings = [
        *_check_one_of(draft.root, "trigger", ("recurrence", "cron", "on_demand")),
        *_check_one_of(draft.root, "hunt", ("query", "file", "list")),
    ]
    if (zone := find(draft.root, "trigger", "time_zone")) is not None and find(draft.root, "trigger", "cron") is None:
        message = "`trigger.time_zone` belongs to `cron`; a recurrence has its own."
        findings.append(zone.finding(Code.NO_EFFECT, message, "Move it into `recurrence`."))
    if draft.tag is not None:
        findings += _check_tag(draft.tag, draft.root)
        findings += _check_template(draft.tag, draft.root, lists)
    return findings + list(_check_repeated(draft.root))


def _check_one_of(root: MappingNode, part: str, keys: tuple[str, ...]) -> list[Finding]:
    node = root.get(part)
    if not isinstance(node, MappingNode):
        return []
    given = [key for key, value in node.entries if key.text in keys and not _is_null(value)]
    if len(given) == 1:
        return []
    choice = f"exactly one of {', '.join(f'`{key}`' for key in keys)} is expected"
    if not given:
        place = root.key(part) or node
        return [place.finding(Code.MISSING_KEY, f"`{part}`: {choice}.")]
    message = f"`{part}` gives {' and '.join(f'`{key.text}`' for key in given)}: {choice}."
    return [key.finding(Code.EXCLUSIVE_KEYS, message, "Keep one of them.") for key in given[1:]]


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not node.style and node.text in ("", "~", "null", "Null", "NULL")


def _check_tag(tag: TagFile, root: Node) -> list[Finding]:
    findings: list[Finding] = []
    value = find(root, "tag", "value") or root
    literal = _BRACES.sub("", tag.value)
    if re.search(r"[(),]", literal):
        message = f"The portal's filters may not find the tag `{tag.value}`: it holds parentheses or commas."
        findings.append(value.finding(Code.TAG_AWKWARD, message, "Use a tag without ( ) and commas."))
    if len(tag.value) > LONGEST_TAG:
        message = f"The tag has {len(tag.value)} characters; beyond {LONGEST_TAG} Defender may refuse it."
        findings.append(value.finding(Code.TAG_AWKWARD, message, "Use a short tag."))
    if tag.foreign and tag.action is not Action.REMOVE:
        message = f"`tag.foreign` goes only with `action: remove`, not with `{tag.action}`."
        findings.append((find(root, "tag", "foreign") or root).finding(Code.EXCLUSIVE_KEYS, message, "Remove the key."))
    idle = {Action.ADD: ("keep_for",), Action.REMOVE: ("keep_for", "adopt", "on_drift", "expires")}.get(tag.action, ())
    for key in idle:
        place = find(root, "tag", key)
        if place is not None and not _is_null(place):
            message = f"`tag.{key}` has no effect with `action: {tag.action}`."
            findings.append(place.finding(Code.NO_EFFECT, message, "Remove the key."))
    return findings


def _check_template(tag: TagFile, root: Node, lists: Lists) -> list[Finding]:
    value, values = find(root, "tag", "value") or root, find(root, "tag", "values")
    columns = tag_columns(tag.value)
    if _BRACES.search(tag.value) and not is_template(tag.value):
        message = f"`{tag.value}` is not a template: one `{{Column}}` is expected, and no other braces."
        return [value.finding(Code.TEMPLATE, message)]
    if columns and tag.values is None:
        message = f"The template `{tag.value}` has no `values`: what `{columns[0]}` may hold is not known."
        return [
            value.finding(
                Code.VALUES_MISSING, message, "Add `values: [A, B]` or `values: {list: NAME, column: COLUMN}`."
            )
        ]
    if not columns and values is not None and not _is_null(values):
        message = f"`tag.values` is given, but `{tag.value}` holds no `{{Column}}`."
        hint = 'Remove `values`, or write a template: "Department: {Department}".'
        return [values.finding(Code.VALUES_WITHOUT_TEMPLATE, message, hint)]
    return _check_values_list(tag, root, lists) if isinstance(tag.values, ValuesFromList) else []


def _check_values_list(tag: TagFile, root: Node, lists: Lists) -> list[Finding]:
    name, column = find_text(root, "tag", "values", "list"), find_text(root, "tag", "values", "column")
    if name is None or column is None:
        return []
    table = lists.tables.get(name.text)
    if table is None:
        return [unknown_list(name, lists)]
    if column.text not in table.column_names:
        return [_unknown_column(column, f"The list `{name.text}`", column.text, table.column_names)]
    if not tag_values(tag, lists):
        message = f"The column `{column.text}` of the list `{name.text}` is empty: the flow could write no tag."
        return [column.finding(Code.VALUES_MISSING, message)]
    return []


def _check_repeated(root: Node) -> Iterator[Finding]:
    """A list of words that holds one of them twice: one of the two was meant to be another."""
    recurrence = ("trigger", "recurrence")
    paths = [("hunt", "evidence"), ("tag", "values"), (*recurrence, "days"), (*recurrence, "at")]
    paths += [(*recurrence, "schedule", key) for key in ("weekDays", "hours", "minutes")]
    for path in paths:
        node = find(root, *path)
        seen: set[str] = set()
        for item in node.items if isinstance(node, SequenceNode) else ():
            if not isinstance(item, ScalarNode):
                continue
            text = item.text.lower() if path[0] == "trigger" else item.text
            if text in seen:
                yield item.finding(Code.REPEATED_ITEM, f"`{'.'.join(path)}` holds `{text}` twice.", "Remove one.")
            seen.add(text)


def check_columns(draft: FlowDraft, analysis: Analysis) -> list[Finding]:
    """The columns that the flow names, against those that its query gives."""
    if analysis.columns is None or draft.root is None or draft.query is None:
        return []
    names = [name for name, _ in analysis.columns]
    findings = [finding for finding, _ in _unknown_columns(draft.root, names)]
    if find(draft.root, "hunt", "device") is None and "DeviceId" not in names:
        message = f"The query gives no column `DeviceId`; it gives {_listed(names)}."
        hint = "Let the query give DeviceId, or say with `hunt.device` which column names the device."
        findings.append(draft.query.query_finding(Code.UNKNOWN_COLUMN, message, hint))
    value = find_text(draft.root, "tag", "value")
    for column in tag_columns(value.text) if value is not None else ():
        if value is not None and column not in names:
            findings.append(_unknown_column(value, "The query", column, names))
    return findings


def column_repairs(draft: FlowDraft, analysis: Analysis) -> list[tuple[Finding, Edit]]:
    """Old names of columns that the query gives under their present name: each finding, and the edit of the file."""
    if analysis.columns is None or draft.root is None:
        return []
    found = _unknown_columns(draft.root, [name for name, _ in analysis.columns])
    return [(finding, edit) for finding, edit in found if edit is not None]


def _unknown_columns(root: Node, names: Sequence[str]) -> Iterator[tuple[Finding, Edit | None]]:
    """Columns under `hunt` that the query does not give, each with its repair where there is one."""
    evidence = find(root, "hunt", "evidence")
    items = evidence.items if isinstance(evidence, SequenceNode) else ()
    for place in (find_text(root, "hunt", "device"), *items):
        if isinstance(place, ScalarNode) and place.text.strip() and place.text not in names:
            edit = _rename(place, names)
            yield replace(_unknown_column(place, "The query", place.text, names), fixable=edit is not None), edit


def _rename(place: ScalarNode, names: Sequence[str]) -> Edit | None:
    """The present name in the place of an old one; None where there is none, or where the notation is not simple."""
    renamed = OLD_COLUMNS.get(place.text)
    today = [new for new in renamed.new if new in names] if renamed else []
    quote = 1 if place.style in ("'", '"') else 0
    start, end = place.start + quote, place.end - quote
    if len(today) != 1 or place.secret or place.source.text[start:end] != place.text:
        return None
    return Edit(start=start, end=end, text=today[0])


def _unknown_column(place: Node, thing: str, name: str, names: Sequence[str]) -> Finding:
    message = f"{thing} gives no column `{name}`; it gives {_listed(names)}.{did_you_mean(name, names)}"
    renamed = OLD_COLUMNS.get(name)
    today = next((new for new in renamed.new if new in names), "") if renamed else ""
    hint = (
        f"It is called {today} since {renamed.since}." if renamed and today else "Names of columns are case-sensitive."
    )
    return place.finding(Code.UNKNOWN_COLUMN, message, hint)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12]) or "none"
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown
