"""What an SQL macro is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """One macro."""

    parameters: tuple[str, ...]
    body: str
    needs: tuple[str, ...] = field(default=())
    """Macros that the body calls."""


def macro(parameters: str, body: str) -> Macro:
    """A macro from its parameters, with spaces between, and its body."""
    return Macro(
        parameters=tuple(parameters.split()), body=body, needs=tuple(dict.fromkeys(re.findall(r"\bk_\w+", body)))
    )
