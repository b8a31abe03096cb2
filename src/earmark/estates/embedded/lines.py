"""Hands the lines of files to the reader of their format, those of many files at once.

Each statement of a reader has its fixed cost, and an export comes in thousands of small files. So the lines of whole
files are gathered in one file of lines, up to a bound; a file that is larger comes in pieces of its own. Every piece
knows where it begins, so that whatever a reader says of a line is said of the line of its file.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

from earmark.estates.embedded.physical import quoted
from earmark.estates.embedded.readers.base import LineReader, Lines, Taken
from earmark.estates.embedded.readers.text import LONGEST_LINE, Chunk, Damaged, shortened
from earmark.estates.embedded.rejects import MOST_PER_FILE
from earmark.estates.embedded.staging import Stage

AT_ONCE = 64 * 2**20
"""Bytes of text handled by one statement; enough that its fixed cost does not show, and memory stays bounded."""


@dataclass(slots=True, kw_only=True)
class Piece:
    """Some whole lines of one file, within a file of lines."""

    file: int
    """The file's number in this import."""
    kind: str
    """What its reader calls the file's kind."""
    first_line: int
    """The number of the first of them in their file."""
    start: int
    """Bytes before them in the file of lines."""
    size: int = 0
    lines: int = 0
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    cut: bool = False
    """Whether the file ends with them, without an end of line."""
    failed: str = ""
    """Why nothing follows these lines though the file is not at its end."""

    @property
    def cut_line(self) -> int | None:
        """The line in whose middle the file ends."""
        return self.first_line + self.lines - 1 if self.cut else None


def read_files(
    files: Iterable[tuple[int, Iterator[Chunk]]],
    reader: LineReader,
    stage: Stage,
    resolve: Callable[[Iterable[str]], Mapping[str, str]],
) -> Iterator[tuple[Piece, Taken, Mapping[int, str]]]:
    """Stage the lines of files of one format; in their order what became of each piece, and the texts of its rejects.

    `files` are numbers and contents, which are read one after the other.
    """
    gathering = _Gathering(stage.folder / "lines.txt", reader)
    for pieces in gathering.run(files):
        taken = iter(_staged(gathering.path, [piece for piece in pieces if piece.lines], reader, stage, resolve))
        for piece in pieces:
            found = next(taken) if piece.lines else Taken()
            found.rows += len(piece.unreadable)
            found.rejects = sorted((*piece.unreadable, *found.rejects))
            yield piece, found, _texts(gathering.path, piece, found.rejects)


def _staged(
    path: Path,
    pieces: Sequence[Piece],
    reader: LineReader,
    stage: Stage,
    resolve: Callable[[Iterable[str]], Mapping[str, str]],
) -> list[Taken]:
    """What the reader made of each piece; it is given as many as it wants at once."""
    done: list[Taken] = []
    while len(done) < len(pieces):
        some = pieces[len(done) : len(done) + reader.at_once(pieces[len(done)].kind)]
        apart = path if len(some) == len(pieces) else _extracted(path, some)
        starts = list(accumulate((piece.lines for piece in some[:-1]), initial=1))
        files = [(piece.file, start) for piece, start in zip(some, starts, strict=True)]
        taken = reader(Lines(relation=_lines_sql(apart), files=files), stage, resolve)
        for piece, start, found in zip(some, starts, taken, strict=False):
            shift = piece.first_line - start
            done.append(replace(found, rejects=[(line + shift, reason) for line, reason in found.rejects]))
    return done


def _extracted(path: Path, pieces: Sequence[Piece]) -> Path:
    """A file of lines of its own for some pieces that follow each other."""
    apart = path.with_name("some.txt")
    with path.open("rb") as source, apart.open("wb") as target:
        source.seek(pieces[0].start)
        left = pieces[-1].start + pieces[-1].size - pieces[0].start
        while block := source.read(min(left, 2**20)):
            target.write(block)
            left -= len(block)
    return apart


def _lines_sql(path: Path) -> str:
    return (
        f"(SELECT line, row_number() OVER () AS n FROM read_csv({quoted(str(path))}, "
        "columns = {'line': 'VARCHAR'}, delim = '\x01', quote = '', escape = '', header = false, auto_detect = false, "
        f"new_line = '\\n', max_line_size = {2 * LONGEST_LINE}, parallel = false))"
    )


def _texts(path: Path, piece: Piece, rejects: Sequence[tuple[int, str]]) -> dict[int, str]:
    """The beginnings of the lines that were rejected, by number."""
    wanted = {number for number, _ in rejects[:MOST_PER_FILE]}
    if not wanted:
        return {}
    with path.open("rb") as file:
        file.seek(piece.start)
        lines = zip(range(piece.first_line, piece.first_line + piece.lines), file, strict=False)
        return {number: shortened(line) for number, line in lines if number in wanted}


class _Gathering:
    """Writes lines into one file, batch after batch."""

    def __init__(self, path: Path, reader: LineReader) -> None:
        self.path = path
        self._reader = reader
        self._pieces: list[Piece] = []

    def run(self, files: Iterable[tuple[int, Iterator[Chunk]]]) -> Iterator[list[Piece]]:
        """Read the files; each batch is the path's content until the next one is asked for."""
        with self.path.open("w+b") as self._out:
            for number, chunks in files:
                yield from self._gather(number, chunks)
                if len(self._pieces) >= self._reader.at_once(self._pieces[0].kind):
                    yield from self._batch()
            if self._pieces:
                yield from self._batch()

    def _gather(self, number: int, chunks: Iterator[Chunk]) -> Iterator[list[Piece]]:
        piece = self._begun(number, 1)
        try:
            for chunk in chunks:
                if not piece.lines:
                    piece.kind = self._reader.kind_of(chunk.content)
                if piece.size >= AT_ONCE:
                    yield from self._batch()
                    piece = self._begun(number, chunk.first_line, piece.kind)
                elif self._is_apart(piece, len(chunk.content)):
                    yield from self._batch_before(piece)
                self._write(piece, chunk)
        except Damaged as error:
            piece.failed = str(error)
        except (PermissionError, IsADirectoryError) as error:
            if piece.size < AT_ONCE:
                self._drop(piece)
            piece.failed = f"It cannot be read: {error.strerror}."

    def _is_apart(self, piece: Piece, more: int) -> bool:
        """Whether the newest piece cannot stay, with some more bytes, beside those before it."""
        before = self._pieces[-2:-1]
        too_large = piece.start + piece.size + more > AT_ONCE
        return bool(before) and (too_large or piece.kind != before[0].kind)

    def _begun(self, number: int, line: int, kind: str = "") -> Piece:
        piece = Piece(file=number, kind=kind, first_line=line, start=self._out.tell())
        self._pieces.append(piece)
        return piece

    def _write(self, piece: Piece, chunk: Chunk) -> None:
        piece.size += self._out.write(chunk.content)
        if chunk.cut:  # the next file begins on a line of its own
            piece.size += self._out.write(b"\n")
        piece.lines += chunk.lines
        piece.cut = chunk.cut
        piece.unreadable.extend(chunk.unreadable)

    def _drop(self, piece: Piece) -> None:
        self._out.seek(piece.start)
        piece.size = piece.lines = 0
        piece.unreadable.clear()

    def _batch(self) -> Iterator[list[Piece]]:
        """What was gathered; afterwards there is nothing."""
        self._out.truncate()  # only now: to write over what is there is cheaper than to write anew
        pieces, self._pieces = self._pieces, []
        yield pieces
        self._out.seek(0)

    def _batch_before(self, piece: Piece) -> Iterator[list[Piece]]:
        """What was gathered before this piece; afterwards the piece is what there is."""
        self._out.truncate()
        self._out.seek(piece.start)
        rest = self.path.with_name("rest.txt")
        with rest.open("wb") as file:
            shutil.copyfileobj(self._out, file, 2**20)
        self._out.seek(piece.start)
        yield from self._batch()
        with rest.open("rb") as file:
            shutil.copyfileobj(file, self._out, 2**20)
        piece.start = 0
        self._pieces = [piece]
