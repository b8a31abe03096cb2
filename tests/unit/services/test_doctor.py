"""Doctor: the machine, the state, what is due, the tenant's tables and quotas; one fault hides no other."""

from __future__ import annotations

import shutil
from collections import namedtuple
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from earmark.errors import EstateError, ExitCode, HuntError, PermissionDenied, ProjectError, StateError
from earmark.model.flow import Hunt
from earmark.model.quota import QuotaLimit, QuotaState, QuotaUse
from earmark.model.trigger import Cron
from earmark.project.project import Flows
from earmark.project.settings import EngineKind
from earmark.services.doctor import Diagnosis, diagnose, diagnose_without_project, diagnosis_document
from earmark.services.standing import Standing, exit_code
from earmark.services.workspace import Workspace
from earmark.store.base import Fire
from tests.unit.services.world import NOON, World, make_flow


def on_tenant(world: World) -> Workspace:
    workspace = world.workspace
    settings = replace(workspace.project.settings, engine=EngineKind.GRAPH)
    return replace(workspace, project=replace(workspace.project, settings=settings))


def examine(workspace: Workspace, *, ask: bool = True, quotas: tuple[QuotaState, ...] = ()) -> Diagnosis:
    return diagnose(workspace.project, lambda: workspace, quotas=lambda _w: quotas, ask=ask)


def world_in(folder: Path, *flows: Any) -> World:
    return World(*flows, folder=folder)


def lines(found: Diagnosis) -> dict[str, Standing]:
    return {line.check: line.standing for line in found.lines}


def test_a_sound_installation(tmp_path: Path) -> None:
    found = examine(world_in(tmp_path).workspace)
    names = ["disk", "cache", "time zones", "project", "state", "estate", "ledger"]
    assert lines(found) == dict.fromkeys(names, Standing.PASSED)
    assert {"earmark", "python", "system", "duckdb", "sqlite"} <= found.versions.keys()
    assert exit_code(found.lines) is ExitCode.DONE
    assert found.tables is None, "there is no tenant"


def test_a_full_disk_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage(10**12, 10**12, 5_000_000))
    found = examine(world_in(tmp_path).workspace)
    assert lines(found)["disk"] is Standing.WARNING
    assert "5.0 MB free" in found.lines[0].message


def test_the_cache_is_measured(tmp_path: Path) -> None:
    cache = tmp_path / ".earmark" / "cache" / "kql"
    cache.mkdir(parents=True)
    (cache / "one.json").write_bytes(b"x" * 2500)
    assert examine(world_in(tmp_path).workspace).lines[1].message.startswith("2.5 kB in ")


def test_a_lost_state_hides_nothing_else(tmp_path: Path) -> None:
    workspace = world_in(tmp_path).workspace

    def fail() -> Workspace:
        raise StateError("the state is of a newer version.", hint="Install a newer Earmark.")

    found = diagnose(workspace.project, fail, quotas=lambda _w: (), ask=True)
    assert lines(found)["state"] is Standing.FAILED
    assert lines(found)["project"] is Standing.PASSED
    assert exit_code(found.lines) is ExitCode.OUR_FAULT


def test_a_project_that_cannot_be_used(tmp_path: Path) -> None:
    found = diagnose_without_project(tmp_path, ProjectError("The project cannot be used", hint="`earmark check`."))
    assert lines(found)["disk"] is Standing.PASSED
    assert exit_code(found.lines) is ExitCode.FINDINGS


def test_broken_flows_are_named(tmp_path: Path) -> None:
    workspace = world_in(tmp_path).workspace
    flows = Flows(usable={}, broken={"flows/bad.yaml": ()})
    workspace = replace(workspace, project=replace(workspace.project, read_flows=lambda: flows))
    found = examine(workspace)
    assert lines(found)["project"] is Standing.FAILED
    assert "flows/bad.yaml" in next(line.message for line in found.lines if line.check == "project")


def test_when_flows_are_due(tmp_path: Path) -> None:
    weekly = make_flow("weekly", tag="Weekly", trigger=Cron(expression="0 6 * * 0", time_zone="UTC"))
    world = world_in(tmp_path, weekly, make_flow("asked", tag="Asked"))
    never, asked = sorted(examine(world.workspace).flows, key=lambda f: f.flow, reverse=True)
    assert (never.flow, never.due, never.last_fire) == ("weekly", False, None)
    assert never.next_fire is not None
    assert (asked.next_fire, asked.due) == (None, False)
    fire = Fire(estate=world.estate.id, flow="weekly", fire_at=NOON - timedelta(days=14), run="r-1")
    world.store.claim_fire(fire)
    due = next(f for f in examine(world.workspace).flows if f.flow == "weekly")
    assert (due.due, due.last_fire) == (True, fire.fire_at)


def test_the_tables_that_flows_lack(tmp_path: Path) -> None:
    flow = replace(make_flow(), hunt=Hunt(query="DeviceTvmSoftwareInventory | join DeviceInfo on DeviceId"))
    world = world_in(tmp_path, flow)

    class Lacking:
        name = "graph"

        def hunt(self, request: Any) -> Any:
            if "DeviceTvmSoftwareInventory" in request.query:
                raise HuntError("Failed to resolve table or column expression named 'DeviceTvmSoftwareInventory'")
            return world.engine.hunt(request)

    found = examine(replace(on_tenant(world), engine=Lacking()))
    assert found.tables is not None
    assert found.tables.missing == ["DeviceTvmSoftwareInventory"]
    assert found.lacking == {"executive": ["DeviceTvmSoftwareInventory"]}
    assert lines(found)["flow executive"] is Standing.FAILED
    assert exit_code(found.lines) is ExitCode.FINDINGS


def test_tables_without_an_answer_are_unknown_and_not_missing(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    world.engine.error = EstateError("hunting got no answer.")
    found = examine(on_tenant(world))
    assert found.tables is not None
    assert (found.tables.missing, found.lacking) == ([], {})
    assert lines(found)["tables"] is Standing.WARNING
    assert exit_code(found.lines) is ExitCode.DONE


def test_a_tenant_that_forbids_hunting(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    world.engine.error = PermissionDenied("hunting was refused with 403.")
    found = examine(on_tenant(world))
    assert lines(found)["tables"] is Standing.FAILED
    assert exit_code(found.lines) is ExitCode.DENIED


def test_offline_nothing_is_asked(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    found = examine(on_tenant(world), ask=False)
    assert lines(found)["tables"] is Standing.SKIPPED
    assert world.engine.requests == []


def test_as_json(tmp_path: Path) -> None:
    use = QuotaUse(limit=QuotaLimit(calls=45, within=timedelta(minutes=1)), used=3, empty_at=NOON)
    quota = QuotaState(call="hunting", uses=(use,), blocked_until=None)
    document = diagnosis_document(examine(on_tenant(world_in(tmp_path)), quotas=(quota,)))
    assert document["quotas"] == [
        {
            "call": "hunting",
            "blocked_until": None,
            "limits": [{"calls": 45, "within_seconds": 60, "used": 3, "left": 42, "empty_at": "2026-03-01T12:00:00Z"}],
        }
    ]
    assert set(document) == {"versions", "lines", "flows", "tables", "flows_without_tables", "quotas"}
    assert set(document["tables"]) == {"present", "missing", "unknown"}
