"""Every request to a tenant goes through here: the guard against writing, the quota, the token, repeats, and what an
answer means.

In: an operation, ids, a body. Out: the JSON of a success, or one of `faults`. A repeat is safe, since nothing that
Earmark sends means anything else the second time. Redirects are not followed, links only to the tenant itself, and no
message holds a token.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import stamina
import stamina.instrumentation

from earmark.errors import EstateError, PermissionDenied
from earmark.estates.defender.clouds import Addresses, same_place
from earmark.estates.defender.faults import CallRefused, NoAnswer, clean
from earmark.estates.defender.operations import READS, Operation
from earmark.estates.defender.pace import Pace
from earmark.estates.defender.quota import Quota
from earmark.estates.defender.sign_in import Tokens
from earmark.estates.defender.wire import (
    error_of,
    http_date,
    is_of_tenant,
    open_http,
    read_body,
    read_json,
    retry_after,
    words_of,
)

ATTEMPTS = 8
"""How often one request is sent at most."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds before the first repeat, and the most between two that the tenant names no time for."""
LONGEST_WAIT = 900.0
"""Seconds that the tenant may ask for before giving up is better than waiting."""
LONGEST_BLOCK = 3600.0
"""Seconds that others are kept from calling at most, whatever the tenant asks for."""
_TAKEN = frozenset({201, 202})
"""A write that is answered with these was taken on, though 200 is what is documented."""
_REPEATED = frozenset({408, 429, 500, 502, 503, 504})

IsFinal = Callable[[int, str], bool]


@dataclass(frozen=True, slots=True)
class Answer:
    """A success."""

    document: dict[str, Any]
    size: int
    """Bytes of its body."""


@dataclass(frozen=True, slots=True)
class _Request:
    operation: Operation
    url: str
    body: bytes | None
    until: float | None
    """Monotonic moment after which nothing is waited for."""
    final: IsFinal


@dataclass(slots=True)
class _Got:
    status: int
    headers: httpx2.Headers
    content: bytes


class _Again(Exception):
    """One attempt failed in a way that a repeat may mend."""

    def __init__(self, fault: NoAnswer, *, wait: float | None) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.wait = wait
        """Seconds that the tenant asks for; None when it names none."""


class Client:
    """The requests of one tenant. Use it from one thread at a time."""

    def __init__(
        self,
        *,
        addresses: Addresses,
        tokens: Tokens,
        quota: Quota,
        pace: Pace,
        writable: bool,
        transport: httpx2.BaseTransport | None = None,
        ca: Path | None = None,
        proxy: str | None = None,
        chance: random.Random | None = None,
    ) -> None:
        # Its hooks would write what is repeated, arguments and all, to the log.
        stamina.instrumentation.set_on_retry_hooks(())
        self.addresses = addresses
        self.pace = pace
        self.quota = quota
        self._tokens = tokens
        self._writable = writable
        self.chance = chance or random.Random()
        self._make: Callable[[], httpx2.Client] = lambda: open_http(transport, ca, proxy)
        self._http: httpx2.Client | None = None

    def call(
        self,
        operation: Operation,
        *ids: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        until: float | None = None,
        final: IsFinal = lambda _status, _said: False,
    ) -> Answer:
        """Make one call.

        `until` (monotonic) ends all waiting. `final` says of an error's status and text that a repeat would not mend
        it, although that is what its status promises: it is given back at once, as `NoAnswer`.
        """
        path = operation.path.format(*(quote(one, safe="") for one in ids))
        url = httpx2.URL(self.addresses.base[operation.api] + path, params=dict(params) if params else None)
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return self._send(_Request(operation, str(url), content, until, final))

    def follow(self, operation: Operation, link: Any) -> Answer:
        """Get the next page of a list, by the link that the page before gave."""
        base = self.addresses.base[operation.api]
        rest = same_place(link, base, self.addresses.aliases) if isinstance(link, str) else None
        if rest is None:
            raise EstateError(
                f"the tenant's answer to {operation.name} leads to another place ({clean(str(link))}); not followed.",
                hint="Check `hosts` of the estate: a gateway must rewrite links, too.",
            )
        return self._send(_Request(operation, base + rest, None, None, lambda _status, _said: False))

    def clock_lead(self, url: str) -> timedelta:
        """How far the clock of the host at an address is ahead of ours, by the `Date` of its answer.

        Sends no token, asks once, and counts half of what the answer took as its way back.
        """
        if self._http is None:
            self._http = self._make()
        begun = self.pace.monotonic()
        try:
            response = self._http.get(url, timeout=httpx2.Timeout(20.0, connect=10.0))
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise NoAnswer(f"{clean(url)} gives no answer: {words_of(error)}.", hint=_NETWORK) from None
        now = self.pace.now() - timedelta(seconds=(self.pace.monotonic() - begun) / 2)
        shown = http_date(response.headers.get("Date", ""))
        if shown is None:
            raise NoAnswer(f"{clean(url)} answers without the time of day.", hint=_PROXY)
        return shown - now

    def close(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _send(self, request: _Request) -> Answer:
        if not self._writable and request.operation.name not in READS:
            raise PermissionDenied(
                f"the project is in mode: observe; {request.operation.name} would write and was not sent.",
                hint="Set `mode: apply` in earmark.yaml to let plans be applied.",
            )
        pauses = _Pauses(self, request)
        try:
            for attempt in stamina.retry_context(
                on=pauses.before_again, attempts=ATTEMPTS, timeout=None, wait_initial=0, wait_max=0, wait_jitter=0
            ):
                with attempt:
                    return self._attempt(request)
        except _Again as last:
            raise last.fault from None
        except CallRefused as refused:
            refused.doubtful = pauses.doubtful
            raise
        except PermissionDenied as denied:
            if not (pauses.doubtful and request.operation.writes):
                raise
            # An attempt before this one may have taken effect.
            raise NoAnswer(denied.message, hint=denied.hint) from None
        raise AssertionError("stamina gives an attempt or an error")

    def _attempt(self, request: _Request) -> Answer:
        got = self._exchange(request, fresh=False)
        if got.status == 401:  # the token may have ended on the way, or been taken back
            got = self._exchange(request, fresh=True)
        if got.status == 204:
            return Answer({}, 0)
        if request.operation.writes and got.status in _TAKEN and not got.content.strip():
            return Answer({}, 0)
        if got.status == 200 or (request.operation.writes and got.status in _TAKEN):
            return Answer(self._document(request, got), len(got.content))
        code, said = error_of(got.content)
        operation = request.operation
        told = f" ({code}: {clean(said)})" if said else f" ({code})" if code else ""
        if got.status in _REPEATED:
            fault = NoAnswer(
                f"{operation.name} was answered with {got.status}{told}.", status=got.status, said=said, hint=_LATER
            )
            if request.final(got.status, said):
                raise fault
            raise _Again(fault, wait=retry_after(got.headers, self.pace.now()))
        if got.status == 404 and not is_of_tenant(got.content):
            # A tenant's 404 means that there is no such thing; a gateway's says nothing of the tenant.
            raise NoAnswer(f"{operation.name} was answered with 404, by something else.", status=404, hint=_PROXY)
        if got.status in (401, 403):
            raise _Denied(operation, got.status, told)
        raise CallRefused(
            f"{operation.name} was refused with {got.status}{told}.", status=got.status, code=code, said=said
        )

    def _exchange(self, request: _Request, *, fresh: bool) -> _Got:
        """Send once and read the whole answer."""
        operation = request.operation
        token = self._tokens.token(operation.api, fresh=fresh)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if request.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        if self._http is None:
            self._http = self._make()
        timeout = httpx2.Timeout(operation.seconds, connect=10.0)
        with self.quota.turn(operation, until=request.until):
            try:
                with self._http.stream(
                    operation.method, request.url, content=request.body, headers=headers, timeout=timeout
                ) as response:
                    return _Got(response.status_code, response.headers, read_body(response, operation))
            except httpx2.TimeoutException:
                fault = NoAnswer(f"{operation.name} got no answer within {operation.seconds:.0f} s.", hint=_NETWORK)
            except (httpx2.RequestError, httpx2.InvalidURL) as error:
                fault = NoAnswer(f"{operation.name} got no answer: {words_of(error)}.", hint=_NETWORK)
        raise _Again(fault, wait=None)

    def _document(self, request: _Request, got: _Got) -> dict[str, Any]:
        try:
            document = read_json(got.content)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            # A proxy's page, a cut-off body: a repeat may bring the real answer.
            raise _Again(
                NoAnswer(f"{request.operation.name} was answered with something that is no JSON object.", hint=_PROXY),
                wait=None,
            )
        return document


_LATER = "Try again later; the tenant may be overloaded."
_NETWORK = "Check the network, `proxy`, `ca` and `hosts` of the estate."
_PROXY = "Does something on the way answer in the tenant's place? Check `proxy` and `hosts` of the estate."


class _Denied(PermissionDenied):
    """401 after a new token, or 403."""

    def __init__(self, operation: Operation, status: int, told: str) -> None:
        super().__init__(
            f"{operation.name} was refused with {status}{told}.",
            hint=f"The application needs {operation.permission}, with an administrator's consent.",
        )
        self.status = status


class _Pauses:
    """What happens between two attempts of one request: stamina asks here whether to go on, and waiting is ours."""

    def __init__(self, client: Client, request: _Request) -> None:
        self._client = client
        self._request = request
        self._count = 0
        self.doubtful = False
        """Whether an attempt may have taken effect without our knowing it."""

    def before_again(self, error: Exception) -> bool:
        """Whether another attempt is worth it; when it is, its time has come on return."""
        if not isinstance(error, _Again):
            return False
        self.doubtful |= error.fault.status != 429
        self._count += 1
        pause = min(FIRST_PAUSE * 2 ** (self._count - 1), LONGEST_PAUSE) * (0.5 + self._client.chance.random())
        wait = pause if error.wait is None else error.wait
        if error.wait is not None:  # for everybody, also after this request is given up: turns are given after it
            self._client.quota.block(self._request.operation, min(wait, LONGEST_BLOCK))
        if self._count >= ATTEMPTS:
            return False
        if wait > LONGEST_WAIT:
            return False
        if self._request.until is not None and self._client.pace.monotonic() + wait > self._request.until:
            return False
        if error.wait is None:
            self._client.pace.sleep(wait)
        return True


def is_forbidden(error: PermissionDenied) -> bool:
    """Whether a call was refused with 403: the right is missing for this call, not the sign-in as a whole."""
    return isinstance(error, _Denied) and error.status == 403
