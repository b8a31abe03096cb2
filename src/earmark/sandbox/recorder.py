"""The layer around every request: it writes the log, and plays the faults that concern the answer or the connection."""

from __future__ import annotations

import asyncio
import json
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earmark.sandbox.errors import error_body
from earmark.sandbox.faults import Fault
from earmark.sandbox.gate import broken
from earmark.sandbox.log import Entry
from earmark.sandbox.paths import canonical
from earmark.sandbox.tenant import Tenant

UNLOGGED = ("/sandbox", "/page", "/openapi.json", "/docs")


_TURNS = 50
"""Of the event loop, within which a closed connection is noticed: TLS takes a few."""


class ConnectionClosed(ConnectionResetError):
    """Raised out of the app where there is no socket to close: a transport inside the process must fail with it."""


class Recorder:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, tenant: Tenant) -> None:
        self.app = app
        self.tenant = tenant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, at = scope["path"], self.tenant.clock.now()
        scope["path"] = canonical(path)
        if path == "/" or path.startswith(UNLOGGED):
            entry = Entry(number=0, at=at, method=scope["method"], path=path)
        else:
            entry = self.tenant.log.begin(at=at, method=scope["method"], path=path)
        state = scope.setdefault("state", {})
        state["entry"], state["id"] = entry, str(uuid4())
        answer = _Answer(self.tenant, scope, send, entry)
        await self.app(scope, receive, answer.send)


class _Answer:
    """The way of an answer to the caller, if it gets there."""

    def __init__(self, tenant: Tenant, scope: Scope, send: Send, entry: Entry) -> None:
        self.tenant, self.scope, self._send, self.entry = tenant, scope, send, entry
        self.swallowed = False

    async def send(self, message: Message) -> None:
        """Pass a message on, or do what the fault that strikes does."""
        if self.swallowed:
            return
        if message["type"] == "http.response.start":
            await self._wait(self.scope["state"].get("delay", 0.0))
            strike = self.scope["state"].get("strike")
            if strike in (Fault.DROP, Fault.DROP_AFTER, Fault.TIMEOUT):
                await self._wait(self.tenant.faults.settings["timeout-seconds"] if strike is Fault.TIMEOUT else 0.0)
                self.swallowed = True
                await self._close()
                return
            if strike is Fault.ERROR_AFTER:
                await self._send_broken()
                return
            self.entry.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._headers()]}
        await self._send(message)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        at = format_datetime(self.tenant.clock.shown(), usegmt=True)
        return [(b"date", at.encode()), (b"request-id", self.scope["state"]["id"].encode())]

    async def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        if self.tenant.clock.virtual:
            self.tenant.clock.advance(seconds)
        else:
            await asyncio.sleep(seconds)

    async def _close(self) -> None:
        peer = tuple(self.scope.get("client") or ())
        transport = self.tenant.connections.get(peer)
        if transport is None:
            raise ConnectionClosed(f"{self.entry.fault} closed the connection")
        transport.abort()
        for _ in range(_TURNS):  # the server must have seen that it is closed before the app returns
            if peer not in self.tenant.connections:
                return
            await asyncio.sleep(0)

    async def _send_broken(self) -> None:
        self.swallowed = True
        error = broken(self.tenant)
        self.entry.status = error.status
        body: dict[str, Any] = error_body(Request(self.scope), error)
        content = json.dumps(body).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
        await self._send({"type": "http.response.start", "status": error.status, "headers": headers + self._headers()})
        await self._send({"type": "http.response.body", "body": content})
