"""The server: one socket, with TLS or without, until it is stopped or its time is over."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from earmark.errors import UsageError
from earmark.sandbox.app import create_app
from earmark.sandbox.tenant import Tenant

_KEEP_ALIVE = 75
_GRACE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a sandbox listens."""

    host: str
    port: int
    """0: any that is free."""
    certificate: Path | None = None
    """None: plain HTTP."""
    key: Path | None = None

    def url(self, port: int) -> str:
        """The address that callers use."""
        name = "localhost" if is_loopback(self.host) or self.host in ("0.0.0.0", "::") else self.host
        return f"{'https' if self.certificate else 'http'}://{f'[{name}]' if ':' in name else name}:{port}"


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind(listening: Listening) -> list[socket.socket]:
    """The sockets; UsageError when the address cannot be had. `localhost` is served in both of its meanings."""
    first = _bind(listening)
    if listening.host not in ("127.0.0.1", "localhost"):
        return [first]
    try:
        return [first, _bind(replace(listening, host="::1", port=first.getsockname()[1]))]
    except UsageError:  # a machine without IPv6, or the port is somebody's there
        return [first]


def _bind(listening: Listening) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listening.host, listening.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        if sys.platform != "win32":  # there it would let two servers have one port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        raise UsageError(
            f"The sandbox cannot listen on {listening.host}, port {listening.port}: {error.strerror or error}.",
            hint="Name another with --port; 0 takes any that is free.",
        ) from error
    return found


def serve(tenant: Tenant, listening: Listening, *, seconds: float | None, tell: Callable[[str], None]) -> None:
    """Answer until interrupted or terminated, or for some seconds; `tell` is given the address once it is served."""
    sockets = bind(listening)
    config = uvicorn.Config(
        create_app(tenant),
        http=watched(tenant.connections),
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.key,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    url = listening.url(sockets[0].getsockname()[1])
    server = _Server(config, seconds=seconds, started=lambda: tell(url))
    # uvicorn gives a signal back to whoever had it when everything is closed: then callers tidy up, and it is no fault.
    with suppress(KeyboardInterrupt), _terminated_gently():
        server.run(sockets=sockets)


@contextmanager
def _terminated_gently() -> Iterator[None]:
    """Let a request to terminate end the server as Ctrl+C does; where signals cannot be had, nothing changes."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_news(record: logging.LogRecord) -> bool:
    """Idle connections that are cut at the end are nothing to say."""
    return "graceful shutdown" not in record.getMessage()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, seconds: float | None, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._seconds = seconds
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._seconds is not None:
            asyncio.get_running_loop().call_later(self._seconds, self._end)
        self._tell()

    def _end(self) -> None:
        self.should_exit = True


def watched(connections: dict[tuple[str, int], asyncio.Transport]) -> type[H11Protocol]:
    """A protocol that writes down who is connected, so that a fault can close the connection."""

    class Watched(H11Protocol):
        _peer: tuple[str, int] | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            address = transport.get_extra_info("peername")
            if address:
                self._peer = str(address[0]), int(address[1])
                connections[self._peer] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            if self._peer is not None:
                connections.pop(self._peer, None)
            super().connection_lost(exc)

    return Watched
