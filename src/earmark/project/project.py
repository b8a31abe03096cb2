"""A project as loaded: settings, flows, lists and catalogue, looked up by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from earmark.errors import ProjectError, UsageError
from earmark.model.catalogue import Catalogue
from earmark.model.finding import Finding
from earmark.model.flow import Flow, TagRule
from earmark.model.nearest import did_you_mean
from earmark.project.lists import ProjectList
from earmark.project.report import render_finding
from earmark.project.settings import Settings

SHOWN_FINDINGS = 3
"""Findings that an exception names before it sends the reader to `check`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """The flows of a project, their queries analysed."""

    usable: Mapping[str, Flow]
    """Flows by name, sorted; those with errors are left out."""
    broken: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    """Files of flows that have errors, each with its findings."""
    broken_names: Mapping[str, str] = field(default_factory=dict)
    """The file of each broken flow, by the flow's name."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """Everything that the project's files state."""

    folder: Path
    """The project's folder, absolute."""
    settings: Settings
    catalogue: Catalogue
    lists: Mapping[str, ProjectList]
    """Lists by name, sorted."""
    tag_rules: Mapping[str, TagRule]
    """What each flow does with its tag, by the flow's name; those of files with errors are left out, but for errors in
    their queries.
    """
    read_flows: Callable[[], Flows]
    """Gives the flows; asked once and only where a flow is needed, since it may take the language service."""

    @cached_property
    def _flows(self) -> Flows:
        return self.read_flows()

    @property
    def flows(self) -> Mapping[str, Flow]:
        """Flows by name, sorted; those with errors are left out."""
        return self._flows.usable

    @property
    def broken(self) -> Mapping[str, tuple[Finding, ...]]:
        """Files of flows that have errors, each with its findings."""
        return self._flows.broken

    def flow(self, name: str) -> Flow:
        """One flow by name."""
        if name in self.flows:
            return self.flows[name]
        broken_names = self._flows.broken_names
        if name in broken_names:
            raise findings_error(f"The flow `{name}` cannot be used", self.broken[broken_names[name]])
        known = (*self.flows, *broken_names)
        listed = f"Flows: {', '.join(sorted(known))}." if known else "The project has no flows."
        raise UsageError(f"There is no flow `{name}`.{did_you_mean(name, known)}", hint=listed)


def findings_error(what: str, findings: tuple[Finding, ...]) -> ProjectError:
    """The exception for files that cannot be used: the first few errors, and where to see them all."""
    errors = [finding for finding in findings if finding.severity == "error"]
    shown = "\n".join(render_finding(finding) for finding in errors[:SHOWN_FINDINGS])
    more = f"\n… and {len(errors) - SHOWN_FINDINGS} more" if len(errors) > SHOWN_FINDINGS else ""
    return ProjectError(f"{what}:\n{shown}{more}", hint="`earmark check` lists every finding.")
