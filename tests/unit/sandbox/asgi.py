"""A synchronous client for an ASGI app in this process: a fault that closes the connection fails the transport."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
from starlette.types import ASGIApp


class InProcess(httpx2.BaseTransport):
    """Runs the app once a request, in an event loop of its own."""

    def __init__(self, app: ASGIApp, *, raise_app_exceptions: bool = True) -> None:
        self._inner = httpx2.ASGITransport(app=app, raise_app_exceptions=raise_app_exceptions)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer, or fail as a network does."""

        async def run() -> httpx2.Response:
            content = await request.aread() if hasattr(request, "aread") else request.read()
            inner = httpx2.Request(request.method, request.url, headers=request.headers, content=content)
            response = await self._inner.handle_async_request(inner)
            body = await response.aread()
            return httpx2.Response(response.status_code, headers=response.headers, content=body)

        try:
            return asyncio.run(run())
        except ConnectionError as closed:
            raise httpx2.ReadError(str(closed), request=request) from closed


def client(app: ASGIApp, *, raise_app_exceptions: bool = True, **options: Any) -> httpx2.Client:
    """A client of the app."""
    transport = InProcess(app, raise_app_exceptions=raise_app_exceptions)
    return httpx2.Client(transport=transport, base_url="https://localhost", **options)
