"""The notations of single values in project files: durations, sizes, shares, dates, times of day, names, colours.

Text in, a value out, or `ValueError` with the code and the sentence; each notation also as a pydantic type with its
JSON Schema. One notation a meaning: `7d` is a duration and `P7D` is not, so that two files that mean the same look the
same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from earmark.model.instant import YEARS
from earmark.project.codes import Code

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s?(KB|MB|GB|TB|KiB|MiB|GiB|TiB)", re.ASCII)
_SIZES = {
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)\s?%", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(\.\d{1,7})?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}", re.ASCII)
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_DOMAIN = re.compile(r"(?=.{4,253}\Z)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}", re.ASCII)
_REFERENCE = re.compile(r"\$\{(env|file|keyring|vault):([^{}]+)\}")
_IN_TWO_PARTS = ("keyring", "vault")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
LONGEST_DURATION = timedelta(days=3660)
"""No flow has a use for more than ten years; the bound keeps arithmetic with dates from overflowing."""


def _refuse(code: Code, sentence: str) -> PydanticCustomError:
    return PydanticCustomError(code.value, "{sentence}", {"sentence": sentence})


def _text(value: object, code: Code, sentence: str) -> str:
    if not isinstance(value, str):
        raise _refuse(code, sentence)
    return value


def read_duration(value: object) -> timedelta:
    """`7d`, `36h`, `3m`, `1d12h`: whole numbers with their units, the greatest first."""
    sentence = "a duration is whole numbers with units: 7d, 36h, 3m, 1d12h (w, d, h, m, s)"
    text = _text(value, Code.DURATION, sentence)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise _refuse(Code.DURATION, sentence)
    parts = {unit: int(number or 0) for unit, number in zip(_UNITS.values(), match.groups(), strict=True)}
    if (duration := timedelta(**parts)) > LONGEST_DURATION:
        raise _refuse(Code.DURATION, f"the longest duration is {LONGEST_DURATION.days}d")
    return duration


def read_positive_duration(value: object) -> timedelta:
    """A duration that is more than nothing."""
    duration = read_duration(value)
    if not duration:
        raise _refuse(Code.DURATION, "the duration must be more than nothing")
    return duration


def read_size(value: object) -> int:
    """`2GB`, `512MB`, `1.5GiB`: bytes."""
    sentence = "a size is a number with a unit: 2GB, 512MB, 1.5GiB"
    match = _SIZE.fullmatch(_text(value, Code.SIZE, sentence))
    if match is None:
        raise _refuse(Code.SIZE, sentence)
    return round(float(match[1]) * _SIZES[match[2]])


def read_share(value: object) -> float:
    """`20%`: 0 to 1."""
    sentence = "a share is a percentage from 0% to 100%: 20%"
    match = _SHARE.fullmatch(_text(value, Code.SHARE, sentence))
    if match is None or float(match[1]) > 100:
        raise _refuse(Code.SHARE, sentence)
    return float(match[1]) / 100


def read_moment(value: object) -> datetime:
    """A date or an instant, as written: naive without a zone, aware with one."""
    sentence = "a date is written 2026-01-31, an instant 2026-01-31T06:00:00 (with Z or +01:00 for its zone)"
    text = _text(value, Code.DATE, sentence)
    if not (_DATE.fullmatch(text) or _INSTANT.fullmatch(text)):
        raise _refuse(Code.DATE, sentence)
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d", r"\1", text))
    except ValueError:
        raise _refuse(Code.DATE, "the calendar has no such day or time") from None
    if moment.year not in YEARS:  # at the calendar's ends a change of zone would overflow
        raise _refuse(Code.DATE, f"it must lie in the years {YEARS.start} to {YEARS.stop - 1}")
    return moment


def read_expiry(value: object) -> datetime | timedelta:
    """A date or instant (UTC unless it says otherwise), or a duration."""
    sentence = "a date (2026-12-31), an instant (2026-12-31T18:00:00Z) or a duration (90d) is expected"
    text = _text(value, Code.DATE, sentence)
    if _DATE.fullmatch(text) or _INSTANT.fullmatch(text):
        moment = read_moment(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not _DURATION.fullmatch(text) or not text:
        raise _refuse(Code.DATE, sentence)
    return read_positive_duration(text)


def read_time_of_day(value: object) -> time:
    """`06:00`."""
    sentence = "a time of day is hours and minutes: 06:00, 18:30"
    match = _TIME_OF_DAY.fullmatch(_text(value, Code.TIME_OF_DAY, sentence))
    if match is None:
        raise _refuse(Code.TIME_OF_DAY, sentence)
    return time(int(match[1]), int(match[2]))


def read_name(value: object) -> str:
    """A flow's name: it is typed on command lines and stands in file names."""
    sentence = (
        "a name is letters, digits, `-`, `_` and `.`, begins with a letter or digit and has at most 64 characters"
    )
    text = _text(value, Code.NAME, sentence)
    if not _NAME.fullmatch(text):
        raise _refuse(Code.NAME, sentence)
    return text


def read_tag(value: object) -> str:
    """A tag: any text on one line without spaces at its ends."""
    sentence = (
        "a tag is text on one line, without spaces at its ends; quote it when YAML reads it as a number or a word"
    )
    text = _text(value, Code.NAME, sentence)
    if not text or text != text.strip() or not text.isprintable():
        raise _refuse(Code.NAME, sentence)
    return text


def read_text(value: object) -> str:
    """Text that says something."""
    text = _text(value, Code.WRONG_TYPE, "text is expected; quote it when YAML reads it as a number or a word")
    if not text.strip():
        raise _refuse(Code.EMPTY_TEXT, "it must not be empty")
    return text


def read_path(value: object) -> str:
    """Text that can name a file."""
    text = read_text(value)
    if not text.isprintable():
        raise _refuse(Code.FILE_NAME, "a path holds no line breaks and no control characters")
    return text


def read_colour(value: object) -> str:
    """`"#b4232a"`."""
    sentence = (
        'a colour is "#" and six hexadecimal digits, in quotes: "#b4232a"; without them YAML takes # for a comment'
    )
    text = _text(value, Code.COLOUR, sentence)
    if not _COLOUR.fullmatch(text):
        raise _refuse(Code.COLOUR, sentence)
    return text.lower()


def read_tenant(value: object) -> str:
    """The id or a domain of a tenant, in lower case."""
    sentence = "a tenant is an id (8 hexadecimal digits, -, 4, -, 4, -, 4, -, 12) or a domain such as contoso.com"
    text = _text(value, Code.TENANT, sentence)
    if not (_GUID.fullmatch(text) or _DOMAIN.fullmatch(text)):
        raise _refuse(Code.TENANT, sentence)
    return text.lower()


def read_host(value: object) -> str:
    """`https://localhost:8443`: scheme, host and port; plain http to this machine alone."""
    sentence = "an address is https://HOST or https://HOST:PORT, and nothing after it"
    url = _url(value, sentence)
    if url.scheme not in ("http", "https") or url.path.strip("/") or url.username or url.password:
        raise _refuse(Code.HOST, sentence)
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        raise _refuse(Code.HOST, "plain http would show tokens to everyone on the way; https is expected")
    return f"{url.scheme}://{url.netloc.lower()}"


def read_proxy(value: object) -> str:
    """`http://proxy.example:3128`; a name and a password may stand in it."""
    sentence = "a proxy's address is http://HOST:PORT or https://HOST:PORT"
    url = _url(value, sentence)
    if url.scheme not in ("http", "https") or url.path.strip("/"):
        raise _refuse(Code.HOST, sentence)
    return str(value)


def _url(value: object, sentence: str) -> SplitResult:
    try:
        url = urlsplit(_text(value, Code.HOST, sentence))
        known = bool(url.hostname) and url.port != 0 and not (url.query or url.fragment)
    except ValueError:
        known = False
    if not known or not url.netloc.isprintable() or " " in url.netloc:
        raise _refuse(Code.HOST, sentence)
    return url


def read_reference(value: object) -> tuple[str, str]:
    """`${env:NAME}` and its kin, whole: where a secret is kept, and what it is called there."""
    sentence = "a secret stands elsewhere: ${env:NAME}, ${file:PATH}, ${keyring:SERVICE/NAME} or ${vault:VAULT/SECRET}"
    match = _REFERENCE.fullmatch(_text(value, Code.REFERENCE, sentence))
    if match is None or (match[1] in _IN_TWO_PARTS and not all(part.strip() for part in _halves(match[2]))):
        raise _refuse(Code.REFERENCE, sentence)
    return match[1], match[2]


def _halves(name: str) -> tuple[str, str]:
    first, _, second = name.partition("/")
    return first, second


def _kind(read: Callable[[object], object], pattern: str | None, example: str) -> tuple[PlainValidator, WithJsonSchema]:
    schema: dict[str, Any] = {"type": "string", "examples": [example]}
    if pattern:
        schema["pattern"] = f"^(?:{pattern})$"
    return PlainValidator(read), WithJsonSchema(schema)


_DURATION_SCHEMA = r"(?=\d)(?:\d{1,6}w)?(?:\d{1,6}d)?(?:\d{1,6}h)?(?:\d{1,6}m)?(?:\d{1,6}s)?"
Duration = Annotated[timedelta, *_kind(read_duration, _DURATION_SCHEMA, "14d")]
PositiveDuration = Annotated[timedelta, *_kind(read_positive_duration, _DURATION_SCHEMA, "7d")]
Size = Annotated[int, *_kind(read_size, _SIZE.pattern, "2GB")]
Share = Annotated[float, *_kind(read_share, _SHARE.pattern, "20%")]
Moment = Annotated[datetime, *_kind(read_moment, f"{_DATE.pattern}|{_INSTANT.pattern}", "2026-01-04")]
Expiry = Annotated[
    datetime | timedelta,
    *_kind(read_expiry, f"{_DATE.pattern}|{_INSTANT.pattern}|{_DURATION_SCHEMA}", "2026-12-31"),
]
TimeOfDay = Annotated[time, *_kind(read_time_of_day, _TIME_OF_DAY.pattern, "06:00")]
Name = Annotated[str, *_kind(read_name, _NAME.pattern, "executive")]
TagText = Annotated[str, *_kind(read_tag, None, "Executive")]
Text = Annotated[str, *_kind(read_text, r"[\s\S]*\S[\s\S]*", "…")]
PathText = Annotated[str, *_kind(read_path, None, "estate")]
Colour = Annotated[str, *_kind(read_colour, _COLOUR.pattern, "#b4232a")]
TenantText = Annotated[str, *_kind(read_tenant, f"{_GUID.pattern}|(?:[A-Za-z0-9-]+\\.)+[A-Za-z]+", "contoso.com")]
HostText = Annotated[str, *_kind(read_host, r"https?://[^/?#]+/?", "https://localhost:8443")]
ProxyText = Annotated[str, *_kind(read_proxy, r"https?://[^/?#]+/?", "http://proxy.example:3128")]
ReferenceText = Annotated[tuple[str, str], *_kind(read_reference, _REFERENCE.pattern, "${env:EARMARK_SECRET}")]
