"""Many small files are staged together: every report is as if each had been read by itself."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from earmark.estates.embedded import lines
from earmark.estates.embedded.readers import streaming, text
from earmark.estates.embedded.staging import Stage
from tests.unit.estates.conftest import Trial, lines_of, record

COLUMNS = ("~day", "Timestamp", "DeviceId", "ReportId", "AccountName", "RemotePort")


def some_record(chance: random.Random, *, calm: bool) -> Any:
    """A record: mostly usual, now and then with another value or, unless calm, of another shape or none at all."""
    number = chance.randrange(60)
    day = chance.choice(["2026-01-04", "2026-01-05"])
    usual: dict[str, Any] = {"Timestamp": f"{day}T06:00:00.1234567Z", "ReportId": number, "AccountName": "zoë"}
    match chance.randrange(5 if calm else 0, 60):
        case 0:
            return record(**usual, Unknown=1)
        case 1:
            return record("DeviceInfo", Timestamp=usual["Timestamp"], ReportId=number)
        case 2:
            return {"records": [record(**usual), record(**{**usual, "ReportId": number + 1})]}
        case 3:
            return record("NoSuchTable", **usual)
        case 4:
            return chance.choice(["broken", "   ", '{"category": 1', "[1]", "\x01", "\x00", '"text"'])
        case 5 | 6 | 7:
            return record(**{**usual, "ReportId": "many"})
        case 8 | 9:
            return record(**{**usual, "Timestamp": None})
        case 10 | 11 | 12 | 13:
            return ""
        case _:
            return record(**usual)


def some_content(chance: random.Random) -> bytes:
    """A blob, with whatever may befall one."""
    calm = chance.random() < 0.7
    records = [some_record(chance, calm=calm) for _ in range(chance.choice([0, 1, 1, 2, 3, 5, 40]))]
    content = lines_of(records, end=chance.choice(["\n", "\n", "\n", "\r\n"]))
    match chance.randrange(25):
        case 0:
            content = content.rstrip(b"\r\n")
        case 1:
            content = content[: -chance.randrange(1, 40)]
        case 2:
            content = b"\xef\xbb\xbf" + content
        case 3:
            content = content.decode().encode("utf-16")
        case 4:
            content += b"\xff\xfe not UTF-8" + chance.choice([b"", b"\n"])
        case 5:
            content = gzip.compress(content)
        case 6:
            content = gzip.compress(content)[: -chance.randrange(1, 20)]
        case 7:
            content = b"\n\n" + content + b"\n\n"
        case 8:
            content += b'"' + b"x" * (text.LONGEST_LINE + 1) + chance.choice([b"", b"\n"])
        case 9:
            content = json.dumps([r for r in records if isinstance(r, dict)], indent=1).encode()
        case _:
            pass
    return content


def outcome(trial: Trial, paths: list[Path]) -> tuple[Any, ...]:
    """All that an import says and leaves."""
    told: list[tuple[Path, int, int]] = []
    report = trial.take(*paths, progress=lambda *what: told.append(what))
    rejects = trial.rejects_file.read_text(encoding="utf-8") if trial.rejects_file.exists() else ""
    return report.files, rejects, trial.rows("DeviceLogonEvents", *COLUMNS), trial.devices(), told


@pytest.mark.parametrize("seed", range(12))
def test_as_if_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(text, "LONGEST_LINE", 4_000)
    source = Trial(tmp_path / "source")
    paths = [source.write(f"{n:02}.json", lines_of([record(ReportId=n)]) * chance.randrange(1, 3)) for n in range(4)]
    paths += [source.write(f"{n:02}.json", some_content(chance)) for n in range(4, 30)]
    paths.insert(10, tmp_path / "no such file.json")
    with monkeypatch.context() as alone:
        alone.setattr(streaming, "_MOST_FILES", 1)
        expected = outcome(Trial(tmp_path / "alone"), paths)
    assert outcome(Trial(tmp_path / "together"), paths) == expected
    monkeypatch.setattr(lines, "AT_ONCE", 3_000)
    monkeypatch.setattr(text, "_BLOCK", 2**16)
    assert outcome(Trial(tmp_path / "tight"), paths) == expected


def statements(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fills with the number of files of each statement that stages."""
    found: list[int] = []
    add = Stage.add

    def noted(stage: Stage, table: str, source: Any, *, files: Any) -> Any:
        found.append(len(files))
        return add(stage, table, source, files=files)

    monkeypatch.setattr(Stage, "add", noted)
    return found


def test_few_statements_for_many_files(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [trial.write(f"{n:03}.json", [record(ReportId=n)]) for n in range(100)]
    paths += [
        trial.write(f"{n:03}.json", [record("DeviceInfo", ReportId=n, OSPlatform="Windows11")]) for n in range(100, 150)
    ]
    found = statements(monkeypatch)
    report = trial.take(*paths)
    assert [file.stored for file in report.files] == [1] * 150
    assert found == [1, 1, 2, 4, 8, 16, 32, 36, 1, 1, 1, 2, 4, 8, 16, 18]


def test_what_is_not_as_usual_is_taken_back(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    strange = {5: "broken", 12: record(ReportId=12, Unknown=1)}
    paths = [trial.write(f"{n:03}.json", [strange.get(n, record(ReportId=n))]) for n in range(20)]
    found = statements(monkeypatch)
    report = trial.take(*paths)
    assert [file.stored for file in report.files] == [int(n != 5) for n in range(20)]
    assert report.files[12].warnings == ["DeviceLogonEvents has no column Unknown; it was left out"]
    assert max(found) > 2
    assert trial.rows("DeviceLogonEvents", "ReportId") == [n for n in range(20) if n != 5]


def test_a_file_that_is_larger_than_what_is_left_comes_apart(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "AT_ONCE", 10_000)
    monkeypatch.setattr(text, "_BLOCK", 1_000)
    sizes = [1, 1, 1, 1, 5, 30, 80, 5, 1]
    first = 0
    paths = []
    for n, size in enumerate(sizes):
        rows = [record(ReportId=first + at) for at in range(size)]
        paths.append(trial.write(f"{n}.json", [*rows, f"broken {n}"] if n == 6 else rows))
        first += size
    found = statements(monkeypatch)
    report = trial.take(*paths)
    assert [file.stored for file in report.files] == sizes
    assert trial.rejects() == [(81, "It is not JSON.")]
    assert trial.rows("DeviceLogonEvents", "ReportId") == list(range(sum(sizes)))
    assert max(found) > 1


def test_a_file_that_cannot_be_read_to_its_end(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [trial.write(f"{n}.json", [record(ReportId=n), "broken"]) for n in range(8)]
    paths[:0] = [trial.write(f"usual {n}.json", [record(ReportId=100 + n)]) for n in range(4)]
    whole = text.read_chunks

    def failing(path: Path, on_bytes: Any) -> Iterator[text.Chunk]:
        yield from whole(path, on_bytes)
        if path.name in ("usual 3.json", "5.json"):
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("earmark.estates.embedded.importer.read_chunks", failing)
    report = trial.take(*paths)
    assert [file.failed for file in report.files if file.failed] == ["It cannot be read: Permission denied."] * 2
    assert [file.stored for file in report.files] == [1, 1, 1, 0, *[1] * 5, 0, 1, 1]
    assert [line for line, _ in trial.rejects()] == [0, *[2] * 5, 0, 2, 2]
