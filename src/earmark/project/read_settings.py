"""earmark.yaml, with an environment's file laid over it, in; `Settings` and findings out.

The overlay is laid node by node, so that every finding points into the file that holds the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from earmark.model.finding import Finding
from earmark.model.guard import GuardLimits
from earmark.model.hunt import HuntLimits
from earmark.project.codes import Code
from earmark.project.estate_rules import check_estate, defender_settings
from earmark.project.flow_file import GuardFile
from earmark.project.project_file import EvidenceFile, LimitsFile, ProjectFile
from earmark.project.references import resolve_references
from earmark.project.settings import EstateSettings, EvidenceSettings, Settings
from earmark.project.shape import fit
from earmark.project.source import file_finding, read_source
from earmark.project.yaml_nodes import MappingNode, Node, ScalarNode, find_text, parse_yaml

SETTINGS_FILE = "earmark.yaml"
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def read_settings(
    folder: Path, *, env: str | None, environment: Mapping[str, str]
) -> tuple[Settings | None, list[Finding]]:
    """The settings in force, or None with the reasons; warnings come with either."""
    root, findings = _read_root(folder, SETTINGS_FILE)
    if env is not None:
        overlay, overlay_findings = _read_overlay(folder, env)
        findings += overlay_findings
        root = _laid_over(root, overlay) if root is not None and overlay is not None else root
    if root is None:
        return None, findings
    root, reference_findings = resolve_references(root, folder, environment)
    findings += reference_findings
    file, shape_findings = fit(ProjectFile, root)
    findings += [found for found in shape_findings if not _said(found, reference_findings)]
    findings += [*check_estate(root), *_check_state(find_text(root, "state"), folder)]
    if file is None or findings:
        return None, findings
    return _settings_of(file, folder), []


def _said(finding: Finding, before: list[Finding]) -> bool:
    """Whether something was said of the same place already: a literal secret is no reference either."""
    return any((finding.file, finding.line, finding.column) == (b.file, b.line, b.column) for b in before)


def _read_root(folder: Path, name: str) -> tuple[Node | None, list[Finding]]:
    source = read_source(folder, name)
    if isinstance(source, Finding):
        if source.code == Code.FILE_MISSING:
            hint = "Run `earmark init` to begin a project here, or give its folder with --project."
            return None, [replace(source, hint=hint)]
        return None, [source]
    return parse_yaml(source)


def _read_overlay(folder: Path, env: str) -> tuple[Node | None, list[Finding]]:
    name = f"earmark.{env}.yaml"
    if not _ENVIRONMENT_NAME.fullmatch(env):
        message = f"`{env}` is not the name of an environment: letters, digits, `-` and `_` are expected."
        return None, [file_finding(SETTINGS_FILE, Code.FILE_NAME, message)]
    source = read_source(folder, name)
    if isinstance(source, Finding):
        return None, [replace(source, hint=source.hint or f"Write {name}: it holds what differs in that environment.")]
    return parse_yaml(source)


def _laid_over(base: Node, overlay: Node) -> Node:
    """Mappings are merged key by key; anything else is replaced."""
    if not (isinstance(base, MappingNode) and isinstance(overlay, MappingNode)):
        return overlay
    over = {key.text: (key, value) for key, value in overlay.entries}
    entries: list[tuple[ScalarNode, Node]] = []
    for key, value in base.entries:
        new = over.pop(key.text, None)
        entries.append((key, value) if new is None else (new[0], _laid_over(value, new[1])))
    return replace(base, entries=(*entries, *over.values()))


def _check_state(state: ScalarNode | None, folder: Path) -> list[Finding]:
    if state is None or not state.text.strip():
        return []
    scheme, colon, rest = state.text.partition(":")
    if colon and scheme.partition("+")[0] in ("postgresql", "postgres"):
        message = "State in PostgreSQL is not supported yet in this version."
        return [state.finding(Code.NOT_SUPPORTED, message, "Use `state: sqlite:.earmark/state.db`.")]
    path = _sqlite_path(rest)
    if scheme == "sqlite" and colon and path and path != ":memory:" and "?" not in path and not path.endswith("/"):
        return _check_state_file(state, folder / path)
    why = " State in memory would be lost at the end of each command." if ":memory:" in rest else ""
    message = f"`state` is not a state URL: sqlite:PATH is expected.{why}"
    return [state.finding(Code.STATE_URL, message, "Write `state: sqlite:.earmark/state.db`.")]


def _check_state_file(state: ScalarNode, file: Path) -> list[Finding]:
    try:
        fault = (
            "is a folder" if file.is_dir() else "lies below a file" if any(p.is_file() for p in file.parents) else ""
        )
    except OSError:  # it may not be looked at; opening it says so
        fault = ""
    if not fault:
        return []
    message = f"What `state` names {fault}; a file in a folder is expected."
    return [state.finding(Code.STATE_URL, message, "Write `state: sqlite:.earmark/state.db`.")]


def _sqlite_path(rest: str) -> str:
    return rest[3:] if rest.startswith("///") else "" if rest.startswith("//") else rest


def _settings_of(file: ProjectFile, folder: Path) -> Settings:
    state = (folder / _sqlite_path(file.state.partition(":")[2])).absolute()
    return Settings(
        estate=EstateSettings(
            kind=file.estate.kind,
            path=(folder / (file.estate.path or "estate")).absolute(),
            defender=defender_settings(file.estate, folder),
        ),
        engine=file.hunting,
        state=f"sqlite:{state.as_posix()}",
        mode=file.mode,
        guard=guard_in_force(file.guard, GuardLimits()),
        limits=_limits_of(file.limits),
        evidence=_evidence_of(file.evidence),
    )


def guard_in_force(file: GuardFile | None, default: GuardLimits) -> GuardLimits:
    """The limits that a file sets, completed from the limits behind it."""
    return replace(default, **file.model_dump(exclude_none=True)) if file is not None else default


def _limits_of(file: LimitsFile | None) -> HuntLimits:
    if file is None:
        return HuntLimits()
    given = file.model_dump(exclude_none=True)
    if "hunt_timeout" in given:
        given["timeout"] = given.pop("hunt_timeout")
    return replace(HuntLimits(), **given)


def _evidence_of(file: EvidenceFile | None) -> EvidenceSettings:
    return replace(EvidenceSettings(), **file.model_dump(exclude_none=True)) if file is not None else EvidenceSettings()
