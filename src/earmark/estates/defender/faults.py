"""What can go wrong with a call, and what a tenant's words may become before a person reads them."""

from __future__ import annotations

import re
from datetime import datetime

from earmark.errors import EstateError

LONGEST = 300
"""Characters of a tenant's own words in a message."""
_TOKEN = re.compile(r"\b(?:Bearer\s+\S+|ey[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){1,4})")
_SECRET = re.compile(
    r"(?i)((?:client_secret|client_assertion|password|secret|access_token|authorization)[\"']?\s*[=:]\s*)\S+"
)


def clean(text: str) -> str:
    """A stranger's words on one line, short, printable, and without anything that looks like a token or a secret."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in text[: 20 * LONGEST]).split())
    plain = _SECRET.sub(r"\1…", _TOKEN.sub("…", plain))
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


class CallRefused(EstateError):
    """The tenant answered, and the answer is that it will not: a status from 400 up that no repeat changes."""

    def __init__(self, message: str, *, status: int, code: str = "", said: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        """The error's code, as the tenant gives it."""
        self.said = said
        """The error's text in full; only ever searched, never shown."""
        self.doubtful = False
        """Whether an attempt before the refused one got no answer, and may have taken effect."""


class NoAnswer(EstateError):
    """No answer could be had, or none that can be read; whether the call took effect is unknown."""

    def __init__(self, message: str, *, status: int = 0, said: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        """Of the last answer; 0 when there was none."""
        self.said = said


class TooBusy(NoAnswer):
    """The quota has no room before a moment that lies too far ahead; nothing was sent."""

    def __init__(self, message: str, *, until: datetime, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.until = until


class TooBig(NoAnswer):
    """The answer is larger than what is read."""
