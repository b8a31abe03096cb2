"""One flow's file on its way to a flow: its nodes, as much of its shape as holds, its query, and what was found so far.

Each part of a file is read by itself, so that a fault in the trigger does not hide one in the tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from earmark.model.finding import Finding
from earmark.model.hits import tag_columns
from earmark.model.trigger import Trigger
from earmark.project.flow_file import FlowFile, HuntFile, TagFile, TriggerFile, ValuesFromList
from earmark.project.lists import Lists
from earmark.project.query_text import QueryText, read_query
from earmark.project.shape import Model, fit
from earmark.project.source import Source, read_source
from earmark.project.triggers import read_trigger
from earmark.project.yaml_nodes import Node, find, find_text, parse_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDraft:
    """What is known of a flow's file."""

    file: str
    """Relative to the project."""
    source: Source | None
    """Its text; None when it cannot be read."""
    root: Node | None
    """Its nodes; None when it is not YAML."""
    shape: FlowFile | None
    """The whole file; None when a part of it does not fit."""
    hunt: HuntFile | None
    """The part under `hunt`, if that fits."""
    tag: TagFile | None
    """The part under `tag`, if that fits."""
    trigger: Trigger | None
    """When the flow is due, if that can be said."""
    query: QueryText | None
    """Its query, if there is one to be read."""
    findings: tuple[Finding, ...]
    """What reading it found."""

    @property
    def name(self) -> str:
        """The flow's name, or that of its file where it has none."""
        node = find_text(self.root, "flow")
        return node.text if node is not None else Path(self.file).stem


def read_draft(folder: Path, file: str, lists: Lists) -> FlowDraft:
    """Read one flow's file."""
    source = read_source(folder, file)
    if isinstance(source, Finding):
        return _nothing(file, None, [source])
    root, findings = parse_yaml(source)
    if root is None:
        return _nothing(file, source, findings)
    shape, shape_findings = fit(FlowFile, root)
    query, query_findings = read_query(folder, file, root, lists)
    trigger_file = shape.trigger if shape else _part(TriggerFile, root, "trigger")
    trigger_node = find(root, "trigger")
    trigger, trigger_findings = (
        read_trigger(trigger_file, trigger_node)
        if trigger_file is not None and trigger_node is not None
        else (None, [])
    )
    return FlowDraft(
        file=file,
        source=source,
        root=root,
        shape=shape,
        hunt=shape.hunt if shape else _part(HuntFile, root, "hunt"),
        tag=shape.tag if shape else _part(TagFile, root, "tag"),
        trigger=trigger,
        query=query,
        findings=(*findings, *shape_findings, *query_findings, *trigger_findings),
    )


def _nothing(file: str, source: Source | None, findings: list[Finding]) -> FlowDraft:
    return FlowDraft(
        file=file,
        source=source,
        root=None,
        shape=None,
        hunt=None,
        tag=None,
        trigger=None,
        query=None,
        findings=tuple(findings),
    )


def _part(model: type[Model], root: Node, key: str) -> Model | None:
    node = find(root, key)
    return fit(model, node)[0] if node is not None else None


def tag_values(tag: TagFile, lists: Lists) -> tuple[str, ...]:
    """What the template's column may hold; empty for a plain tag, and where a list or its column is unknown."""
    if isinstance(tag.values, ValuesFromList):
        table = lists.tables.get(tag.values.list)
        return table.column(tag.values.column) if table and tag.values.column in table.column_names else ()
    return tag.values or ()


def is_template(value: str) -> bool:
    """Whether a tag holds one column in braces, and no other braces."""
    columns = tag_columns(value)
    return len(columns) == 1 and not re.search(r"[{}]", value.replace(f"{{{columns[0]}}}", ""))


def tags_of(draft: FlowDraft, lists: Lists) -> tuple[str, ...]:
    """Every tag the flow may write, as far as that is known."""
    if draft.tag is None:
        return ()
    if not is_template(draft.tag.value):
        return (draft.tag.value,) if not re.search(r"[{}]", draft.tag.value) else ()
    placeholder = f"{{{tag_columns(draft.tag.value)[0]}}}"
    return tuple(dict.fromkeys(draft.tag.value.replace(placeholder, v) for v in tag_values(draft.tag, lists)))
