"""Takes files into an embedded estate.

    files → recognised by content → staged (good rows), rejected (bad ones) → published (no duplicates) → devices

Two rounds: inventories and Defender's own data first, then Windows' logs, whose devices are known by name alone and
may just have become known by id. One import at a time holds the estate's lock. What a crash leaves is either
published whole or not at all, and devices are counted from every row read, so importing the same files again
completes what was begun.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from earmark.errors import EstateError
from earmark.estates.embedded.devices import Listing
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.events import DAMAGED_EVENTS
from earmark.estates.embedded.lines import read_files
from earmark.estates.embedded.physical import ticks_of
from earmark.estates.embedded.publish import publish, sightings
from earmark.estates.embedded.readers.base import Format, LineReader, Taken
from earmark.estates.embedded.readers.inventory import BadRow, read_csv, read_lines
from earmark.estates.embedded.readers.parquet import stage_parquet, table_of
from earmark.estates.embedded.readers.recognise import NotRecognised, recognise
from earmark.estates.embedded.readers.streaming import StreamingReader
from earmark.estates.embedded.readers.text import Chunk, Damaged, decoded, read_bytes, read_chunks
from earmark.estates.embedded.readers.windows import WindowsReader
from earmark.estates.embedded.rejects import MOST_PER_FILE, write_rejects
from earmark.estates.embedded.report import FileReport, ImportReport, Progress, Reject
from earmark.estates.embedded.staging import Stage

INVENTORY = "(inventory)"
_READERS: dict[Format, Callable[[], LineReader]] = {
    Format.STREAMING: StreamingReader,
    Format.WINDOWS: WindowsReader,
}
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".gz", ".csv", ".parquet", ".evtx")
"""What is read of a folder; a file that is named is read whatever its name."""


def import_paths(
    paths: Sequence[Path],
    *,
    estate: EmbeddedEstate,
    rejects: Path,
    progress: Progress = lambda file, done, total: None,
    table: str | None = None,
    now: datetime | None = None,
    memory: int = 10**9,
    lock_seconds: float = 600,
) -> ImportReport:
    """Import files and folders.

    `table` is for Parquet files that do not say theirs; `rejects` is the file that lists what was not taken.
    """
    lock = FileLock(str(estate.folder / ".import.lock"))
    try:
        lock.acquire(timeout=lock_seconds)
    except Timeout as error:
        raise EstateError(
            f"Another import into {estate.folder} has been running for {lock_seconds:.0f} seconds.",
            hint="Wait until it is done, then import again.",
        ) from error
    try:
        work = _Import(
            estate=estate,
            progress=progress,
            table=table,
            at=ticks_of(now or datetime.now(UTC)),
            memory=memory,
        )
        work.run(paths)
        listed = write_rejects(rejects, work.rejects, imported=[file.file for file in work.reports])
        return ImportReport(files=tuple(work.reports), rejects_file=listed)
    except duckdb.Error as error:
        raise _estate_error(estate.folder, str(error)) from error
    except OSError as error:
        raise _estate_error(estate.folder, str(error)) from error
    finally:
        lock.release()


def _estate_error(folder: Path, text: str) -> EstateError:
    first = text.strip().split("\n", 1)[0]
    if "No space left" in text or "Errno 28" in text:
        return EstateError(
            f"The disk of {folder} is full; what was imported up to here is complete and kept.",
            hint="Free some space and import the same files again.",
        )
    if "Out of Memory" in text:
        return EstateError(
            f"The import needs more memory than it may use: {first}.", hint="Raise limits.memory in earmark.yaml."
        )
    if "Permission denied" in text:
        return EstateError(
            f"The import into {folder} stopped: {first}.",
            hint="Give this account the right to read and write the estate's folder, then import the same files again.",
        )
    damaged = ".parquet" in text and str(folder) in text
    return EstateError(
        f"The import into {folder} stopped: {first}.",
        hint=DAMAGED_EVENTS if damaged else "Import the same files again; nothing is stored twice.",
    )


@dataclass(slots=True, kw_only=True)
class _Import:
    """One import, while it runs."""

    estate: EmbeddedEstate
    progress: Progress
    table: str | None
    at: int
    memory: int
    reports: list[FileReport] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    readers: Mapping[Format, LineReader] = field(default_factory=lambda: {k: make() for k, make in _READERS.items()})

    def run(self, paths: Sequence[Path]) -> None:
        staging = self.estate.folder / ".staging"
        shutil.rmtree(staging, ignore_errors=True)  # what a crashed import left
        rounds: tuple[list[tuple[int, Format, bool]], list[tuple[int, Format, bool]]] = ([], [])
        for path, named in self._files(paths):
            report = FileReport(file=path)
            self.reports.append(report)
            try:
                kind, document = recognise(path)
            except NotRecognised as error:
                if named:
                    self._reject_file(report, str(error))
                else:  # a folder may hold other things than sensors' files
                    report.warnings.append(f"It was left out. {error}")
                continue
            except OSError as error:
                self._reject_file(report, f"It cannot be read: {error.strerror or error}.")
                continue
            report.format = kind.value
            rounds[kind is Format.WINDOWS].append((len(self.reports) - 1, kind, document))
        try:
            for number, files in enumerate(rounds):
                # Inventories first: they name devices by id, which everything after may need.
                files.sort(key=lambda f: f[1] not in (Format.INVENTORY_CSV, Format.INVENTORY_LINES))
                if files:
                    self._round(files, staging / str(number))
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _files(self, paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
        """(file, whether it was named itself), each once."""
        for path in paths:
            if path.is_dir():
                found, unreadable = _below(path)
                for error in unreadable:
                    self._missing(Path(error.filename), f"It cannot be read: {error.strerror}.")
                if not found and not unreadable:
                    self._missing(path, f"The folder holds no file to import ({', '.join(_SUFFIXES)}).")
                yield from ((p, False) for p in found)
            elif path.is_file():
                yield path, True
            elif path.exists():  # a pipe would be waited for without end, and is gone when it has been read once
                self._missing(path, "It is neither a file nor a folder.")
            else:
                self._missing(path, "There is no such file or folder.")

    def _missing(self, path: Path, reason: str) -> None:
        self.reports.append(FileReport(file=path))
        self._reject_file(self.reports[-1], reason)

    def _round(self, files: Iterable[tuple[int, Format, bool]], folder: Path) -> None:
        folder.mkdir(parents=True)
        with Stage(folder, memory=self.memory) as stage:
            for kind, alike in groupby(files, key=itemgetter(1)):
                if kind in self.readers:
                    self._read_lines(stage, kind, ((number, document) for number, _, document in alike))
                    continue
                for number, _, document in alike:
                    self._read(stage, number, kind, document)
            for table in stage.tables():
                published = publish(stage, table, self.estate.events)
                self.estate.devices.record_sightings(sightings(stage, table))
                for number, count in published.stored.items():
                    self.reports[number].stored += count
                    self.reports[number].tables[table] += count
                for number, count in published.duplicates.items():
                    self.reports[number].duplicates += count

    def _read_lines(self, stage: Stage, kind: Format, files: Iterable[tuple[int, bool]]) -> None:
        contents = ((number, self._chunks(self.reports[number].file, document)) for number, document in files)
        for piece, taken, texts in read_files(contents, self.readers[kind], stage, self.estate.devices.resolve):
            report = self.reports[piece.file]
            self._note(report, taken, texts, piece.cut_line)
            if piece.failed:
                self._reject_file(report, piece.failed)

    def _chunks(self, path: Path, document: bool) -> Iterator[Chunk]:
        size = path.stat().st_size

        def told(done: int) -> None:
            self.progress(path, done, size)

        yield from _document_chunks(path) if document else read_chunks(path, told)
        told(size)

    def _read(self, stage: Stage, number: int, kind: Format, document: bool) -> None:
        """Read a file that is no lines."""
        report = self.reports[number]
        try:
            size = report.file.stat().st_size
            if kind is Format.PARQUET:
                self._read_parquet(stage, number)
            else:
                self._read_inventory(report, kind, document)
            self.progress(report.file, size, size)
        except Damaged as error:
            self._reject_file(report, str(error))
        except (PermissionError, IsADirectoryError) as error:
            self._reject_file(report, f"It cannot be read: {error.strerror}.")

    def _read_parquet(self, stage: Stage, number: int) -> None:
        report = self.reports[number]
        table = table_of(report.file, self.table)
        if table is None:
            self._reject_file(report, "It does not say which table it holds; name it after the table, or give --table.")
            return
        try:
            taken = stage_parquet(report.file, table, stage, file=number)
        except (duckdb.InvalidInputException, duckdb.IOException) as error:
            self._reject_file(report, f"It cannot be read as Parquet: {str(error).splitlines()[0]}.")
            return
        self._note(report, taken, {}, None)

    def _read_inventory(self, report: FileReport, kind: Format, document: bool) -> None:
        damage = ""
        content = b""
        try:
            for block in decoded(read_bytes(report.file, lambda _: None)):
                content += block
        except Damaged as error:
            damage = str(error)
        text = content.decode(errors="replace")
        if kind is Format.INVENTORY_CSV:
            rows = read_csv(text)
        elif document:
            rows = read_lines((n, json.dumps(value)) for n, value in enumerate(_document(text), 1))
        else:
            rows = read_lines(enumerate(text.split("\n"), 1))
        listings: list[Listing] = []
        for line, row in rows:
            report.rows += 1
            if isinstance(row, BadRow):
                self._reject(report, line, str(row), "")
            else:
                listings.append(row)
        new = self.estate.devices.record_inventory(listings, at=self.at)
        report.stored += new
        report.duplicates += len(listings) - new
        report.tables[INVENTORY] += new
        if damage:
            self._reject_file(report, damage)

    def _note(self, report: FileReport, taken: Taken, texts: Mapping[int, str], cut_line: int | None) -> None:
        report.rows += taken.rows
        report.skipped += taken.skipped
        for sentence in taken.warnings:
            if sentence not in report.warnings:
                report.warnings.append(sentence)
        for line, reason in taken.rejects:
            if line == cut_line and "not JSON" in reason:
                reason = "The file ends in the middle of this line; import it again when it is whole."
            self._reject(report, line, reason, texts.get(line, ""))

    def _reject_file(self, report: FileReport, reason: str) -> None:
        report.failed = reason
        self._reject(report, 0, reason, "")

    def _reject(self, report: FileReport, line: int, reason: str, text: str) -> None:
        report.rejected += 1
        if report.rejected <= MOST_PER_FILE or not line:
            self.rejects.append(Reject(file=report.file, line=line, reason=reason, text=text))


def _below(folder: Path) -> tuple[list[Path], list[OSError]]:
    """The files of known endings below a folder, sorted, and the faults of folders that cannot be looked into."""
    unreadable: list[OSError] = []
    found = [
        path
        for root, _, names in os.walk(folder, onerror=unreadable.append)
        for path in (Path(root, name) for name in names)
        if path.suffix.lower() in _SUFFIXES and path.is_file()
    ]
    return sorted(found), unreadable


def _document(text: str) -> list[object]:
    """The records of one JSON document: a list, or a single one."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Damaged(f"It is neither JSON lines nor one JSON document: {error}.") from error
    return value if isinstance(value, list) else [value]


def _document_chunks(path: Path) -> Iterator[Chunk]:
    """A document's records as lines; the number of a line is that of the record."""
    text = b"".join(decoded(read_bytes(path, lambda _: None))).decode(errors="replace")
    lines = [json.dumps(record).encode() for record in _document(text)]
    yield Chunk(content=b"".join(line + b"\n" for line in lines), first_line=1, lines=len(lines))
