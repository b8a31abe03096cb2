from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from earmark.sandbox.assertion import JWT_BEARER
from earmark.sandbox.operations import Audience
from earmark.sandbox.tls import make_client_certificate
from tests.unit.sandbox.world import DEFENDER, GRAPH, World


def ask(world: World, *, version: int = 2, tenant: str | None = None, **changes: str | None) -> httpx2.Response:
    """Ask for a token as the tagger, with some fields changed or left out."""
    form = {
        "grant_type": "client_credentials",
        "client_id": world.tagger.client_id,
        "client_secret": world.tagger.secret,
        **({"scope": f"{DEFENDER}/.default"} if version == 2 else {"resource": DEFENDER}),
        **changes,
    }
    path = f"/{tenant or world.tenant.id}/oauth2{'/v2.0' if version == 2 else ''}/token"
    return world.http.post(path, data={key: value for key, value in form.items() if value is not None})


def test_a_token_says_for_whom_it_is_and_what_it_may(world: World) -> None:
    answer = ask(world).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    keys = world.http.get(f"/{world.tenant.id}/discovery/v2.0/keys").json()["keys"]
    key = jwt.PyJWK(keys[0])
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    claims = jwt.decode(answer["access_token"], key, audience=DEFENDER, options=options)
    assert claims["roles"] == ["Machine.ReadWrite.All"]
    assert claims["appid"] == world.tagger.client_id
    assert claims["tid"] == world.tenant.id
    assert claims["exp"] - claims["nbf"] == 3599


def test_the_first_version_takes_a_resource_and_writes_numbers_as_text(world: World) -> None:
    answer = ask(world, version=1).json()
    assert (answer["expires_in"], answer["resource"]) == ("3599", DEFENDER)
    assert ask(world, version=1, resource=f"{GRAPH}/").status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "error", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_id": "0e0e0e0e-0000-0000-0000-000000000000"}, 400, "unauthorized_client", 700016),
        ({"client_id": None}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"scope": "https://graph.microsoft.com/User.Read"}, 400, "invalid_scope", 1002012),
        ({"scope": "https://nowhere.example/.default"}, 400, "invalid_resource", 500011),
        ({"tenant": "nowhere"}, 400, "invalid_request", 90002),
    ],
)
def test_refusals_as_entra_words_them(
    world: World, changes: dict[str, str | None], status: int, error: str, code: int
) -> None:
    answer = ask(world, **changes)  # type: ignore[arg-type]
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert body["trace_id"]


def test_client_and_secret_in_a_header(world: World) -> None:
    form = {"grant_type": "client_credentials", "scope": f"{GRAPH}/.default"}
    path, auth = f"/{world.tenant.id}/oauth2/v2.0/token", (world.tagger.client_id, world.tagger.secret)
    assert world.http.post(path, data=form, auth=auth).status_code == 200
    assert world.http.post(path, data=form, auth=(auth[0], "wrong")).json()["error_codes"] == [7000215]
    assert world.http.post(path, data=form, headers={"Authorization": "Basic !"}).status_code == 400


def test_no_secret_is_repeated_anywhere(world: World) -> None:
    ask(world, client_secret="hunter2")
    assert "hunter2" not in ask(world, client_secret="hunter2").text + world.http.get("/sandbox/log").text
    assert world.tagger.secret not in repr(world.tagger)


def test_discovery_leads_to_the_token_endpoint(world: World) -> None:
    for path, end in (("v2.0/.well-known", "/oauth2/v2.0/token"), (".well-known", "/oauth2/token")):
        for name in (world.tenant.id, world.tenant.domain):
            document = world.http.get(f"/{name}/{path}/openid-configuration").json()
            assert document["token_endpoint"] == f"https://localhost/{world.tenant.id}{end}"
    found = world.http.get("/common/discovery/instance", params={"api-version": "1.1"}).json()
    assert found["tenant_discovery_endpoint"].endswith("/v2.0/.well-known/openid-configuration")
    assert world.http.get("/nowhere/v2.0/.well-known/openid-configuration").status_code == 400


# What a token opens


def test_without_a_token_with_another_and_with_an_old_one(world: World) -> None:
    bare = world.http.get("/api/machines")
    assert (bare.status_code, bare.json()["error"]["code"]) == (401, "Unauthorized")
    assert bare.headers["www-authenticate"].startswith("Bearer")
    forged = jwt.encode({"aud": DEFENDER}, "x" * 32, algorithm="HS256")
    assert world.http.get("/api/machines", headers={"Authorization": f"Bearer {forged}"}).status_code == 401
    http = world.signed_in()
    world.advance(3_598)
    assert http.get("/api/machines").status_code == 200
    world.advance(1)
    assert http.get("/api/machines").status_code == 401


def test_a_token_for_another_audience_is_forbidden(world: World) -> None:
    answer = world.signed_in(resource=GRAPH).get("/api/machines")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Forbidden")
    # The new host's name is no audience: https://learn.microsoft.com/defender-endpoint/api/exposed-apis-create-app-webapp
    assert world.signed_in(resource="https://api.security.microsoft.com").get("/api/machines").status_code == 403


def test_a_role_that_is_missing_is_forbidden(world: World) -> None:
    body = {"Value": "x", "Action": "Add"}
    path = f"/api/machines/{world.ids[0]}/tags"
    assert world.signed_in("observer").post(path, json=body).status_code == 403
    world.grant("observer", Audience.DEFENDER)
    answer = world.signed_in("observer").get("/api/machines")
    assert (answer.status_code, "Machine.Read.All" in answer.json()["error"]["message"]) == (403, True)


# Certificates


def certify(world: World, folder: Path) -> Path:
    """Register a certificate for the tagger; the file with its key."""
    path = folder / "tagger.pem"
    app = replace(world.tagger, certificates=(make_client_certificate(path, "tagger"),))
    world.tenant.apps[app.client_id] = world.tagger = app
    return path


def assertion(
    world: World, pem: Path, *, algorithm: str = "PS256", header: dict[str, str] | None = None, **changes: Any
) -> str:
    """A signed assertion, with some claims changed."""
    now = int(time.time())
    claims = {
        "aud": f"https://localhost/{world.tenant.id}/oauth2/v2.0/token",
        "iss": world.tagger.client_id,
        "sub": world.tagger.client_id,
        "jti": "one",
        "nbf": now,
        "iat": now,
        "exp": now + 600,
        **changes,
    }
    key = load_pem_private_key(pem.read_bytes(), None)
    headers = {"x5t#S256": world.tagger.certificates[0].sha256} if header is None else header
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)  # type: ignore[arg-type]


def ask_with(world: World, signed: str) -> httpx2.Response:
    return ask(world, client_secret=None, client_assertion=signed, client_assertion_type=JWT_BEARER)


def test_a_certificate_signs_in(world: World, tmp_path: Path) -> None:
    pem = certify(world, tmp_path)
    assert ask_with(world, assertion(world, pem)).status_code == 200
    sha1 = {"x5t": world.tagger.certificates[0].sha1}
    assert ask_with(world, assertion(world, pem, algorithm="RS256", header=sha1)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "https://localhost/nowhere/oauth2/v2.0/token"}, 700023),
        ({"aud": "https://evil.example/oauth2/v2.0/token"}, 700023),
        ({"iss": "somebody"}, 700022),
        ({"sub": "somebody"}, 700021),
        ({"exp": 1}, 700024),
        ({"nbf": 32_503_680_000}, 700024),
        ({"exp": "soon"}, 700024),
        ({"header": {}}, 5002723),
        ({"header": {"x5t#S256": "unknown"}}, 700027),
    ],
)
def test_assertions_that_prove_nothing(world: World, tmp_path: Path, changes: dict[str, Any], code: int) -> None:
    pem = certify(world, tmp_path)
    if changes.get("exp") == "soon":
        signed = assertion(world, pem).rsplit(".", 1)[0] + ".AAAA"  # a signature that is none
        code = 700027
    else:
        signed = assertion(world, pem, **changes)
    body = ask_with(world, signed).json()
    assert (body["error"], body["error_codes"]) == ("invalid_client", [code])


def test_another_key_under_the_right_thumbprint(world: World, tmp_path: Path) -> None:
    certify(world, tmp_path)
    make_client_certificate(tmp_path / "other.pem", "other")
    assert ask_with(world, assertion(world, tmp_path / "other.pem")).json()["error_codes"] == [700027]
    assert ask_with(world, "nonsense").json()["error_codes"] == [50027]


def test_an_assertion_is_taken_again_unless_replay_is_refused(world: World, tmp_path: Path) -> None:
    signed = assertion(world, certify(world, tmp_path))
    assert [ask_with(world, signed).status_code for _ in range(2)] == [200, 200]
    world.faults(refuse_replay=1)
    assert [ask_with(world, signed).status_code for _ in range(2)] == [200, 401]


def test_skew_of_the_clock_makes_assertions_fail(world: World, tmp_path: Path) -> None:
    pem = certify(world, tmp_path)
    world.faults(clock_skew=3_600)
    assert ask_with(world, assertion(world, pem)).json()["error_codes"] == [700024]
    assert world.http.get("/sandbox/clock").headers["date"] == "Mon, 19 Jan 2026 13:00:00 GMT"


# Managed identities


def test_managed_identities(world: World) -> None:
    path = "/metadata/identity/oauth2/token"
    of_machine = world.http.get(path, params={"resource": GRAPH}, headers={"Metadata": "true"}).json()
    assert (of_machine["client_id"], of_machine["expires_in"]) == (world.tagger.client_id, "3599")
    assert world.http.get(path, params={"resource": GRAPH}).status_code == 400
    header = {"X-IDENTITY-HEADER": world.observer.secret}
    of_service = world.http.get("/msi/token", params={"resource": DEFENDER}, headers=header).json()
    token = {"Authorization": f"Bearer {of_service['access_token']}"}
    assert world.http.get("/api/machines", headers=token).status_code == 200
    assert world.http.get("/msi/token", params={"resource": DEFENDER}).status_code == 400
