"""`earmark connect` and `earmark doctor` on the command line, without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from earmark.cli.main import run
from earmark.errors import ExitCode

TENANT = """\
estate:
  kind: defender
  tenant: contoso.com
  cloud: gcc-high
  sign_in: {method: certificate, client_id: 9f0a5c1e-0000-4000-8000-000000000000, certificate: "${file:key.pem}"}
hunting: graph
mode: apply
"""


@pytest.fixture
def project(tmp_path: Path) -> list[str]:
    (tmp_path / "earmark.yaml").write_text(TENANT, encoding="utf-8")
    return ["--project", str(tmp_path)]


def test_without_a_project_it_says_how_to_observe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--project", str(tmp_path), "connect"]) == ExitCode.DONE
    said = capsys.readouterr()
    assert said.out.startswith(
        "To observe (hunt, read and plan), signing in by secret:\n\n1. Register an application\n"
    )
    assert "Machine.Read.All" in said.out
    assert said.err == ""


def test_in_a_project_the_settings_say(project: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*project, "connect", "--steps"]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert out.startswith("To observe and tag, signing in by certificate:")
    assert "https://entra.microsoft.us" in out
    assert "tenant: contoso.com" in out


def test_options_go_before_the_settings(project: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["connect", "--steps", "--for", "observe", "--method", "workload_identity", "--cloud", "public"]
    assert run([*project, *words, "--tenant", "fabrikam.com", "--alerts", "read", "--name", "Tags"]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert out.startswith("To observe (hunt, read and plan), signing in by workload identity:")
    assert "tenant: fabrikam.com" in out
    assert "Name: Tags." in out
    assert "SecurityAlert.Read.All" in out


def test_steps_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--format", "json", "--project", str(tmp_path), "connect", "--for", "tag"]) == ExitCode.DONE
    document = json.loads(capsys.readouterr().out)
    assert [p["role"] for p in document["permissions"]] == ["Machine.ReadWrite.All", "ThreatHunting.Read.All"]
    assert document["steps"][-1]["code"] == "earmark connect --check\n"


@pytest.mark.parametrize(("script", "begins"), [("az", "#!/usr/bin/env bash\n"), ("terraform", "# Lets Earmark")])
@pytest.mark.parametrize("form", ["table", "json"])
def test_a_script_goes_to_stdout_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str, begins: str, form: str
) -> None:
    assert run(["--format", form, "--project", str(tmp_path), "connect", "--script", script]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert out.startswith(begins)
    assert out.endswith("\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "--check"], "exclude each other"),
        (["--steps", "--script", "az"], "exclude each other"),
        (["--script", "az", "--method", "cli"], "registers nothing"),
        (["--script", "terraform", "--method", "cli"], "registers nothing"),
        (["--name", " "], "--name is empty"),
        (["--tenant", "x\ny: z"], "neither an id nor a domain"),
        (["--tenant", ""], "neither an id nor a domain"),
        (["--name", "a\nb"], "do not print"),
        (["--method", "password"], "'password' is not one of"),
    ],
)
def test_what_it_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert run(["--project", str(tmp_path), "connect", *words]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_there_is_nothing_to_prove_of_an_embedded_estate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "earmark.yaml").write_text("estate: {kind: embedded}\n", encoding="utf-8")
    assert run(["--project", str(tmp_path), "connect", "--check"]) == ExitCode.USAGE
    assert "not a Defender tenant" in capsys.readouterr().err


def test_a_check_needs_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--project", str(tmp_path), "connect", "--check"]) == ExitCode.FINDINGS
    assert "earmark.yaml" in capsys.readouterr().err


def test_an_unfinished_project_does_not_stand_in_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "earmark.yaml").write_text("estate: {kind: defender, tenant: contoso.com}\n", encoding="utf-8")
    assert run(["--project", str(tmp_path), "connect"]) == ExitCode.DONE
    said = capsys.readouterr()
    assert said.out.startswith("To observe")
    assert "warning: the project cannot be used yet" in said.err


def test_a_key_that_is_not_there_is_said_before_anything_is_sent(
    project: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = TENANT.replace("mode: apply", 'mode: apply\nproxy: "x"').replace('\nproxy: "x"', "")
    hosts = "  hosts: {sign_in: https://localhost:9, defender: https://localhost:9, graph: https://localhost:9}\n"
    (tmp_path / "earmark.yaml").write_text(text.replace("  cloud: gcc-high\n", hosts), encoding="utf-8")
    assert run([*project, "--format", "json", "connect"]) == ExitCode.DENIED
    lines = {line["check"]: line for line in json.loads(capsys.readouterr().out)["lines"]}
    assert "${file:key.pem} cannot be read" in lines["sign-in Defender"]["message"]
    assert "${file:key.pem} cannot be read" in lines["expiry"]["message"]
    assert lines["clock"]["standing"] == "failed"
    assert lines["hunt"]["standing"] == lines["devices"]["standing"] == "skipped"


def test_doctor_without_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--project", str(tmp_path), "doctor"]) == ExitCode.FINDINGS
    out = capsys.readouterr().out
    assert out.startswith("earmark ")
    assert "failed   project" in out


def test_doctor_offline_asks_a_tenant_nothing(project: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*project, "--format", "json", "doctor", "--offline"]) == ExitCode.DONE
    document = json.loads(capsys.readouterr().out)
    assert document["tables"] is None
    assert {"call", "blocked_until", "limits"} == set(document["quotas"][0])
    assert {"hunting", "machines-tag-many"} <= {quota["call"] for quota in document["quotas"]}


def test_lines_as_csv(project: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run([*project, "--format", "csv", "doctor", "--offline"])
    assert capsys.readouterr().out.splitlines()[0] == "check,standing,message,hint"
