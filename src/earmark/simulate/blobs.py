"""Files of JSON lines on disk: where a sensor puts them, gzipped where they are old, and how many lines each kind
has.

Gzip headers carry neither name nor time, so equal lines give equal bytes.
"""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

PLAIN_DAYS = 2
"""The newest days stay plain; what is older is gzipped, as an archive would be."""


class Folder:
    """The output folder: writes files below it and remembers what was written."""

    def __init__(self, root: Path, *, start: date, days: int, compress: bool) -> None:
        self.root = root
        self.start = start
        self.compress = compress
        self.plain_from = days - PLAIN_DAYS if compress else 0
        self.files: list[Path] = []
        self.counts: Counter[str] = Counter()

    def write(self, path: str, text: str) -> None:
        """Write a file as it is."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
        self.files.append(target)

    def write_lines(self, kind: str, path: str, day: int, lines: list[str], *, cut: int = 0) -> None:
        """Write JSON lines (each ends its line), gzipped if the day is old; `cut` characters are left off the end."""
        if not lines:
            return
        content = "".join(lines)
        raw = content[: len(content) - cut].encode()
        target = self.root / (path if day >= self.plain_from else f"{path}.gz")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw if day >= self.plain_from else _gzipped(raw))
        self.files.append(target)
        self.counts[kind] += len(lines)

    def write_chunks(self, kind: str, path: str, chunks: Iterable[tuple[int, str]]) -> None:
        """Write plain JSON lines as they come, chunk by chunk, so that memory holds one chunk."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as stream:
            for rows, text in chunks:
                stream.write(text.encode())
                self.counts[kind] += rows
        self.files.append(target)

    def day_text(self, day: int) -> str:
        """The ISO date of a day."""
        return (self.start + timedelta(days=day)).isoformat()


def _gzipped(raw: bytes) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=4, mtime=0) as packed:
        packed.write(raw)
    return buffer.getvalue()
