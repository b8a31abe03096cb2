"""Everything that the project's files say, read at once: values where they hold, findings where they do not.

Queries are analysed in a second step, since that may take the language service, and much can be said without. Both
doors of this room, `load_project` and `check_project`, stand on one reading, so that they never disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from earmark.errors import UsageError
from earmark.kql.base import Analysis, Columns, Tables
from earmark.kql.defender.tables import TABLES
from earmark.model.catalogue import Catalogue
from earmark.model.finding import Finding
from earmark.model.nearest import did_you_mean
from earmark.project.codes import Code
from earmark.project.flow_draft import FlowDraft, read_draft, tags_of
from earmark.project.flow_rules import check_columns, check_draft
from earmark.project.folders import FLOWS, read_folder
from earmark.project.lists import Lists, read_lists
from earmark.project.query_text import check_comments, only_reads_list
from earmark.project.read_settings import read_settings
from earmark.project.settings import EngineKind, Settings
from earmark.project.shape import fit
from earmark.project.source import read_source
from earmark.project.tags_file import TagsFile, catalogue_of
from earmark.project.yaml_nodes import Node, find, find_text, parse_yaml

TAGS_FILE = "tags.yaml"
_NAMES_NO_DEVICE, _NO_TIME_BOUND = "EK108", "EK104"
"""What the KQL library says of any query, and what is said here more exactly of a flow's: EM506, EM511."""
_NOT_COMPILED = "EK001"
"""What only Earmark's own compiler refuses: nothing to say where a tenant runs the query."""
_SEVERAL = 2


class Analyst(Protocol):
    """What this room needs of the KQL library."""

    def analyze(self, query: str) -> Analysis:
        """Everything known of a query's text."""


Analysts = Callable[[Tables], Analyst]
"""Gives the analyst for a set of tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the files of a project say."""

    settings: Settings | None
    """None when earmark.yaml has errors."""
    catalogue: Catalogue
    lists: Lists
    drafts: tuple[FlowDraft, ...]
    """One for each flow's file, sorted by file."""
    shared: tuple[Finding, ...]
    """Findings of what all flows share: settings, catalogue, lists, files that nothing reads."""
    by_file: Mapping[str, tuple[Finding, ...]]
    """Findings of each flow, by the flow's file; some may point into its .kql file."""
    analyses: Mapping[str, Analysis] = field(default_factory=dict)
    """What is known of the queries, by the flow's file; empty until `with_queries`."""


def read_project(folder: Path, *, env: str | None, environment: Mapping[str, str]) -> Reading:
    """Read a project, its queries as text alone."""
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is not a folder; the folder of a project is expected.", hint="Give it with --project."
        )
    settings, findings = read_settings(folder, env=env, environment=environment)
    catalogue, described, catalogue_findings = _read_catalogue(folder)
    lists, list_findings = read_lists(folder, frozenset(TABLES))
    flow_files, stray_findings = read_folder(folder, FLOWS)
    drafts = tuple(read_draft(folder, file, lists) for file in flow_files)
    by_file = {draft.file: [*draft.findings, *check_draft(draft, lists)] for draft in drafts}
    for file, finding in _check_together(drafts, lists, catalogue if described else None):
        by_file[file].append(finding)
    return Reading(
        settings=settings,
        catalogue=catalogue,
        lists=lists,
        drafts=drafts,
        shared=(*findings, *catalogue_findings, *list_findings, *stray_findings),
        by_file={file: tuple(found) for file, found in by_file.items()},
    )


def with_queries(reading: Reading, analysts: Analysts, flows: Collection[str] = ()) -> Reading:
    """The reading with every query analysed, or only those of some flows, and with what is found in them."""
    chosen = _chosen(reading.drafts, flows)
    analyses = _analyses(chosen, reading.lists, analysts)
    if reading.settings is not None and reading.settings.engine is not EngineKind.LOCAL:
        analyses = {file: _as_elsewhere(analysis) for file, analysis in analyses.items()}
    found = {draft.file: _check_query(draft, analyses.get(draft.file), reading.lists) for draft in chosen}
    by_file = {file: (*said, *found.get(file, ())) for file, said in reading.by_file.items()}
    return replace(reading, analyses=analyses, by_file=by_file)


def _chosen(drafts: tuple[FlowDraft, ...], flows: Collection[str]) -> tuple[FlowDraft, ...]:
    known = [draft.name for draft in drafts]
    for name in flows:
        if name not in known:
            hint = f"Flows: {', '.join(sorted(known))}." if known else "The project has no flows."
            raise UsageError(f"There is no flow `{name}`.{did_you_mean(name, known)}", hint=hint)
    return tuple(draft for draft in drafts if not flows or draft.name in flows)


def _read_catalogue(folder: Path) -> tuple[Catalogue, bool, list[Finding]]:
    """The catalogue, whether there is one that can be used, and what is wrong with it; a project need not have one."""
    source = read_source(folder, TAGS_FILE)
    if isinstance(source, Finding):
        return Catalogue(), False, [] if source.code == Code.FILE_MISSING else [source]
    root, findings = parse_yaml(source)
    if root is None:
        return Catalogue(), False, findings
    file, shape_findings = fit(TagsFile, root)
    return catalogue_of(file) if file else Catalogue(), file is not None, findings + shape_findings


def query_tables(lists: Lists) -> dict[str, Columns]:
    """The tables that queries of a project may name."""
    own = {name: tuple((c.name, c.type) for c in table.columns) for name, table in lists.tables.items()}
    return {**TABLES, **own}


def _analyses(drafts: Iterable[FlowDraft], lists: Lists, analysts: Analysts) -> dict[str, Analysis]:
    texts = {draft.file: draft.query.text for draft in drafts if draft.query is not None}
    if not texts:
        return {}
    analyst = analysts(query_tables(lists))
    known = {text: analyst.analyze(text) for text in dict.fromkeys(texts.values())}
    return {file: known[text] for file, text in texts.items()}


def _as_elsewhere(analysis: Analysis) -> Analysis:
    """An analysis for an engine that does not need our compiler."""
    said = tuple(d for d in analysis.diagnostics if d.code != _NOT_COMPILED)
    return replace(analysis, diagnostics=said)


def _check_query(draft: FlowDraft, analysis: Analysis | None, lists: Lists) -> list[Finding]:
    if analysis is None or draft.query is None:
        return []
    reads_events = any(table not in lists.tables for table in analysis.tables)
    said = draft.hunt is None or draft.hunt.window is not None or analysis.window is not None
    window_unknown = reads_events and not said and not analysis.refused
    fixable = draft.root is not None and not only_reads_list(draft.root)
    findings = [
        draft.query.finding(diagnostic, fixable=fixable)
        for diagnostic in analysis.diagnostics
        if not (diagnostic.code == _NAMES_NO_DEVICE or (diagnostic.code == _NO_TIME_BOUND and window_unknown))
    ]
    if window_unknown:
        message = "How far back the query looks cannot be read from it; 30d is taken."
        hint = "Write `window: 7d` under `hunt`, or filter every table by Timestamp."
        findings.append(draft.query.query_finding(Code.WINDOW_UNKNOWN, message, hint))
    return findings + check_comments(draft.query) + check_columns(draft, analysis)


def _check_together(
    drafts: tuple[FlowDraft, ...], lists: Lists, catalogue: Catalogue | None
) -> Iterable[tuple[str, Finding]]:
    """What flows must not share, and tags that the catalogue does not know, each with the flow's file."""
    named = [(draft, draft.name) for draft in drafts if find_text(draft.root, "flow") is not None]
    yield from _check_shared(named, ("flow",), Code.FLOW_NAME_TWICE, "The name `{}` belongs to another flow too: {}.")
    tagged = [(draft, tag) for draft in drafts for tag in tags_of(draft, lists)]
    yield from _check_shared(tagged, ("tag", "value"), Code.TAG_TWICE, "The tag `{}` belongs to another flow too: {}.")
    folded = {tag.casefold(): tag for _, tag in tagged}
    for draft, tag in tagged:
        place = _place(draft, ("tag", "value"))
        if place is not None and (other := folded[tag.casefold()]) != tag:
            message = f"The tags `{tag}` and `{other}` differ by case alone."
            yield draft.file, place.finding(Code.TAG_CASE, message, "Write both alike, or call one differently.")
    if catalogue is not None:
        yield from _check_catalogue(drafts, lists, catalogue)


def _check_shared(
    owners: list[tuple[FlowDraft, str]], path: tuple[str, ...], code: Code, sentence: str
) -> Iterable[tuple[str, Finding]]:
    by_value: dict[str, list[FlowDraft]] = {}
    for draft, value in owners:
        by_value.setdefault(value, []).append(draft)
    for value, drafts in by_value.items():
        for draft in drafts if len(drafts) >= _SEVERAL else ():
            place = _place(draft, path)
            others = ", ".join(other.file for other in drafts if other is not draft)
            if place is not None:
                yield draft.file, place.finding(code, sentence.format(value, others), "Change one of them.")


def _check_catalogue(
    drafts: tuple[FlowDraft, ...], lists: Lists, catalogue: Catalogue
) -> Iterable[tuple[str, Finding]]:
    for draft in drafts:
        place = _place(draft, ("tag", "value"))
        if draft.tag is None or place is None or catalogue.entry(draft.tag.value) is not None:
            continue
        missing = [tag for tag in tags_of(draft, lists) if catalogue.entry(tag) is None]
        if missing:
            message = f"{TAGS_FILE} does not say what the tag `{missing[0]}` means."
            if len(missing) > 1:
                message = f"{TAGS_FILE} does not say what the tags `{missing[0]}` and {len(missing) - 1} more mean."
            message += did_you_mean(missing[0], catalogue.entries)
            yield draft.file, place.finding(Code.TAG_NOT_IN_CATALOGUE, message, f"Add it to {TAGS_FILE}.")


def _place(draft: FlowDraft, path: tuple[str, ...]) -> Node | None:
    return find(draft.root, *path)
