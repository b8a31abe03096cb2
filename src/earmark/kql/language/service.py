"""Microsoft's language service for KQL, run in a small JavaScript engine: query text in, diagnostics, columns and
the bound tree out.

The service's two files come from its npm package and are put into `assets/` when the wheel is built. One JavaScript
context serves all queries; it lives on a thread of its own, because the parser recurses deeply and needs a larger stack
than a thread has by default. Any stop (time, memory, stack) throws the context away: a grammar that was interrupted
while it was being built must not answer again.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import Any, TypeVar

from earmark.kql.base import Columns, Tables

SERVICE_VERSION = "12.4.1"
"""The npm version of the service whose answers the start-up changes were compared for."""

# The operator parameters' parsers are built for each operator anew, but are the same. The text must occur exactly once.
SERVICE_TEXT_CHANGE = (
    "paramParsers.add(QueryParameter(ap,equalsNeeded,Kusto.Language.QueryOperatorParameters.AllParameters))",
    "paramParsers.add(Startup.operatorParameter(QueryParameter,ap,equalsNeeded))",
)
_RECURSION = 20_000
_STACK = 40 * 2**20
_THREAD_STACK = 64 * 2**20


_one_at_a_time = threading.Lock()
_Result = TypeVar("_Result")


class ServiceStopped(Exception):
    """A query asked for more than it may have; `reason` is one of time, memory, stack, failure."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class ServiceMissing(Exception):
    """The service's files are not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits:
    """What one query may use inside the JavaScript engine."""

    timeout: timedelta = timedelta(seconds=20)
    """Processor time of one query; the first also pays for building the grammar."""
    memory: int = 768 * 2**20
    """Bytes of the whole context."""
    nodes: int = 150_000
    """Nodes of the bound tree, bodies of called functions counted once each."""
    depth: int = 600
    """Levels of the bound tree."""
    tree_bytes: int = 24 * 2**20
    """Characters of the tree as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDiagnostic:
    """A diagnostic as the service gives it; offsets count UTF-16 units."""

    code: str
    severity: str
    message: str
    start: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAnswer:
    """What the service says of one text."""

    diagnostics: tuple[ServiceDiagnostic, ...]
    columns: Columns | None
    """The result's columns, if it is a table."""
    tree: dict[str, Any] | None
    """The bound tree as the glue writes it; None when a diagnostic is an error or the tree passed a limit."""
    too_big: str | None
    """The limit the tree passed: nodes, depth or bytes."""


def read_asset(name: str) -> str:
    """The text of one of the package's JavaScript files."""
    try:
        return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ServiceMissing(
            f"{name} is not installed: building Earmark puts it in place (pip install of the source tree does it)"
        ) from None


def service_text() -> str:
    """The service's own file with the start-up change made."""
    text = read_asset("assets/Kusto.Language.Bridge.min.js")
    found, replacement = SERVICE_TEXT_CHANGE
    if text.count(found) != 1:
        raise ServiceMissing(f"the language service is not version {SERVICE_VERSION}, for which it is prepared")
    return text.replace(found, replacement)


class LanguageService:
    """Answers for query texts, one at a time; loaded by the first question, safe to share between threads."""

    def __init__(self, limits: ServiceLimits | None = None) -> None:
        self._limits = limits or ServiceLimits()
        self._lock = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._context: Any = None
        self._declared: Tables | None = None

    def analyze(self, text: str, tables: Tables, *, tree: bool = True) -> ServiceAnswer:
        """Parse and bind one text against some tables; raises `ServiceStopped` when a limit is passed."""
        with self._lock:
            if self._thread is None:
                self._thread = _thread_with_large_stack()
            return self._thread.submit(self._answer, text, tables, tree).result()

    def close(self) -> None:
        """Give the memory back."""
        with self._lock:
            if self._thread is not None:
                self._thread.submit(self._forget).result()
                self._thread.shutdown()
                self._thread = None

    def _forget(self) -> None:
        self._context = None
        self._declared = None

    def _answer(self, text: str, tables: Tables, tree: bool) -> ServiceAnswer:
        if self._context is None:
            self._context = _load(self._limits)
            self._declared = None
        if self._declared is None or (self._declared is not tables and self._declared != tables):
            self._call("declare", {"tables": [[name, columns] for name, columns in tables.items() if columns]})
            self._declared = dict(tables)
        limits = {"nodes": self._limits.nodes, "depth": self._limits.depth, "bytes": self._limits.tree_bytes}
        answer = json.loads(self._call("analyze", {"text": text, "limits": limits, "tree": tree}))
        columns = answer["columns"]
        return ServiceAnswer(
            diagnostics=tuple(
                ServiceDiagnostic(code=code or "KS000", severity=severity, message=message, start=start, length=length)
                for code, severity, message, start, length in answer["diagnostics"]
            ),
            columns=None if columns is None else tuple((name, kql_type) for name, kql_type in columns),
            tree=answer["tree"],
            too_big=answer["too_big"],
        )

    def _call(self, function: str, argument: object) -> Any:
        import quickjs

        try:
            # JSON as ASCII carries every text, lone surrogates and NUL too.
            return self._context.eval(f"EarmarkKql.{function}")(json.dumps(argument))
        except quickjs.JSException as error:
            self._forget()
            raise ServiceStopped(_reason(error), str(error).partition("\n")[0]) from None


def _reason(error: Exception) -> str:
    message = str(error)
    if (
        type(error).__name__ == "StackOverflow"
        or "stack overflow" in message.lower()
        or "call stack size" in message.lower()
    ):
        return "stack"
    if "interrupted" in message:
        return "time"
    return "memory" if "out of memory" in message or message == "null" else "failure"


def _load(limits: ServiceLimits) -> Any:
    import quickjs

    context = quickjs.Context()
    context.set_max_stack_size(_STACK)
    context.set_memory_limit(limits.memory)
    steps: tuple[Callable[[], str], ...] = (
        lambda: read_asset("startup.js"),
        lambda: read_asset("assets/bridge.min.js"),
        lambda: "Startup.beforeService()",
        service_text,
        lambda: "Startup.afterService()",
        lambda: read_asset("glue.js"),
    )
    for text in steps:
        context.eval(text())
    context.set_time_limit(limits.timeout.total_seconds())
    return context


def with_deep_stack(work: Callable[[], _Result]) -> _Result:
    """Run deeply recursive Python where the stack allows it: a bound tree may be hundreds of nodes deep."""
    with _one_at_a_time:  # the limit belongs to the whole process
        before = sys.getrecursionlimit()
        pool = _thread_with_large_stack()
        try:
            sys.setrecursionlimit(max(before, _RECURSION))
            return pool.submit(work).result()
        finally:
            sys.setrecursionlimit(before)
            pool.shutdown()


def _thread_with_large_stack() -> ThreadPoolExecutor:
    before = threading.stack_size(_THREAD_STACK)
    try:
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kql-language-service")
        pool.submit(lambda: None).result()
    finally:
        threading.stack_size(before)
    return pool
