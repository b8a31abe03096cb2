"""Evidence: the columns of a hunt kept as the reason for a tag, and which of them may be shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def shown_evidence(evidence: Mapping[str, Any], redact: Collection[str]) -> dict[str, Any]:
    """The evidence without the columns named in `redact`; letter case does not count, so that none slips through."""
    hidden = {name.casefold() for name in redact}
    return {column: value for column, value in evidence.items() if column.casefold() not in hidden}
