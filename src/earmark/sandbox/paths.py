"""One spelling for every path.

Defender's addresses ignore case, may carry a version (`/api/v1.0/machines`) and may name an element as OData does
(`/api/machines('id')`); Graph's ignore case, too. Routers are written for one spelling, and requests are brought to it.
"""

from __future__ import annotations

import re

_WORDS = (
    *("api", "v1.0", "beta", "machines", "tags", "setDeviceValue", "findbytag", "logonusers", "alerts"),
    *("AddOrRemoveTagForMultipleMachines", "batchUpdate", "CreateAlertByReference", "advancedqueries"),
    *("advancedhunting", "run", "incidents", "security", "alerts_v2", "runHuntingQuery"),
    "microsoft.graph.security.runHuntingQuery",
)
_SPELLING = {word.lower(): word for word in _WORDS}
_ELEMENT = re.compile(r"(machines|alerts|alerts_v2|incidents)\('([^'/]*)'\)", re.IGNORECASE)


def canonical(path: str) -> str:
    """The path that routers know; one that belongs to none of the APIs stays as it is."""
    parts = [part for part in path.split("/") if part]
    if not parts or parts[0].lower() not in ("api", "v1.0", "beta"):
        return path
    parts = [piece for part in parts for piece in _pieces(part)]
    parts = [_SPELLING.get(part.lower(), part) for part in parts]
    if parts[0] == "api" and len(parts) > 1 and re.fullmatch(r"v\d+(\.\d+)?", parts[1]):
        del parts[1]
    return "/" + "/".join(parts)


def _pieces(part: str) -> tuple[str, ...]:
    found = _ELEMENT.fullmatch(part)
    return (found[1], found[2]) if found else (part,)
