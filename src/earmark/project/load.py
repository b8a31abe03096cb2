"""The doors of this room: a project's folder in, a `Project` or the list of its findings out.

`check_project` says everything; `load_project` stops at what all flows share (settings, catalogue, lists) and sets
flows with errors aside, so that one broken file does not stop the work on the others. It leaves the analysis of queries
for when a flow is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from earmark.errors import ProjectError
from earmark.kql.base import Analysis, Tables
from earmark.model.finding import Finding, Severity
from earmark.model.flow import Flow, Hunt, TagRule
from earmark.project.digests import flow_digest, query_digest
from earmark.project.flow_draft import FlowDraft, tag_values
from earmark.project.flow_file import TagFile
from earmark.project.lists import Lists
from earmark.project.project import Flows, Project, findings_error
from earmark.project.read_settings import guard_in_force
from earmark.project.reading import Analyst, Analysts, Reading, read_project, with_queries
from earmark.project.settings import Settings

DEFAULT_WINDOW = timedelta(days=30)
"""The window of a hunt where neither the file nor the query says: as far back as Defender keeps its events."""


def kql_analysts(folder: Path) -> Analysts:
    """The KQL library, with its answers kept in the project's cache."""

    def analyst(tables: Tables) -> Analyst:
        from earmark.kql.service import Kql

        return Kql(tables, cache=folder / ".earmark" / "cache" / "kql")

    return analyst


def check_project(
    folder: Path,
    *,
    env: str | None = None,
    flows: Sequence[str] = (),
    analysts: Analysts | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Every finding of a project, sorted; with `flows`, only of these and of what all flows share."""
    reading = with_queries(_read(folder, env, environment), analysts or kql_analysts(folder), flows)
    chosen = {draft.file for draft in reading.drafts if not flows or draft.name in flows}
    found = [finding for file in chosen for finding in reading.by_file[file]]
    return sorted({*reading.shared, *found})


def load_project(
    folder: Path,
    *,
    env: str | None = None,
    analysts: Analysts | None = None,
    environment: Mapping[str, str] | None = None,
) -> Project:
    """A project ready for use; `ProjectError` when what all flows share has errors."""
    reading = _read(folder, env, environment)
    settings = reading.settings
    if settings is None or _errors(reading.shared):
        raise findings_error("The project cannot be used", tuple(sorted(reading.shared)))
    return Project(
        folder=folder.absolute(),
        settings=settings,
        catalogue=reading.catalogue,
        lists=dict(sorted(reading.lists.tables.items())),
        tag_rules={
            draft.name: _tag_rule(draft.tag, reading.lists)
            for draft in reading.drafts
            if draft.tag is not None and not _errors(reading.by_file[draft.file])
        },
        read_flows=lambda: _read_flows(reading, settings, analysts or kql_analysts(folder)),
    )


def _read_flows(reading: Reading, settings: Settings, analysts: Analysts) -> Flows:
    reading = with_queries(reading, analysts)
    broken = {file: tuple(sorted(found)) for file, found in reading.by_file.items() if _errors(found)}
    flows = [_flow(draft, reading, settings) for draft in reading.drafts if draft.file not in broken]
    return Flows(
        usable={flow.name: flow for flow in sorted(flows, key=lambda flow: flow.name)},
        broken=broken,
        broken_names={draft.name: draft.file for draft in reading.drafts if draft.file in broken},
    )


def _read(folder: Path, env: str | None, environment: Mapping[str, str] | None) -> Reading:
    return read_project(folder, env=env, environment=os.environ if environment is None else environment)


def _errors(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


def _flow(draft: FlowDraft, reading: Reading, settings: Settings) -> Flow:
    shape, query, trigger = draft.shape, draft.query, draft.trigger
    analysis = reading.analyses.get(draft.file)
    if shape is None or query is None or trigger is None or analysis is None:
        raise ProjectError(f"{draft.file} cannot be read as a flow.", hint="`earmark check` lists every finding.")
    flow = Flow(
        name=shape.flow,
        file=draft.file,
        trigger=trigger,
        hunt=Hunt(
            query=query.text,
            device=shape.hunt.device,
            evidence=shape.hunt.evidence,
            window=shape.hunt.window or analysis.window or DEFAULT_WINDOW,
        ),
        tag=_tag_rule(shape.tag, reading.lists),
        description=shape.description or "",
        owner=shape.owner or "",
        silent=shape.silent,
        guard=guard_in_force(shape.guard, settings.guard),
        approval=shape.approval,
        query_digest=_query_digest(query.text, analysis, reading.lists),
    )
    return replace(flow, flow_digest=flow_digest(flow))


def _query_digest(query: str, analysis: Analysis, lists: Lists) -> str:
    return query_digest(query, [lists.tables[name].digest for name in analysis.tables if name in lists.tables])


def _tag_rule(tag: TagFile, lists: Lists) -> TagRule:
    expires = tag.expires
    return TagRule(
        value=tag.value,
        values=tag_values(tag, lists),
        action=tag.action,
        adopt=tag.adopt,
        on_drift=tag.on_drift,
        keep_for=tag.keep_for or timedelta(0),
        expires_at=None if isinstance(expires, timedelta) else expires,
        expires_after=expires if isinstance(expires, timedelta) else None,
        foreign=tag.foreign,
    )
