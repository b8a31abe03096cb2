"""The installed command, over real sockets: TLS, Microsoft's own sign-in library, connections that break."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from azure.identity import CertificateCredential, ClientSecretCredential, ManagedIdentityCredential
from cryptography.x509 import DNSName, SubjectAlternativeName, load_pem_x509_certificate

from earmark.estates.embedded.devices import Sighting
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.physical import ticks_of

DEFENDER = "https://api.securitycenter.microsoft.com/.default"
GRAPH = "https://graph.microsoft.com/.default"
DEVICE = "a" * 40


@contextmanager
def sandbox(folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """A running sandbox on an estate of one device; what it says of itself."""
    seen = ticks_of(datetime.now(UTC))
    estate = EmbeddedEstate(folder / "estate")
    estate.devices.record_sightings([Sighting(id=DEVICE, name="pc1.corp.example", first_seen=seen, last_seen=seen)])
    words = ["--project", str(folder), "sandbox", "--port", "0", "--for", "60", "--estate", str(folder / "estate")]
    command = [sys.executable, "-c", "from earmark.cli.main import main; main()", *words, *options]
    (folder / "temp").mkdir()
    environment = os.environ | {"TMPDIR": str(folder / "temp")}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line, process.stderr.read() if process.stderr else ""
            yield json.loads(line)
        finally:
            process.terminate()
            code = process.wait(timeout=30)
            assert process.stderr is None or process.stderr.read() == ""
            assert code == 0
            assert not list((folder / "temp").iterdir())


def test_sign_in_with_secret_and_certificate_over_tls(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--name", "api.securitycenter.microsoft.com") as ready:
        app = next(app for app in ready["apps"] if app["name"] == "tagger")
        common: dict[str, Any] = {
            "authority": ready["url"],
            "disable_instance_discovery": True,
            "connection_verify": ready["ca"],
        }
        secret = ClientSecretCredential(ready["tenant"], app["client_id"], app["secret"], **common)
        certificate = CertificateCredential(ready["tenant"], app["client_id"], app["certificate"], **common)
        with httpx2.Client(base_url=ready["url"], verify=ssl.create_default_context(cafile=ready["ca"])) as http:
            for credential in (secret, certificate):
                token = credential.get_token(DEFENDER).token
                answer = http.get("/api/machines", headers={"Authorization": f"Bearer {token}"})
                assert [machine["id"] for machine in answer.json()["value"]] == [DEVICE]
                assert credential.get_token(GRAPH).token != token
            http.post("/sandbox/faults", json={"drop": 1})
            with pytest.raises(httpx2.TransportError):
                http.get("/api/machines", headers={"Authorization": f"Bearer {token}"})
            certificate_text = ssl.get_server_certificate((http.base_url.host, http.base_url.port or 443))
            names = load_pem_x509_certificate(certificate_text.encode()).extensions
            found = names.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(DNSName)
            assert found == ["localhost", "api.securitycenter.microsoft.com"]
            log = http.get("/sandbox/log").json()["requests"]
            assert [entry["status"] for entry in log if entry["operation"] == "token"] == [200] * 4


def test_connections_that_break_and_tags_that_are_not_kept(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--no-tls", "--virtual-time", "--fault", "drop-after=1") as ready:
        assert ready["url"].startswith("http://")
        app = ready["apps"][0]
        with httpx2.Client(base_url=ready["url"]) as http:
            form = {
                "grant_type": "client_credentials",
                "client_id": app["client_id"],
                "client_secret": app["secret"],
                "scope": DEFENDER,
            }
            token = http.post(f"/{ready['tenant']}/oauth2/v2.0/token", data=form).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            path, body = f"/api/machines/{DEVICE}/tags", {"Value": "Sales", "Action": "Add"}
            for fault in ("drop-after", "drop", "timeout"):
                http.post("/sandbox/faults", json={"drop": 0, "drop-after": 0, "timeout": 0, fault: 1})
                with pytest.raises(httpx2.RemoteProtocolError):
                    http.post(path, json=body, headers=headers)
            http.post("/sandbox/reset")
            assert http.get(f"/api/machines/{DEVICE}", headers=headers).json()["machineTags"] == ["Sales"]
    assert EmbeddedEstate(tmp_path / "estate").fetch_tags([DEVICE]) == {DEVICE: frozenset()}


def test_a_managed_identity_signs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sandbox(tmp_path, "--no-tls") as ready:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", ready["url"])
        assert ManagedIdentityCredential().get_token(DEFENDER).token.count(".") == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fault", "throttel=1"), "throttle"),
        (("--fault", "throttle=often"), "NAME=RATE"),
        (("--keep",), "--estate"),
        (("--name", "münchen"), "no host name"),
        (("--estate", "nowhere"), "neither"),
        (("--host", "203.0.113.7"), "cannot listen"),
    ],
)
def test_what_it_refuses(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    EmbeddedEstate(tmp_path / "estate")
    estate = () if "--keep" in options or "--estate" in options else ("--estate", str(tmp_path / "estate"))
    words = ["--project", str(tmp_path), "sandbox", "--port", "0", "--for", "0", *estate, *options]
    run = subprocess.run(
        [sys.executable, "-c", "from earmark.cli.main import main; main()", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 64
    assert said in run.stderr
    assert run.stdout == ""
