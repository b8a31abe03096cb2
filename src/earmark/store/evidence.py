"""What hunts said of each pair: first and last match, and the evidence of the last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from earmark.model.ledger import Pair
from earmark.store.base import Match
from earmark.store.opening import Database
from earmark.store.schema import instant, matches, stored


class EvidenceTables:
    """The part of the store that is evidence."""

    _database: Database

    def record_matches(
        self,
        estate: str,
        flow: str,
        query_digest: str,
        at: datetime,
        named: Iterable[tuple[Pair, Mapping[str, Any]]],
    ) -> None:
        """Note the pairs that a complete hunt named."""
        moment = stored(at)
        mine = (matches.c.estate == estate, matches.c.flow == flow)
        with self._database.write() as connection:
            known = {
                Pair(row.device, row.tag)
                for row in connection.execute(select(matches.c.device, matches.c.tag).where(*mine))
            }
            new: list[dict[str, Any]] = []
            again: list[dict[str, Any]] = []
            for pair, evidence in named:
                values = {"query_digest": query_digest, "last_match_at": moment, "evidence": _text(evidence)}
                if pair in known:
                    again.append({"key_device": pair.device, "key_tag": pair.tag, **values})
                else:
                    key = {"estate": estate, "flow": flow, "device": pair.device, "tag": pair.tag}
                    new.append({**key, "first_match_at": moment, **values})
            if again:
                key_is = (matches.c.device == bindparam("key_device"), matches.c.tag == bindparam("key_tag"))
                names = ("query_digest", "last_match_at", "evidence")
                change = update(matches).where(*mine, *key_is).values({name: bindparam(name) for name in names})
                connection.execute(change, again)
            if new:
                connection.execute(insert(matches), new)

    def read_matches(self, estate: str, *, device: str | None = None, tag: str | None = None) -> list[Match]:
        """The matches that fit."""
        query = select(matches).where(matches.c.estate == estate)
        if device is not None:
            query = query.where(matches.c.device == device)
        if tag is not None:
            query = query.where(matches.c.tag == tag)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(matches.c.device, matches.c.tag, matches.c.flow))
            return [
                Match(
                    flow=row.flow,
                    pair=Pair(row.device, row.tag),
                    query_digest=row.query_digest,
                    first_match_at=instant(row.first_match_at),
                    last_match_at=instant(row.last_match_at),
                    evidence=json.loads(row.evidence),
                )
                for row in rows
            ]

    def forget_matches(self, estate: str, before: datetime) -> int:
        """Drop what matched last before a moment."""
        old = delete(matches).where(matches.c.estate == estate, matches.c.last_match_at < stored(before))
        with self._database.write() as connection:
            return connection.execute(old).rowcount


def _text(evidence: Mapping[str, Any]) -> str:
    return json.dumps(dict(evidence))
