"""What to register: the fewest permissions, the steps, the settings, and Terraform.

The files in tests/cases/connect are what is printed, whole; `EARMARK_WRITE_CASES=1` writes them anew.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from earmark.errors import UsageError
from earmark.estates.defender.registration import Registration, settings_text, steps, steps_document
from earmark.estates.defender.registration_az import az_script
from earmark.estates.defender.registration_terraform import terraform_text
from earmark.model.permission import AlertUse, Hunting, Purpose, Resource, least_permissions
from earmark.project.load import check_project
from earmark.project.settings import Cloud, SignInMethod

CASES = Path(__file__).parents[3] / "cases" / "connect"
SCRIPTED = [method for method in SignInMethod if method is not SignInMethod.CLI]
EVERY = [
    Registration(purpose=purpose, alerts=alerts, method=method, cloud=cloud, hunting=hunting, tenant=tenant)
    for purpose, alerts, method, cloud, hunting, tenant in itertools.product(
        Purpose, AlertUse, SignInMethod, Cloud, Hunting, (None, "contoso.com")
    )
]


@pytest.mark.parametrize(
    ("purpose", "alerts", "hunting", "roles"),
    [
        (Purpose.OBSERVE, AlertUse.NONE, Hunting.GRAPH, ["Machine.Read.All", "ThreatHunting.Read.All"]),
        (Purpose.TAG, AlertUse.NONE, Hunting.GRAPH, ["Machine.ReadWrite.All", "ThreatHunting.Read.All"]),
        (Purpose.TAG, AlertUse.NONE, Hunting.LOCAL, ["Machine.ReadWrite.All"]),
        (Purpose.OBSERVE, AlertUse.NONE, Hunting.OLD, ["Machine.Read.All", "AdvancedQuery.Read.All"]),
        (
            *(Purpose.OBSERVE, AlertUse.READ, Hunting.GRAPH),
            ["Machine.Read.All", "ThreatHunting.Read.All", "SecurityAlert.Read.All"],
        ),
        (
            *(Purpose.TAG, AlertUse.UPDATE, Hunting.GRAPH),
            ["Machine.ReadWrite.All", "ThreatHunting.Read.All", "SecurityAlert.ReadWrite.All"],
        ),
    ],
)
def test_the_fewest_permissions(purpose: Purpose, alerts: AlertUse, hunting: Hunting, roles: list[str]) -> None:
    assert [p.role for p in least_permissions(purpose, alerts=alerts, hunting=hunting)] == roles


def test_the_right_to_write_contains_the_right_to_read() -> None:
    (machines, _) = least_permissions(Purpose.OBSERVE)
    assert machines.held_by(["Machine.ReadWrite.All"])
    assert not least_permissions(Purpose.TAG)[0].held_by(["Machine.Read.All"])


def test_steps_name_every_permission_and_no_other() -> None:
    for wanted in EVERY:
        text = "\n".join("\n".join((step.title, *step.lines, step.code)) for step in steps(wanted))
        named = set(re.findall(r"^ *((?:[A-Z][A-Za-z]+\.)+All)\b", text, re.MULTILINE))
        assert named == {p.role for p in wanted.permissions}, wanted
        assert steps_document(wanted)["permissions"][0]["app_id"] == Resource.DEFENDER.app_id


@pytest.mark.parametrize("method", SignInMethod)
@pytest.mark.parametrize("hunting", Hunting)
def test_the_settings_shown_are_settings(method: SignInMethod, hunting: Hunting, tmp_path: Path) -> None:
    wanted = Registration(method=method, hunting=hunting, cloud=Cloud.GCC, tenant="contoso.com")
    text = settings_text(wanted, client_id="9f0a5c1e-0000-4000-8000-000000000000")
    (tmp_path / "earmark.yaml").write_text(text.replace("/run/secrets", str(tmp_path)), encoding="utf-8")
    found = check_project(tmp_path, environment={"EARMARK_SECRET": "x"})
    assert [finding.message for finding in found if finding.file == "earmark.yaml"] == []


def test_steps_of_a_government_cloud_lead_to_its_portal() -> None:
    first, *_ = steps(Registration(cloud=Cloud.GCC_HIGH))
    assert "https://entra.microsoft.us" in first.lines[0]
    first, *_ = steps(Registration(cloud=Cloud.GCC))
    assert "https://entra.microsoft.com" in first.lines[0], "GCC signs in at the public Entra"


@pytest.mark.parametrize("method", SCRIPTED)
@pytest.mark.parametrize("cloud", Cloud)
def test_terraform_is_well_formed(method: SignInMethod, cloud: Cloud) -> None:
    text = terraform_text(
        Registration(method=method, cloud=cloud, purpose=Purpose.TAG, alerts=AlertUse.READ, tenant="contoso.com")
    )
    code = re.sub(r'"(?:[^"\\]|\\.)*"', '""', re.sub(r"#[^\n]*", "", text))
    for opening, closing in ("{}", "[]", "()"):
        assert code.count(opening) == code.count(closing)
    for kind, name in re.findall(r'^(?:resource|data) "(\w+)" "(\w+)"', text, re.MULTILINE):
        assert text.count(f'"{kind}" "{name}"') == 1
    for reference in re.findall(r"\bdata\.(\w+)\.(\w+)\b", code):
        assert 'data "{}" "{}" {{'.format(*reference) in text
    for kind, name in re.findall(r"(?<!data\.)\b(azuread_\w+)\.(\w+)\.", code):
        assert f'resource "{kind}" "{name}" {{' in text
    for variable in re.findall(r"\bvar\.(\w+)", code):
        assert f'variable "{variable}" {{' in text
    assert "azuread_application_password" not in text, "the state would hold the secret"


@pytest.mark.skipif(shutil.which("terraform") is None, reason="needs terraform")
@pytest.mark.parametrize("method", SCRIPTED)
def test_terraform_takes_it_as_it_would_write_it(method: SignInMethod, tmp_path: Path) -> None:
    text = terraform_text(Registration(method=method, name="O'Brien's ${x} %{y} \"q\" \\", alerts=AlertUse.UPDATE))
    (tmp_path / "main.tf").write_text(text, encoding="utf-8")
    done = subprocess.run(["terraform", "fmt", "-check", "-diff", str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_name_is_no_template_of_terraform() -> None:
    text = terraform_text(Registration(name='a ${file("x")} %{if true}'))
    assert r'display_name            = "a $${file(\"x\")} %%{if true}"' in text


def test_terraform_looks_roles_up_by_name() -> None:
    for method in SCRIPTED:
        text = terraform_text(Registration(method=method, purpose=Purpose.TAG, alerts=AlertUse.UPDATE))
        assert set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", text)) == {r.app_id for r in Resource}


def test_there_is_no_terraform_for_the_azure_cli() -> None:
    with pytest.raises(UsageError, match="registers nothing"):
        terraform_text(Registration(method=SignInMethod.CLI))


def _steps_text(wanted: Registration) -> str:
    document = steps_document(wanted)
    return "".join(
        f"{step['title']}\n" + "".join(f"  {line}\n" for line in (*step["lines"], *step["code"].splitlines()))
        for step in document["steps"]
    )


@pytest.mark.parametrize("method", SignInMethod)
@pytest.mark.parametrize(("kind", "render"), [("txt", _steps_text), ("sh", az_script), ("tf", terraform_text)])
def test_what_is_printed(method: SignInMethod, kind: str, render: object) -> None:
    if method is SignInMethod.CLI and kind != "txt":
        return
    assert callable(render)
    text = str(render(Registration(method=method, purpose=Purpose.TAG, alerts=AlertUse.READ, tenant="contoso.com")))
    case = CASES / f"{method}.{kind}"
    if os.environ.get("EARMARK_WRITE_CASES"):
        case.write_text(text, encoding="utf-8")
    assert case.read_text(encoding="utf-8") == text


def test_settings_are_yaml() -> None:
    for wanted in EVERY:
        assert YAML(typ="safe").load(settings_text(wanted))["estate"]["kind"] == "defender"
