"""HTTP beneath the client: the connection, an answer read up to a size, an error's words, and how long to wait."""

from __future__ import annotations

import json
import re
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2

from earmark.errors import EstateError
from earmark.estates.defender.faults import TooBig, clean
from earmark.estates.defender.operations import MEGABYTE, Operation

SHORTEST_PAUSE = 0.5
"""Seconds between two attempts at least, even where the tenant asks for none."""
_ERROR_BYTES = 200_000
_SURROGATE = re.compile("[\ud800-\udfff]")


def open_http(transport: httpx2.BaseTransport | None, ca: Path | None, proxy: str | None) -> httpx2.Client:
    """A client that follows no redirect and trusts what the settings say."""
    if transport is not None:
        return httpx2.Client(transport=transport, follow_redirects=False, trust_env=False)
    try:
        verify = True if ca is None else ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise EstateError(
            f"the certificates in {ca} cannot be used: {clean(str(error))}.", hint="`ca` names a PEM file."
        ) from None
    # Without a proxy of its own the environment's (HTTPS_PROXY) is taken, as other programs do.
    return httpx2.Client(verify=verify, proxy=proxy, follow_redirects=False, trust_env=proxy is None)


def read_body(response: httpx2.Response, operation: Operation) -> bytes:
    """The body, decompressed, unless it is larger than what may be expected."""
    largest = operation.largest if response.status_code == 200 else _ERROR_BYTES
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > largest:
            if response.status_code != 200:
                break  # enough to tell what it is about
            raise TooBig(
                f"{operation.name} was answered with more than {largest // MEGABYTE} MB.",
                status=200,
                hint="Ask for less at a time.",
            )
        parts.append(part)
    return b"".join(parts)


def read_json(content: bytes) -> Any:
    """What a body says; ValueError or RecursionError where it is no JSON.

    JSON can write halves of a character (RFC 8259, section 8.2), which neither a request nor the state can carry:
    they are replaced.
    """
    value = json.loads(content)
    return _whole(value) if b"\\ud" in content.lower() else value


def _whole(value: Any) -> Any:
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case list():
            return [_whole(one) for one in value]
        case dict():
            return {_whole(key): _whole(one) for key, one in value.items()}
    return value


def error_of(content: bytes) -> tuple[str, str]:
    """Code and text of an error's body, as Defender and Graph write them; empty where there are none."""
    try:
        error = json.loads(content).get("error")
    except (ValueError, RecursionError, AttributeError):
        return "", ""
    if not isinstance(error, dict):
        return "", ""
    code, said = error.get("code"), error.get("message")
    return clean(code) if isinstance(code, str) else "", said if isinstance(said, str) else ""


def is_of_tenant(content: bytes) -> bool:
    """Whether an error's body may be a tenant's: it writes JSON, or nothing."""
    try:
        return not content.strip() or isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False


def retry_after(headers: httpx2.Headers, now: datetime) -> float | None:
    """Seconds that the tenant asks to be left alone, from either form of the header; None where it says nothing.

    A date is held against the answer's own `Date`, so that a clock that is off does not matter.
    """
    said = headers.get("Retry-After", "").strip()
    if not said:
        return None
    try:
        seconds = float(said)
    except ValueError:
        at, here = http_date(said), http_date(headers.get("Date", ""))
        if at is None:
            return None
        seconds = (at - (here or now)).total_seconds()
    return max(seconds, SHORTEST_PAUSE) if seconds == seconds else None  # NaN is unequal to itself


def http_date(text: str) -> datetime | None:
    """A date as HTTP writes it; None for whatever is none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def words_of(error: Exception) -> str:
    """What a network's fault says of itself, or at least what it is."""
    return clean(str(error)) or type(error).__name__
