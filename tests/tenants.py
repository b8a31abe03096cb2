"""What tests of a tenant need: time that passes only where something waits, tokens, and a client on any transport."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from earmark.estates.defender.client import Client
from earmark.estates.defender.clouds import Api, addresses
from earmark.estates.defender.quota import Quota, QuotaBook
from earmark.project.settings import Cloud, HostSettings
from tests.fakes_store import MemoryStore

HERE = "https://localhost:8443"
HOSTS = HostSettings(sign_in=HERE, defender=HERE, graph=HERE)
TOKEN = "eyJhbGciOiJub25lIn0.eyJzZWNyZXQiOiJ0b2tlbiJ9.c2VjcmV0LXRva2Vu"


class VirtualPace:
    """Time that moves only when somebody waits."""

    def __init__(self, at: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self.at = at
        self.begun = at
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - self.begun).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


@dataclass
class FakeTokens:
    """A new token each time that a fresh one is asked for."""

    asked: list[tuple[Api, bool]] = field(default_factory=list)

    def token(self, api: Api, *, fresh: bool = False) -> str:
        self.asked.append((api, fresh))
        return f"{TOKEN}{sum(fresh for _, fresh in self.asked)}"


@dataclass
class Scripted(httpx2.BaseTransport):
    """Answers by a script: each request gets the next answer, the last one for ever."""

    answers: list[Any]
    """Responses, exceptions to raise, or functions of the request that give either."""
    requests: list[httpx2.Request] = field(default_factory=list)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if callable(answer) and not isinstance(answer, httpx2.Response):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx2.Response)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


def answer(document: Any = None, status: int = 200, **headers: str) -> httpx2.Response:
    """A response of JSON; header names have `_` for `-`."""
    plain = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, json={} if document is None else document, headers=plain)


def error(status: int, code: str = "BadRequest", message: str = "", **headers: str) -> httpx2.Response:
    """A response as Defender words errors."""
    return answer({"error": {"code": code, "message": message, "target": "t"}}, status, **headers)


def client_on(
    transport: httpx2.BaseTransport,
    *,
    pace: Any = None,
    tokens: Any = None,
    book: QuotaBook | None = None,
    writable: bool = True,
    told: Callable[[str], None] = lambda _sentence: None,
) -> Client:
    """A client on a transport, on virtual time unless told otherwise."""
    pace = pace or VirtualPace()
    return Client(
        addresses=addresses(Cloud.PUBLIC, None, HOSTS),
        tokens=tokens or FakeTokens(),
        quota=Quota(book or MemoryStore(), pace, tenant="t", told=told),
        pace=pace,
        writable=writable,
        transport=transport,
        chance=random.Random(1),
    )
