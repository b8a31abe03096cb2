"""Access tokens: made when an application signs in, read with every request, timed by the tenant's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.types import Options

from earmark.sandbox.apps import App

LIFETIME = timedelta(seconds=3_599)
KEY_ID = "earmark-sandbox"
_REMEMBERED = 1_000


class Tokens:
    """Signs tokens with a key of its own and reads them back."""

    def __init__(self, tenant: str, key: rsa.RSAPrivateKey | None = None) -> None:
        self.tenant = tenant
        self._given = key
        self.refused: set[str] = set()
        """Tokens that a fault has ended before their time."""
        self._read: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return self._given or rsa.generate_private_key(public_exponent=65_537, key_size=2_048)

    @property
    def issuer(self) -> str:
        """Who tokens say they are from, as Entra's first version writes it."""
        return f"https://sts.windows.net/{self.tenant}/"

    def keys(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "RS256", "issuer": self.issuer}]}

    def issue(self, app: App, audience: str, roles: Sequence[str], *, at: datetime, by_secret: bool) -> str:
        """A token for one audience with the roles that the application has there."""
        begun = int(at.timestamp())
        claims = {
            "aud": audience,
            "iss": self.issuer,
            "iat": begun,
            "nbf": begun,
            "exp": begun + int(LIFETIME.total_seconds()),
            "appid": app.client_id,
            "appidacr": "1" if by_secret else "2",
            "app_displayname": app.name,
            "idp": self.issuer,
            "idtyp": "app",
            "oid": app.principal,
            "sub": app.principal,
            "roles": sorted(roles),
            "tid": self.tenant,
            "uti": uuid4().hex[:22],
            "ver": "1.0",
        }
        if not roles:
            del claims["roles"]  # Entra leaves the claim out
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID, "x5t": KEY_ID})

    def read(self, token: str) -> dict[str, Any] | None:
        """The claims of a token that this tenant signed; None for any other. Times are not judged here."""
        with self._lock:
            known = self._read.get(token)
        if known is not None:
            return known
        unjudged: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                issuer=self.issuer,
                options=unjudged,
            )
        except jwt.PyJWTError:
            return None
        with self._lock:
            if len(self._read) >= _REMEMBERED:
                self._read.clear()
            self._read[token] = claims
        return claims

    def refuse(self, token: str) -> None:
        """End a token before its time."""
        with self._lock:
            self.refused.add(token)
