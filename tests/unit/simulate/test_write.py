"""The same spec gives the same bytes; what cannot be done is said."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from earmark.errors import UsageError
from earmark.simulate import CompanySpec, write_company
from tests.unit.simulate.conftest import Simulated
from tests.unit.simulate.plain import read_json

SMALL = CompanySpec(devices=40, days=8)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_spec_gives_the_same_bytes_in_another_process_zone_and_hash_seed(tmp_path: Path) -> None:
    write_company(tmp_path / "here", SMALL)
    code = (
        "import sys; from pathlib import Path; from earmark.simulate import CompanySpec, write_company;"
        "write_company(Path(sys.argv[1]), CompanySpec(devices=40, days=8))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "17", "TZ": "Asia/Tokyo", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], check=True, env=environment)
    assert digests(tmp_path / "here") == digests(tmp_path / "there")


def test_another_seed_gives_another_company(tmp_path: Path) -> None:
    write_company(tmp_path / "seven", SMALL)
    write_company(tmp_path / "eight", CompanySpec(seed=8, devices=40, days=8))
    lists = [(tmp_path / seed / "lists" / "Executives.csv").read_text() for seed in ("seven", "eight")]
    assert lists[0] != lists[1]


def test_what_is_said_to_be_written_is_written(simulated: Simulated) -> None:
    files = sorted(path for path in simulated.folder.rglob("*") if path.is_file())
    assert list(simulated.written.files) == files
    assert simulated.written.size == sum(path.stat().st_size for path in files)
    manifest = read_json(simulated.folder / "manifest.json")
    assert manifest["files"] == [path.relative_to(simulated.folder).as_posix() for path in files]
    assert manifest["lines"] == dict(simulated.written.counts)
    assert manifest["now"] == simulated.truth["now"]


def test_the_default_company_is_small(simulated: Simulated) -> None:
    assert simulated.written.size < 8_000_000
    assert 60 <= len(simulated.truth["devices"]) <= 80


def test_the_list_spells_one_executive_as_people_do(simulated: Simulated) -> None:
    accounts = (simulated.folder / "lists" / "Executives.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(accounts) == 10
    assert [account for account in accounts if account != account.lower()] == [accounts[1]]


def test_only_what_is_asked_for_is_written(tmp_path: Path) -> None:
    spec = CompanySpec(devices=40, days=8, only=frozenset({"DeviceInfo", "nxlog"}), truth=False)
    written = write_company(tmp_path, spec)
    assert set(written.counts) == {"DeviceInfo", "nxlog"}
    assert not (tmp_path / "truth.json").exists()
    assert not (tmp_path / "inventory").exists()


def test_what_is_left_out_does_not_change_the_rest(simulated: Simulated, tmp_path: Path) -> None:
    write_company(tmp_path, CompanySpec(only=frozenset({"DeviceLogonEvents"})))
    whole = digests(simulated.folder)
    part = {name: digest for name, digest in digests(tmp_path).items() if name != "manifest.json"}
    assert part
    assert part.items() <= whole.items()


def test_plain_and_perfect_on_request(tmp_path: Path) -> None:
    write_company(tmp_path, CompanySpec(devices=40, days=8, compress=False, imperfect=False))
    assert not list(tmp_path.rglob("*.gz"))
    lines = [line for path in (tmp_path / "streaming").rglob("PT1H.json") for line in path.read_text().splitlines()]
    properties = [json.dumps(json.loads(line)["properties"]) for line in lines]
    assert len(properties) == len(set(properties))


def test_a_week_that_starts_on_a_thursday_tells_the_story_from_its_first_monday(tmp_path: Path) -> None:
    write_company(tmp_path, CompanySpec(start=date(2026, 4, 2), only=frozenset({"inventory"})))
    truth = read_json(tmp_path / "truth.json")
    assert truth["story"]["days"]["laptop_handed_over"] == "2026-04-13"
    assert truth["now"]["first_run"] == "2026-04-12T06:00:00Z"


def test_progress_reaches_its_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_company(tmp_path, SMALL, progress=lambda done, steps: told.append((done, steps)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    assert len({steps for _, steps in told}) == 1


def test_an_earlier_simulation_is_replaced_and_nothing_else_is_touched(tmp_path: Path) -> None:
    write_company(tmp_path, CompanySpec(devices=40, days=12))
    (tmp_path / "lists" / "Own.csv").write_text("Name\n")
    write_company(tmp_path, SMALL)
    assert (tmp_path / "lists" / "Own.csv").exists()
    (tmp_path / "lists" / "Own.csv").unlink()
    write_company(tmp_path / "fresh", SMALL)
    fresh = digests(tmp_path / "fresh")
    assert {name: digest for name, digest in digests(tmp_path).items() if not name.startswith("fresh/")} == fresh


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(UsageError, match="not empty and holds no simulation"):
        write_company(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_half_a_simulation_is_refused(tmp_path: Path) -> None:
    write_company(tmp_path, SMALL)
    manifest = read_json(tmp_path / "manifest.json")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"complete": False}))
    with pytest.raises(UsageError, match="half a simulation"):
        write_company(tmp_path, SMALL)


def test_a_manifest_cannot_reach_outside_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep")
    write_company(tmp_path / "company", SMALL)
    path = tmp_path / "company" / "manifest.json"
    manifest = read_json(path)
    path.write_text(json.dumps(manifest | {"files": [*manifest["files"], "../precious.txt"]}))
    write_company(tmp_path / "company", SMALL)
    assert (tmp_path / "precious.txt").read_text() == "keep"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "company").write_text("")
    with pytest.raises(UsageError, match="is a file, expected a folder"):
        write_company(tmp_path / "company", SMALL)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="could not be written"):
        write_company(tmp_path / "file" / "company", SMALL)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (CompanySpec(days=0), "days is 0"),
        (CompanySpec(devices=10), "devices is 10"),
        (CompanySpec(executives=1), "executives is 1"),
        (CompanySpec(executives=30), "30 executives do not fit 72 devices"),
        (CompanySpec(logons_per_day=0), "logons_per_day is 0"),
        (CompanySpec(logon_events=1000), "logon_events needs more than 200 devices"),
        (CompanySpec(devices=300, logon_events=1000), "logon_events is 1000"),
        (CompanySpec(only=frozenset({"DeviceLogonEvent"})), "does not write 'DeviceLogonEvent'"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is_written(
    tmp_path: Path, spec: CompanySpec, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        write_company(tmp_path / "company", spec)
    assert caught.value.hint
    assert not list(tmp_path.rglob("*.json"))
