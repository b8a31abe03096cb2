"""A project as loaded: settings, flows, lists and catalogue, looked up by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from earmark.errors import ProjectError, UsageError
from earmark.model.catalogue import Catalogue
from earmark.model.finding import Finding
from earmark.model.flow import Flow
from earmark.model.nearest import did_you_mean
from earmark.project.lists import ProjectList
from earmark.project.report import render_finding
from earmark.project.settings import Settings

SHOWN_FINDINGS = 3
"""Findings that an exception names before it sends the reader to `check`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Everything that the project's files state."""

    folder: Path
    """The project's folder, absolute."""
    settings: Settings
    flows: Mapping[str, Flow]
    """Flows by name, sorted; those with errors are left out."""
    catalogue: Catalogue
    lists: Mapping[str, ProjectList]
    """Lists by name, sorted."""
    broken: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    """Files of flows that have errors, each with its findings."""
    broken_names: Mapping[str, str] = field(default_factory=dict)
    """The file of each broken flow, by the flow's name."""

    def flow(self, name: str) -> Flow:
        """One flow by name."""
        if name in self.flows:
            return self.flows[name]
        if name in self.broken_names:
            raise findings_error(f"The flow `{name}` cannot be used", self.broken[self.broken_names[name]])
        known = (*self.flows, *self.broken_names)
        listed = f"Flows: {', '.join(sorted(known))}." if known else "The project has no flows."
        raise UsageError(f"There is no flow `{name}`.{did_you_mean(name, known)}", hint=listed)


def findings_error(what: str, findings: tuple[Finding, ...]) -> ProjectError:
    """The exception for files that cannot be used: the first few errors, and where to see them all."""
    errors = [finding for finding in findings if finding.severity == "error"]
    shown = "\n".join(render_finding(finding) for finding in errors[:SHOWN_FINDINGS])
    more = f"\n… and {len(errors) - SHOWN_FINDINGS} more" if len(errors) > SHOWN_FINDINGS else ""
    return ProjectError(f"{what}:\n{shown}{more}", hint="`earmark check` lists every finding.")
