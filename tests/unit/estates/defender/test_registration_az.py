"""The script for the Azure CLI, run by bash with an Azure CLI that only pretends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from earmark.errors import UsageError
from earmark.estates.defender.registration import Registration
from earmark.estates.defender.registration_az import az_script
from earmark.model.permission import AlertUse, Purpose
from earmark.project.settings import Cloud, SignInMethod

FAKE = Path(__file__).with_name("fake_az.sh")
TENANT, SECRET = "11111111-1111-1111-1111-111111111111", "s3cret~value"
"""As the fake says them."""
OF_AN_APPLICATION = (SignInMethod.SECRET, SignInMethod.CERTIFICATE, SignInMethod.WORKLOAD_IDENTITY)
SCRIPTED = (*OF_AN_APPLICATION, SignInMethod.MANAGED_IDENTITY)
ARGUMENTS = {
    SignInMethod.SECRET: ["the-vault"],
    SignInMethod.CERTIFICATE: ["made.pem"],
    SignInMethod.MANAGED_IDENTITY: ["22222222-2222-2222-2222-222222222222"],
    SignInMethod.WORKLOAD_IDENTITY: ["https://issuer.example/", "system:serviceaccount:soc:earmark"],
}


@dataclass
class Azure:
    """A folder with an Azure CLI in it."""

    folder: Path

    def run(
        self, registration: Registration, *arguments: str, fails: str = "nothing"
    ) -> subprocess.CompletedProcess[str]:
        script = self.folder / "register.sh"
        script.write_text(az_script(registration), encoding="utf-8")
        paths = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", str(script), *arguments],
            cwd=self.folder,
            env=os.environ | {"PATH": paths, "FAKE_AZ": str(self.folder), "FAKE_AZ_FAILS": fails},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def made(self, name: str) -> str:
        """What was made of a kind; empty for nothing."""
        file = self.folder / name
        return file.read_text(encoding="utf-8") if file.exists() else ""

    @property
    def calls(self) -> list[list[str]]:
        return [call.split("\0")[:-1] for call in self.made("calls").split("\n\0")[:-1]]


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    program = tmp_path / "az"
    shutil.copy(FAKE, program)
    program.chmod(0o755)
    sleep = tmp_path / "sleep"  # waiting is not what is tested
    sleep.write_text("#!/bin/sh\n", encoding="utf-8")
    sleep.chmod(0o755)
    return Azure(tmp_path)


@pytest.mark.parametrize("method", SCRIPTED)
@pytest.mark.parametrize("cloud", Cloud)
@pytest.mark.parametrize("tenant", [None, "contoso.com"])
@pytest.mark.parametrize("name", ["Earmark", "O'Brien's \"$x\" `id` \\ ${y}"])
def test_bash_can_read_it(method: SignInMethod, cloud: Cloud, tenant: str | None, name: str) -> None:
    text = az_script(Registration(method=method, cloud=cloud, tenant=tenant, name=name, alerts=AlertUse.READ))
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("method", SCRIPTED)
def test_it_grants_what_the_purpose_takes_and_nothing_twice(azure: Azure, method: SignInMethod) -> None:
    wanted = Registration(method=method, purpose=Purpose.TAG, alerts=AlertUse.READ, tenant="contoso.com")
    for _ in range(2):
        done = azure.run(wanted, *ARGUMENTS[method])
        assert done.returncode == 0, done.stderr
    roles = ["Machine.ReadWrite.All", "ThreatHunting.Read.All", "SecurityAlert.Read.All"]
    assert azure.made("granted").split() == [f"id-of-{role}" for role in roles]
    made = [call for call in azure.calls if {"create", "post", "reset"} & set(call)]
    expected = 3 if method is SignInMethod.MANAGED_IDENTITY else 6
    assert len(made) == expected, "application, principal, three roles and a credential; the second run makes nothing"


@pytest.mark.parametrize("method", SCRIPTED)
def test_it_shows_the_settings(azure: Azure, method: SignInMethod) -> None:
    done = azure.run(Registration(method=method), *ARGUMENTS[method])
    assert f"  tenant: {TENANT}\n" in done.stdout
    assert ("client_id: client-id" in done.stdout) == (method in OF_AN_APPLICATION)
    assert "mode: observe\n" in done.stdout
    assert "CLIENT-ID" not in done.stdout


def test_an_application_asks_for_what_it_is_granted(azure: Azure) -> None:
    azure.run(Registration(method=SignInMethod.SECRET), "the-vault")
    asked = {
        one["resourceAppId"]: [role["id"] for role in one["resourceAccess"]]
        for one in json.loads(azure.made("requests"))
    }
    assert asked == {
        "fc780465-2017-40d4-a0c5-307022471b92": ["id-of-Machine.Read.All"],
        "00000003-0000-0000-c000-000000000000": ["id-of-ThreatHunting.Read.All"],
    }


def test_a_name_is_passed_on_to_the_letter(azure: Azure) -> None:
    name = "O'Brien's \"$x\" `id` \\ ${y}"
    azure.run(Registration(name=name), "the-vault")
    assert azure.made("app") == name
    listed = next(call for call in azure.calls if call[:3] == ["ad", "app", "list"])
    assert f"displayName eq '{name.replace(chr(39), chr(39) * 2)}'" in listed


def test_a_secret_goes_to_the_vault_and_is_not_shown(azure: Azure) -> None:
    done = azure.run(Registration(), "the-vault", "entry")
    assert azure.made("vault") == SECRET
    assert SECRET not in done.stdout + done.stderr + json.dumps(azure.calls)
    assert 'secret: "${vault:the-vault/entry}"' in done.stdout


def test_a_secret_that_the_vault_does_not_take_is_deleted_again(azure: Azure) -> None:
    done = azure.run(Registration(), "the-vault", fails="keyvault secret")
    assert done.returncode == 1
    assert "the vault the-vault did not take the secret, which was deleted again" in done.stderr
    assert (azure.made("deleted"), azure.made("secrets")) == ("newest-key", "")
    assert SECRET not in done.stdout + done.stderr
    assert azure.run(Registration(), "the-vault").returncode == 0


def test_a_secret_that_would_land_in_a_file_is_not_made(azure: Azure) -> None:
    done = azure.run(Registration())
    assert done.returncode == 1
    assert "would land in a file" in done.stderr
    assert azure.made("secrets") == ""


def test_a_certificate_is_uploaded_without_its_key(azure: Azure) -> None:
    done = azure.run(Registration(method=SignInMethod.CERTIFICATE), "made.pem")
    assert done.returncode == 0, done.stderr
    held = (azure.folder / "made.pem").read_text(encoding="utf-8")
    assert "PRIVATE KEY" in held
    assert "BEGIN CERTIFICATE" in held
    assert (azure.folder / "made.pem").stat().st_mode & 0o077 == 0
    uploaded = azure.made("uploaded.crt")
    assert uploaded.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in uploaded


def test_an_issuer_is_trusted_for_one_subject(azure: Azure) -> None:
    wanted = Registration(method=SignInMethod.WORKLOAD_IDENTITY, cloud=Cloud.PUBLIC)
    azure.run(wanted, *ARGUMENTS[SignInMethod.WORKLOAD_IDENTITY])
    trust = json.loads(azure.made("federated"))
    assert (trust["issuer"], trust["subject"]) == tuple(ARGUMENTS[SignInMethod.WORKLOAD_IDENTITY])
    assert trust["audiences"] == ["api://AzureADTokenExchange"]


def test_quotes_in_a_subject_are_refused(azure: Azure) -> None:
    done = azure.run(Registration(method=SignInMethod.WORKLOAD_IDENTITY), "https://issuer.example/", 'a", "b')
    assert "no quotes" in done.stderr
    assert azure.made("federated") == ""


@pytest.mark.parametrize("missing", [SignInMethod.MANAGED_IDENTITY, SignInMethod.WORKLOAD_IDENTITY])
def test_an_argument_that_is_missing_is_asked_for(azure: Azure, missing: SignInMethod) -> None:
    done = azure.run(Registration(method=missing))
    assert done.returncode != 0
    assert "usage: bash register.sh" in done.stderr


def test_another_tenant_is_left_alone(azure: Azure) -> None:
    done = azure.run(Registration(tenant="fabrikam.com"), "the-vault")
    assert done.returncode == 1
    assert "signed in to another tenant; run: az login --tenant fabrikam.com" in done.stderr
    assert azure.made("app") == ""


def test_another_cloud_is_left_alone(azure: Azure) -> None:
    done = azure.run(Registration(cloud=Cloud.GCC_HIGH), "the-vault")
    assert "run: az cloud set --name AzureUSGovernment" in done.stderr
    assert len(azure.calls) == 1


@pytest.mark.parametrize(
    "fails", ["cloud show", "account show", "ad app list", "ad app create", "ad sp list", "ad sp create", "ad sp show"]
)
def test_a_failure_of_the_azure_cli_ends_it(azure: Azure, fails: str) -> None:
    done = azure.run(Registration(), "the-vault", fails=fails)
    assert done.returncode != 0
    assert not any("post" in call or "reset" in call for call in azure.calls)
    assert "earmark.yaml" not in done.stdout


def test_nothing_is_registered_for_the_azure_cli_itself() -> None:
    with pytest.raises(UsageError, match="registers nothing"):
        az_script(Registration(method=SignInMethod.CLI))


def test_no_id_of_a_role_is_written_down() -> None:
    import re

    apis = {"fc780465-2017-40d4-a0c5-307022471b92", "00000003-0000-0000-c000-000000000000"}
    for method in SCRIPTED:
        text = az_script(Registration(method=method, purpose=Purpose.TAG, alerts=AlertUse.UPDATE))
        assert set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", text)) == apis
