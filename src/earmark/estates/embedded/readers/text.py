"""Files of lines, plain or compressed, cut into chunks of whole lines.

Out come chunks as UTF-8 bytes with LF ends, one line of the file a line of the chunk, so that line numbers hold. What
cannot be a line (not UTF-8, far too long) becomes an empty one and is reported. Content ends where a damaged gz ends;
what was readable comes first.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_LINE = 16 * 2**20
"""A longer line is no event."""
_BLOCK = 2**20
_ZIPPED_BLOCK = 2**16


@dataclass(slots=True, kw_only=True)
class Chunk:
    """Some whole lines of a file."""

    content: bytes
    first_line: int
    lines: int
    cut: bool = False
    """Whether the file ends with this chunk, without an end of line."""
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    """(line, reason) of lines that were emptied."""


class Damaged(Exception):
    """The file ends early or cannot be read on; what came before is good."""


def read_bytes(path: Path, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    """The file's content in blocks, decompressed where it is gz; `on_bytes` is told how much of the file is read."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        blocks = _told(iter(lambda: file.read(_ZIPPED_BLOCK if zipped else _BLOCK), b""), on_bytes)
        yield from _unzipped(blocks) if zipped else blocks


def _told(blocks: Iterator[bytes], on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    for block in blocks:
        done += len(block)
        on_bytes(done)
        yield block


def _unzipped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a gz of one part or several."""
    decoder, begun = zlib.decompressobj(wbits=31), False
    for block in blocks:
        while block:
            before = decoder.copy()
            try:
                content = decoder.decompress(block, _BLOCK)
            except zlib.error as error:
                yield _readable(before, block)
                raise Damaged(f"The gz file is damaged ({error}).") from error
            if content:
                yield content
            block, begun = decoder.unconsumed_tail, True
            if decoder.eof:
                block = decoder.unused_data.lstrip(b"\0")
                decoder, begun = zlib.decompressobj(wbits=31), False
    if begun:
        raise Damaged("The gz file is cut off: its end is missing.")


def _readable(decoder: zlib._Decompress, block: bytes) -> bytes:
    """What comes out of a damaged block before the damage."""
    content: list[bytes] = []
    try:
        for at in range(len(block)):
            content.append(decoder.decompress(block[at : at + 1]))
    except zlib.error:
        pass
    return b"".join(content)


def decoded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same content without a byte-order mark, UTF-16 turned into UTF-8."""
    first = next(blocks, b"")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        utf16 = codecs.getincrementaldecoder("utf-16")("replace")
        yield utf16.decode(first).encode()
        for block in blocks:
            yield utf16.decode(block).encode()
        return
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from blocks


def read_chunks(path: Path, on_bytes: Callable[[int], None]) -> Iterator[Chunk]:
    """The file's lines, about a block at a time; raises `Damaged` after the last of them when the file is damaged."""
    blocks = decoded(read_bytes(path, on_bytes))
    rest, first_line = b"", 1
    fault: Damaged | None = None
    while True:
        try:
            block = next(blocks, None)
        except Damaged as error:
            block, fault = None, error
        end = -1 if block is None else block.rfind(b"\n")
        if block is not None and end < 0 and len(rest) <= LONGEST_LINE:
            rest += block
            continue
        whole = rest if block is None else rest + block[: end + 1]
        rest = b"" if block is None else block[end + 1 :]
        if whole:
            chunk = _chunk(whole, first_line, last=block is None)
            yield chunk
            first_line += chunk.lines
        if block is None:
            break
    if fault:
        raise fault


def _chunk(content: bytes, first_line: int, *, last: bool) -> Chunk:
    cut = last and not content.endswith(b"\n")
    chunk = Chunk(content=content, first_line=first_line, lines=content.count(b"\n") + cut, cut=cut)
    if b"\r" in content:
        chunk.content = content.replace(b"\r\n", b"\n").replace(b"\r", b" ")
    if b"\1" in content:  # the separator of the reader that follows; never legal in JSON
        chunk.content = chunk.content.replace(b"\1", b"\2")
    if not _is_utf8(chunk.content) or _has_long_line(chunk.content):
        _empty_bad_lines(chunk)
    return chunk


def _is_utf8(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_long_line(content: bytes) -> bool:
    start = 0
    while len(content) - start > LONGEST_LINE:
        end = content.rfind(b"\n", start, start + LONGEST_LINE)
        if end < 0:
            return True
        start = end + 1
    return False


def _empty_bad_lines(chunk: Chunk) -> None:
    lines = chunk.content.split(b"\n")
    for number, line in enumerate(lines):
        try:
            line.decode()
            if len(line) <= LONGEST_LINE:
                continue
            reason = f"The line is longer than {LONGEST_LINE // 2**20} MiB."
        except UnicodeDecodeError as error:
            reason = f"The line is not UTF-8 (byte {error.start + 1})."
        chunk.unreadable.append((chunk.first_line + number, reason))
        lines[number] = b""
    chunk.content = b"\n".join(lines)


def shortened(line: bytes, most: int = 300) -> str:
    """The beginning of a line."""
    text = line[: most * 4].decode(errors="replace").strip()
    return text if len(text) <= most else text[:most] + "…"
