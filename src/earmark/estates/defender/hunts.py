"""One hunt on the wire: Graph's runHuntingQuery, or Defender's older endpoint that stops on 1 February 2027.

https://learn.microsoft.com/graph/api/security-security-runhuntingquery,
https://learn.microsoft.com/defender-endpoint/api/run-advanced-query-api.

Keys come in either case, so they are read in any. What the values mean is not judged here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from earmark.errors import EstateError
from earmark.estates.defender.client import Client
from earmark.estates.defender.operations import HUNT, OLD_HUNT

MOST_ROWS = 100_000
"""Rows of one answer at most: as many may be all there are, or the first of more."""
_CPU = re.compile(r"(?i)\bcpu\b|processing resources|resources allocated|compute quota")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What a hunt brought."""

    schema: tuple[tuple[str, str], ...]
    """Columns with the tenant's names of their types."""
    rows: list[dict[str, Any]]
    size: int
    """Bytes of the answer."""


class Hunts:
    """The tenant's hunting."""

    def __init__(self, client: Client, *, old: bool = False) -> None:
        self.client = client
        self.old = old

    def run(self, query: str, *, since: datetime, end: datetime, until: float | None = None) -> Rows:
        """Run one query over the events of a span of time; `until` (monotonic) ends all waiting.

        A quota of processing time that is used up, and answers that are too large or come too late, are `NoAnswer` at
        once: a repeat would only cost more.
        """
        body: dict[str, Any] = {"Query": query}
        if not self.old:
            body["Timespan"] = f"{_instant(since)}/{_instant(end)}"
        operation = OLD_HUNT if self.old else HUNT
        answer = self.client.call(operation, body=body, until=until, final=_is_final)
        document = {key.lower(): value for key, value in answer.document.items()}
        rows, schema = document.get("results"), document.get("schema")
        if not isinstance(rows, list) or not isinstance(schema, list) or not all(isinstance(r, dict) for r in rows):
            raise EstateError("the tenant's answer to a hunt holds no schema and results.")
        return Rows(schema=tuple(_column(column) for column in schema), rows=rows, size=answer.size)

    def block(self, seconds: float) -> None:
        """Let nobody hunt for some seconds."""
        self.client.quota.block(OLD_HUNT if self.old else HUNT, seconds)


def _is_final(status: int, said: str) -> bool:
    return status in (502, 504) or (status == 429 and is_cpu(said))


def is_cpu(said: str) -> bool:
    """Whether a 429 is about processing time and not about the count of calls; only its text tells."""
    return _CPU.search(said) is not None


def _column(value: Any) -> tuple[str, str]:
    keys: Mapping[str, Any] = {k.lower(): v for k, v in value.items()} if isinstance(value, dict) else {}
    name, kind = keys.get("name"), keys.get("type")
    if not isinstance(name, str) or not isinstance(kind, str):
        raise EstateError("the tenant's answer to a hunt has a column without name or type.")
    return name, kind


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06}Z"
