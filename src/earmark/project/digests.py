"""Digests of what decides a flow: SHA-256 over a canonical form, in which comments, layout and order vanish."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from earmark.model.flow import Flow


def query_digest(query: str, lists: Iterable[str]) -> str:
    """Digest of a query's text and of the lists it reads, given by their digests."""
    return digest_of({"query": query.strip(), "lists": sorted(lists)})


def flow_digest(flow: Flow) -> str:
    """Digest of everything that decides what a flow does; its query digest must be in place.

    The guard is that in force, so that a limit changed in earmark.yaml shows here too. File, description and owner
    decide nothing.
    """
    values = asdict(flow)
    for key in ("file", "description", "owner", "flow_digest"):
        del values[key]
    del values["hunt"]["query"]  # its digest stands for it
    values["trigger"]["kind"] = type(flow.trigger).__name__
    values["tag"]["values"] = sorted(flow.tag.values)
    return digest_of(values)


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON of some content, in hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> str | float:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"no canonical form for {type(value).__name__}")
