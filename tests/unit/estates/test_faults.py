"""What an import does with files that are damaged, strange or missing, and when it is stopped half-way."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from earmark.errors import EstateError
from tests.unit.estates.conftest import ALWAYS, Trial, lines_of, record


def many(count: int) -> list[dict[str, Any]]:
    return [record(ReportId=n, AccountName=f"user{n * 7919 % 10007}") for n in range(count)]


def test_a_truncated_gz_keeps_what_was_readable(trial: Trial) -> None:
    whole = gzip.compress(lines_of(many(3000)))
    report = trial.take_one("blob.json.gz", whole[: len(whole) // 2])
    assert 500 < report.stored < 2900
    assert "cut off" in report.failed
    assert trial.take_one("blob.json.gz", whole).stored == 3000 - report.stored
    assert trial.rejects() == []
    assert len(trial.rows("DeviceLogonEvents", "ReportId")) == 3000


def test_a_damaged_gz_keeps_what_was_readable(trial: Trial) -> None:
    whole = bytearray(gzip.compress(lines_of(many(3000))))
    whole[len(whole) // 2 : len(whole) // 2 + 50] = b"\0" * 50
    report = trial.take_one("blob.json.gz", bytes(whole))
    assert "damaged" in report.failed
    assert report.stored > 0


def test_a_gz_of_several_parts(trial: Trial) -> None:
    content = gzip.compress(lines_of(many(2))) + gzip.compress(lines_of([record(ReportId=7)]))
    report = trial.take_one("blob.json.gz", content)
    assert (report.stored, report.failed) == (3, "")


def test_a_gz_that_ends_after_its_head(trial: Trial) -> None:
    report = trial.take_one("blob.json.gz", gzip.compress(b"x")[:12])
    assert report.failed
    assert report.stored == 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.json", b"", "empty"),
        ("blank.json", b"\n \r\n", "blanks"),
        ("binary.json", bytes(range(256)) * 20, "binary"),
        ("prose.json", b"Dear reader,\nthis is a letter.\n", "No known format"),
        ("other.json", b'{"a": 1}\n', "no record"),
        ("log.evtx", b"ElfFile\0" + b"\0" * 100, "not supported"),
        ("table.csv", b"a,b\n1,2\n", "No known format"),
    ],
)
def test_files_of_no_known_format(trial: Trial, name: str, content: bytes, words: str) -> None:
    report = trial.take_one(name, content)
    assert words in report.failed
    assert (report.rejected, report.stored) == (1, 0)
    # In a folder such a file is only mentioned.
    listed = trial.take(trial.folder, table=None)
    (same,) = [file for file in listed.files if file.file.name == name]
    assert words in same.warnings[0]
    assert not same.failed


def test_what_is_not_there(trial: Trial) -> None:
    (trial.folder / "hollow").mkdir()
    report = trial.take(trial.folder / "nowhere.json", trial.folder / "hollow")
    assert ["no such file" in file.failed or "holds no file" in file.failed for file in report.files] == [True, True]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this account")
def test_a_file_that_may_not_be_read(trial: Trial) -> None:
    path = trial.write("blob.json", [record()])
    path.chmod(0)
    report = trial.take(path, trial.write("other.json", [record(ReportId=2)]))
    assert "cannot be read" in report.files[0].failed
    assert report.files[1].stored == 1


def test_one_bad_file_does_not_stop_the_rest(trial: Trial) -> None:
    report = trial.take(trial.write("a.json", b"\0\1\2"), trial.write("b.json", [record()]))
    assert report.total("stored") == 1
    assert report.has_findings


def test_rejects_of_other_files_stay_on_file(trial: Trial) -> None:
    trial.take_one("a.json", [record(), "broken"])
    trial.take_one("b.json", [record(), "broken", "broken"])
    assert len(trial.rejects()) == 3
    trial.take_one("a.json", [record()])
    assert len(trial.rejects()) == 2


def test_a_reject_shows_the_beginning_of_its_line(trial: Trial) -> None:
    trial.take_one("a.json", [record(), "broken " * 1000])
    text = trial.rejects_file.read_text(encoding="utf-8")
    assert '"text": "broken broken' in text
    assert len(text) < 1000


def test_a_line_that_is_far_too_long(trial: Trial) -> None:
    content = lines_of([record()]) + b'{"category": "' + b"x" * (17 * 2**20) + b'"}\n' + lines_of([record(ReportId=2)])
    report = trial.take_one("blob.json", content)
    assert report.stored == 2
    assert {line for line, _ in trial.rejects()} == {2}


def test_two_imports_at_once_wait_for_each_other(trial: Trial) -> None:
    file = trial.write("blob.json", [record()])
    with FileLock(str(trial.estate.folder / ".import.lock")), pytest.raises(EstateError, match="Another import"):
        trial.take(file, lock_seconds=0.05)
    assert trial.take(file).total("stored") == 1


def test_nothing_half_written_is_ever_seen(trial: Trial) -> None:
    trial.take_one("blob.json", [record()])
    assert not (trial.estate.folder / ".staging").exists()
    assert {path.suffix for path in trial.estate.events.folder.rglob("*") if path.is_file()} == {".parquet"}


def test_what_a_crash_left_is_thrown_away_and_the_import_completed(trial: Trial) -> None:
    files = [trial.write("a.json", [record(ReportId=n, Timestamp=f"2026-01-{n:02}T00:00:00Z") for n in range(1, 9)])]
    trial.take(*files)
    # As if the import had been killed between two days: half of them are there, devices were not recorded yet.
    days = sorted((trial.estate.events.folder / "table=DeviceLogonEvents").iterdir())
    for day in days[4:]:
        shutil.rmtree(day)
    (trial.estate.folder / "devices.db").unlink()
    left = trial.estate.folder / ".staging" / "0" / "half.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    again = Trial(trial.folder)
    report = again.take(*files)
    assert (report.total("stored"), report.total("duplicates")) == (4, 4)
    assert again.rows("DeviceLogonEvents", "ReportId") == list(range(1, 9))
    assert again.devices() == {"a" * 40: "pc1.corp.example"}
    assert not left.exists()


KILLED = """
import os, sys
from pathlib import Path
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.estates.embedded.importer import import_paths
folder = Path(sys.argv[1])
def die(file, done, total):
    if file.name == "b.json":
        os._exit(9)
import_paths([folder], estate=EmbeddedEstate(folder / "estate"), rejects=folder / "rejects.jsonl", progress=die)
"""


def test_a_killed_import_is_completed_by_the_next(trial: Trial) -> None:
    files = [trial.write(name, [record(ReportId=n)]) for n, name in enumerate(["a.json", "b.json"])]
    ended = subprocess.run([sys.executable, "-c", KILLED, str(trial.folder)], check=False)
    assert ended.returncode == 9
    assert (trial.estate.folder / ".staging").exists(), "it was killed in the middle"
    assert trial.rows("DeviceLogonEvents", "ReportId") == []
    assert trial.take(*files).total("stored") == 2
    assert not (trial.estate.folder / ".staging").exists()


def small_disk() -> Path | None:
    """A folder on a disk of a few MiB, where the machine has one to offer."""
    place = os.environ.get("EARMARK_SMALL_DISK")
    return Path(place) if place and Path(place).is_dir() else None


@pytest.mark.skipif(small_disk() is None, reason="EARMARK_SMALL_DISK names no small disk")
def test_a_full_disk(tmp_path: Path) -> None:
    disk = small_disk()
    assert disk is not None
    source = Trial(tmp_path)
    file = source.write("blob.json", many(100_000))
    trial = Trial(disk / "full")
    with pytest.raises(EstateError, match="full"):
        trial.take(file)
    assert all(row >= 0 for row in trial.rows("DeviceLogonEvents", "ReportId"))


def test_progress_is_told_in_bytes(trial: Trial) -> None:
    told: list[tuple[str, int, int]] = []
    file = trial.write("blob.json", many(100))
    trial.take(file, progress=lambda path, done, total: told.append((path.name, done, total)))
    assert told[-1] == ("blob.json", file.stat().st_size, file.stat().st_size)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are Unix's")
def test_a_pipe_is_not_waited_for(trial: Trial, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    (report,) = trial.take(pipe).files
    assert "neither a file nor a folder" in report.failed


def test_a_damaged_file_of_events_is_told_with_its_name(trial: Trial) -> None:
    trial.take_one("blob.json", lines_of(many(2)))
    (part,) = trial.estate.events.folder.rglob("*.parquet")
    part.write_bytes(part.read_bytes()[:200])
    with pytest.raises(EstateError, match=part.name) as reading:
        trial.estate.events.newest(until=ALWAYS)
    with pytest.raises(EstateError, match=part.name) as importing:
        trial.take_one("more.json", lines_of(many(3)))
    assert "Move that file" in reading.value.hint
    assert "Move that file" in importing.value.hint


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this account")
def test_events_that_may_not_be_read_are_a_fault_and_not_empty(trial: Trial) -> None:
    trial.take_one("blob.json", lines_of(many(2)))
    (part,) = trial.estate.events.folder.rglob("*.parquet")
    for folder in (part.parent, part.parent.parent):
        folder.chmod(0)
        try:
            with pytest.raises(EstateError, match="cannot be read"):
                trial.estate.events.newest(until=ALWAYS)
        finally:
            folder.chmod(0o700)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this account")
def test_a_folder_that_may_not_be_looked_into_is_named(trial: Trial, tmp_path: Path) -> None:
    inner = tmp_path / "logs" / "inner"
    inner.mkdir(parents=True)
    (inner / "blob.json").write_bytes(lines_of(many(2)))
    inner.chmod(0)
    try:
        (report,) = trial.take(inner.parent).files
    finally:
        inner.chmod(0o700)
    assert (report.file, report.stored) == (inner, 0)
    assert "Permission denied" in report.failed
