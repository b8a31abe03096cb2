"""What `connect` tries at a tenant: against the sandbox, and against answers that a test words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.defender.probe import TenantProbe, read_token
from earmark.estates.embedded.devices import Sighting
from earmark.estates.embedded.physical import ticks_of
from earmark.model.permission import Resource
from earmark.project.settings import DefenderSettings, Secret, SecretKind, SignIn, SignInMethod
from tests.fakes_store import MemoryStore
from tests.sandboxes import NOON, Sandbox
from tests.tenants import FakeTokens, Scripted, answer, client_on, error

SECRET = Secret(kind=SecretKind.ENV, name="EARMARK_SECRET", folder=Path())
VALUE = "abc~the-rest-of-it"
CLIENT = "9f0a5c1e-0000-4000-8000-000000000000"
BY_SECRET = SignIn(method=SignInMethod.SECRET, client_id=CLIENT, secret=SECRET)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    found = Sandbox(tmp_path)
    yield found
    found.transport.close()


def probe_in(sandbox: Sandbox, app: str = "observer") -> TenantProbe:
    client = sandbox.client(MemoryStore(), writable=False, app_name=app)
    settings = DefenderSettings(tenant=sandbox.tenant.id, sign_in=BY_SECRET)
    return TenantProbe(client, client._tokens, settings, environment={"EARMARK_SECRET": VALUE})


def probe_on(answers: list[Any], sign_in: SignIn = BY_SECRET, **environment: str) -> TenantProbe:
    settings = DefenderSettings(tenant="contoso.com", sign_in=sign_in)
    variables = {"EARMARK_SECRET": VALUE} | environment
    return TenantProbe(client_on(Scripted(answers)), FakeTokens(), settings, environment=variables)


@pytest.mark.parametrize("skew", [-400, -61, 0, 61, 400])
def test_the_tenants_clock(sandbox: Sandbox, skew: int) -> None:
    sandbox.clock.skew = timedelta(seconds=skew)
    assert probe_in(sandbox).fetch_clock_lead() == timedelta(seconds=skew)


def test_asking_the_time_sends_no_token() -> None:
    transport = Scripted([answer(Date=format_datetime(NOON, usegmt=True))])
    tokens = FakeTokens()
    probe = TenantProbe(client_on(transport), tokens, DefenderSettings(tenant="contoso.com", sign_in=BY_SECRET))
    probe.fetch_clock_lead()
    (request,) = transport.requests
    assert "authorization" not in request.headers
    assert request.url.path == "/contoso.com/v2.0/.well-known/openid-configuration"
    assert tokens.asked == []


@pytest.mark.parametrize(
    ("said", "message"),
    [(httpx2.ConnectError("refused"), "gives no answer: refused"), (answer(), "answers without the time of day")],
)
def test_a_host_that_does_not_tell_the_time(said: Any, message: str) -> None:
    with pytest.raises(EstateError, match=message):
        probe_on([said]).fetch_clock_lead()


def test_what_a_token_grants(sandbox: Sandbox) -> None:
    probe = probe_in(sandbox)
    token = probe.fetch_token(Resource.DEFENDER)
    assert (token.roles, token.delegated) == (frozenset({"Machine.Read.All"}), False)
    assert token.ends_at == NOON + timedelta(seconds=3_599)
    assert probe.fetch_token(Resource.GRAPH).roles == frozenset({"ThreatHunting.Read.All"})
    assert probe_in(sandbox, "tagger").fetch_token(Resource.DEFENDER).roles == frozenset({"Machine.ReadWrite.All"})


def unsigned(**claims: Any) -> str:
    return jwt.encode(claims, "k" * 32, algorithm="HS256")


def test_a_persons_token() -> None:
    token = read_token(unsigned(scp="Machine.Read AdvancedQuery.Read User.Read ThreatHunting.Read.All", exp=0))
    assert token.delegated
    roles = {"Machine.Read.All", "AdvancedQuery.Read.All", "User.Read", "ThreatHunting.Read.All"}
    assert token.roles == frozenset(roles)


def test_an_application_without_roles() -> None:
    assert read_token(unsigned(idtyp="app")).roles == frozenset()


@pytest.mark.parametrize("text", ["opaque", "a.b.c", ""])
def test_a_token_that_cannot_be_read(text: str) -> None:
    assert read_token(text).roles is None


@pytest.mark.parametrize("claims", [{"roles": "Machine.Read.All"}, {"roles": [1]}, {"exp": "soon"}])
def test_strange_claims_are_nothing(claims: dict[str, Any]) -> None:
    token = read_token(unsigned(**claims))
    assert (token.roles, token.ends_at) == (frozenset(), None)


def test_no_devices(sandbox: Sandbox) -> None:
    assert probe_in(sandbox).fetch_devices() == 0, "404 stands for an empty list"


def test_the_smallest_page_of_devices(sandbox: Sandbox) -> None:
    seen = ticks_of(NOON)
    sightings = [Sighting(id=n * 40, name=f"pc{n}", first_seen=seen, last_seen=seen) for n in "12"]
    sandbox.devices.devices.record_sightings(sightings)
    assert probe_in(sandbox).fetch_devices() == 1


def test_devices_that_are_forbidden() -> None:
    with pytest.raises(PermissionDenied, match=r"machines-list was refused with 403") as denied:
        probe_on([error(403, "Forbidden")]).fetch_devices()
    assert "Machine.Read.All of WindowsDefenderATP" in denied.value.hint


def test_nobody_waits_for_long() -> None:
    with pytest.raises(EstateError):
        probe_on([error(503, "ServiceUnavailable", Retry_After="600")]).fetch_devices()


def credentials(*found: tuple[str, datetime]) -> httpx2.Response:
    listed = [{"hint": hint, "endDateTime": f"{ends:%Y-%m-%dT%H:%M:%S.1234567Z}"} for hint, ends in found]
    return answer({"passwordCredentials": listed})


def test_the_end_of_a_secret_is_asked_of_graph() -> None:
    ends, other = NOON + timedelta(days=9), NOON + timedelta(days=2)
    probe = probe_on([credentials(("abc", ends), ("xyz", other))])
    proof = probe.fetch_proof(may_ask=True)
    assert proof.ends_at is not None
    assert (proof.kind, proof.ends_at.replace(microsecond=0), proof.why_unknown) == ("secret", ends, "")


def test_of_two_secrets_that_begin_alike_the_first_to_end_counts() -> None:
    soon, late = NOON + timedelta(days=2), NOON + timedelta(days=9)
    ends = probe_on([credentials(("abc", late), ("abc", soon))]).fetch_proof(may_ask=True).ends_at
    assert ends is not None
    assert ends.replace(microsecond=0) == soon


@pytest.mark.parametrize(
    "said",
    [
        credentials(("xyz", NOON)),
        answer({}),
        answer({"passwordCredentials": "none"}),
        error(404, "Request_ResourceNotFound"),
        error(403, "Authorization_RequestDenied"),
    ],
)
def test_an_end_that_is_not_told_is_unknown(said: httpx2.Response) -> None:
    proof = probe_on([said]).fetch_proof(may_ask=True)
    assert proof.ends_at is None
    assert proof.why_unknown


def test_without_the_right_nobody_is_asked() -> None:
    transport = Scripted([answer()])
    settings = DefenderSettings(tenant="contoso.com", sign_in=BY_SECRET)
    proof = TenantProbe(client_on(transport), FakeTokens(), settings, environment={}).fetch_proof(may_ask=False)
    assert "Certificates & secrets" in proof.why_unknown
    assert transport.requests == []


def make_certificate(ends: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "earmark")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ends - timedelta(days=365))
        .not_valid_after(ends)
    )
    return key, builder.sign(key, hashes.SHA256())


ENDS = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    key, certificate = make_certificate(ENDS)
    _, other = make_certificate(ENDS + timedelta(days=9))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = certificate.public_bytes(Encoding.PEM)
    (folder / "key-first.pem").write_bytes(pem + public)
    (folder / "chain.pem").write_bytes(public + other.public_bytes(Encoding.PEM) + pem)
    (folder / "key-alone.pem").write_bytes(pem)
    (folder / "nonsense.pem").write_bytes(b"nonsense")
    box = pkcs12.serialize_key_and_certificates(b"e", key, certificate, None, BestAvailableEncryption(b"password"))
    (folder / "box.p12").write_bytes(box)
    return folder


def by_certificate(files: Path, name: str) -> SignIn:
    return SignIn(
        method=SignInMethod.CERTIFICATE,
        client_id=CLIENT,
        certificate=Secret(kind=SecretKind.FILE, name=name, folder=files),
        password=Secret(kind=SecretKind.ENV, name="PASSWORD", folder=files) if name.endswith(".p12") else None,
    )


@pytest.mark.parametrize("name", ["key-first.pem", "chain.pem", "box.p12"])
def test_the_end_of_a_certificate_is_read_from_its_file(files: Path, name: str) -> None:
    probe = probe_on([answer()], by_certificate(files, name), PASSWORD="password")
    assert probe.fetch_proof(may_ask=False).ends_at == ENDS


@pytest.mark.parametrize("name", ["key-alone.pem", "nonsense.pem", "missing.pem", "box.p12"])
def test_a_file_without_a_certificate_that_can_be_read(files: Path, name: str) -> None:
    with pytest.raises(PermissionDenied) as denied:
        probe_on([answer()], by_certificate(files, name), PASSWORD="wrong").fetch_proof(may_ask=False)
    assert name in denied.value.message
    assert "PRIVATE" not in denied.value.message
    assert "wrong" not in denied.value.message


@pytest.mark.parametrize("method", [SignInMethod.MANAGED_IDENTITY, SignInMethod.WORKLOAD_IDENTITY])
def test_what_azure_renews_does_not_expire(method: SignInMethod) -> None:
    proof = probe_on([answer()], SignIn(method=method)).fetch_proof(may_ask=False)
    assert (proof.ends_at, proof.why_unknown) == (None, "")


def test_the_azure_cli_keeps_its_own() -> None:
    assert probe_on([answer()], SignIn(method=SignInMethod.CLI)).fetch_proof(may_ask=False).why_unknown
