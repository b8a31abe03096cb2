from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.defender.clouds import Api, addresses
from earmark.estates.defender.secrets import MAX_BYTES, fetch_secret, fetch_text, vault_url
from earmark.estates.defender.sign_in import SignedIn, _only_to, is_delegated, sign_in
from earmark.project.settings import (
    Cloud,
    DefenderSettings,
    Geo,
    HostSettings,
    Secret,
    SecretKind,
    SignIn,
    SignInMethod,
)
from tests.tenants import VirtualPace

PUBLIC = addresses(Cloud.PUBLIC, None, HostSettings())


class Credential:
    """Gives a token each time, or raises."""

    def __init__(self, pace: VirtualPace, made: list[Credential], error: Exception | None = None) -> None:
        self.pace = pace
        self.scopes: list[str] = []
        self.error = error
        made.append(self)

    def get_token(self, scope: str) -> Any:
        self.scopes.append(scope)
        if self.error:
            raise self.error
        ends = int(self.pace.now().timestamp()) + 3600
        return SimpleNamespace(token=f"token {len(self.scopes)} for {scope}", expires_on=ends)


def signed_in(error: Exception | None = None) -> tuple[SignedIn, VirtualPace, list[Credential]]:
    pace, made = VirtualPace(), list[Credential]()
    make: Any = lambda: Credential(pace, made, error)  # noqa: E731
    return SignedIn(credential=make, addresses=PUBLIC, pace=pace), pace, made


def test_a_token_is_for_one_interface_and_kept_until_it_ends() -> None:
    tokens, pace, made = signed_in()
    assert tokens.token(Api.DEFENDER) == "token 1 for https://api.securitycenter.microsoft.com/.default"
    assert tokens.token(Api.GRAPH).endswith("for https://graph.microsoft.com/.default")
    assert tokens.token(Api.DEFENDER).startswith("token 1")
    pace.sleep(3400)
    assert tokens.token(Api.DEFENDER).startswith("token 3")
    assert len(made) == 1


def test_a_refused_token_is_asked_for_anew() -> None:
    tokens, _, made = signed_in()
    tokens.token(Api.DEFENDER)
    tokens.token(Api.DEFENDER, fresh=True)
    assert len(made) == 2, "the library's own memory is left behind"


def test_a_refusal_says_what_to_do() -> None:
    from azure.core.exceptions import ClientAuthenticationError

    said = "AADSTS7000215: Invalid client secret provided. client_secret=hunter2 Trace ID: 1"
    tokens, _, _ = signed_in(ClientAuthenticationError(message=said))
    with pytest.raises(PermissionDenied, match="AADSTS7000215") as refused:
        tokens.token(Api.GRAPH)
    assert "value, not its id" in refused.value.hint
    assert "hunter2" not in f"{refused.value!r} {refused.value.__cause__!r}"


def test_no_answer_is_no_refusal() -> None:
    from azure.core.exceptions import ServiceRequestError

    tokens, _, _ = signed_in(ServiceRequestError("no route"))
    with pytest.raises(EstateError, match="no route"):
        tokens.token(Api.GRAPH)


@pytest.mark.parametrize(
    ("cloud", "geo", "defender", "graph", "login"),
    [
        (Cloud.PUBLIC, None, "api.security.microsoft.com", "graph.microsoft.com", "login.microsoftonline.com"),
        (Cloud.PUBLIC, Geo.EU, "eu.api.security.microsoft.com", "graph.microsoft.com", "login.microsoftonline.com"),
        (Cloud.GCC, None, "api-gcc.securitycenter.microsoft.us", "graph.microsoft.com", "login.microsoftonline.com"),
        (Cloud.GCC_HIGH, None, "api-gov.securitycenter.microsoft.us", "graph.microsoft.us", "login.microsoftonline.us"),
        (Cloud.DOD, None, "api-gov.securitycenter.microsoft.us", "graph.microsoft.us", "login.microsoftonline.us"),
    ],
)
def test_clouds(cloud: Cloud, geo: Geo | None, defender: str, graph: str, login: str) -> None:
    found = addresses(cloud, geo, HostSettings())
    assert found.base == {Api.DEFENDER: f"https://{defender}", Api.GRAPH: f"https://{graph}"}
    assert found.sign_in == f"https://{login}"
    audience = "api.securitycenter.microsoft.com" if cloud is Cloud.PUBLIC else defender
    assert found.scope[Api.DEFENDER] == f"https://{audience}/.default", "the older audience, wherever calls go"


def secret(kind: SecretKind, name: str, folder: Path = Path()) -> Secret:
    return Secret(kind=kind, name=name, folder=folder)


def test_secrets_come_from_where_the_reference_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring

    (tmp_path / "s").write_text("from file\n", encoding="utf-8")
    monkeypatch.setattr(keyring, "get_password", lambda service, name: f"{service} and {name}")
    assert fetch_text(secret(SecretKind.ENV, "S"), {"S": "from env"}) == "from env"
    assert fetch_text(secret(SecretKind.FILE, "s", tmp_path)) == "from file"
    assert fetch_text(secret(SecretKind.KEYRING, "earmark/app")) == "earmark and app"


@pytest.mark.parametrize("content", [b"", b"\xff", b"a\nb", b"x" * (MAX_BYTES + 1)])
def test_a_file_that_holds_no_secret(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(PermissionDenied, match=r"\$\{file:s\}"):
        fetch_text(secret(SecretKind.FILE, "s", tmp_path))


@pytest.mark.parametrize("kind", [SecretKind.ENV, SecretKind.FILE])
def test_a_secret_that_is_not_there(kind: SecretKind, tmp_path: Path) -> None:
    with pytest.raises(PermissionDenied, match="nothing-here") as missing:
        fetch_secret(secret(kind, "nothing-here", tmp_path), {})
    assert missing.value.hint


def test_vaults_are_named_in_three_ways() -> None:
    assert vault_url("corp") == "https://corp.vault.azure.net"
    assert vault_url("corp.vault.usgovcloudapi.net") == "https://corp.vault.usgovcloudapi.net"
    assert vault_url("https://corp.vault.azure.net/secrets") == "https://corp.vault.azure.net"


def test_settings_show_references_and_never_what_they_stand_for(tmp_path: Path) -> None:
    settings = DefenderSettings(
        tenant="t",
        sign_in=SignIn(method=SignInMethod.SECRET, client_id="c", secret=secret(SecretKind.ENV, "S", tmp_path)),
        proxy="http://user:hunter2@proxy.example",
    )
    assert str(settings.sign_in.secret) == "${env:S}"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("method", SignInMethod)
def test_each_method_makes_its_credential_when_it_is_needed(method: SignInMethod, tmp_path: Path) -> None:
    where = replace(PUBLIC, sign_in="https://localhost:1", known=False)
    settings = SignIn(
        method=method,
        client_id="9f0a",
        secret=secret(SecretKind.ENV, "S"),
        certificate=secret(SecretKind.ENV, "S"),
        token_file=tmp_path / "token",
    )
    tokens = sign_in(
        settings, tenant="contoso.example", addresses=where, pace=VirtualPace(), environment={"S": "hunter2"}
    )
    assert is_delegated(settings) is (method is SignInMethod.CLI)
    if method is SignInMethod.CERTIFICATE:  # the others would reach for the network
        with pytest.raises(PermissionDenied, match="signing in failed") as refused:
            tokens.token(Api.GRAPH)
        assert "hunter2" not in refused.value.message


def test_a_network_fault_that_the_library_calls_a_refusal_is_none() -> None:
    from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

    wrapped = ClientAuthenticationError(message="Authentication failed: no route")
    wrapped.__cause__ = ServiceRequestError("no route")
    tokens, _, _ = signed_in(wrapped)
    with pytest.raises(EstateError, match="got no answer: no route"):
        tokens.token(Api.GRAPH)


def test_a_token_that_no_header_can_carry_is_none() -> None:
    tokens, _, made = signed_in()
    tokens.token(Api.GRAPH)
    credential: Any = made[0]
    credential.get_token = lambda _scope: SimpleNamespace(token="é", expires_on=1)
    with pytest.raises(PermissionDenied, match="cannot be sent"):
        tokens.token(Api.DEFENDER)


def test_what_stands_in_for_the_sign_in_cannot_send_a_secret_elsewhere() -> None:
    from azure.core.exceptions import ClientAuthenticationError
    from azure.core.rest import HttpRequest

    with (
        pytest.raises(ClientAuthenticationError, match=r"leads to another place \(https://elsewhere.example/token\)"),
        _only_to("https://gateway.example", None) as connection,
    ):
        connection.send(HttpRequest("POST", "https://elsewhere.example/token?x=1", data={"client_secret": "s"}))
