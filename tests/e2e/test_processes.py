"""Several processes at once, processes killed, state lost: nothing is doubled and nothing forgotten."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from earmark.store.lease import held
from tests.e2e.earmark import COMMAND, Earmark
from tests.e2e.logons import write_logons

SUNDAY = "2026-03-01T06:00:00Z"


@pytest.fixture
def weekly(earmark: Earmark) -> Earmark:
    """A project whose flow is due on Sundays at six, with an executive's device in its estate."""
    earmark.write("lists/Executives.csv", "AccountName\nceo\n")
    flow = (earmark.project / "flows" / "executive.yaml").read_text(encoding="utf-8")
    earmark.write("flows/executive.yaml", flow.replace("Europe/London", "UTC"))
    write_logons(
        earmark.project / "events.json",
        [("pc-1", "ceo", "2026-02-27T09:00:00Z"), ("pc-2", "ann", "2026-03-01T05:00:00Z")],
    )
    earmark.run("import", str(earmark.project / "events.json"))
    return earmark


def test_many_processes_run_what_is_due_once(weekly: Earmark) -> None:
    command = [str(COMMAND), "--project", str(weekly.project), "--now", SUNDAY, "--format", "json", "run", "--due"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(5)]
    ended = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 5, [err for _, err in ended]
    runs = weekly.read("runs", now=SUNDAY)
    assert len(runs) == 1
    assert (runs[0]["trigger"], runs[0]["due_at"], runs[0]["flows"][0]["added"]) == ("recurrence", SUNDAY, 1)
    assert weekly.tagged("Executive", now=SUNDAY) == {"pc-1"}


def test_a_command_that_ends_leaves_the_state_in_one_file(weekly: Earmark) -> None:
    for arguments in (["run", "executive"], ["plan"], ["explain", "pc-1"], ["explain", "nobody"]):
        weekly.run(*arguments, now=SUNDAY, code=None)
        assert not list((weekly.project / ".earmark").glob("state.db-*")), arguments


def test_processes_that_run_the_same_flow_at_once_take_turns(weekly: Earmark) -> None:
    command = [str(COMMAND), "--project", str(weekly.project), "--now", SUNDAY, "--format", "json", "run", "executive"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    ended = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 4, [err for _, err in ended]
    assert sum(run["flows"][0]["added"] for run in weekly.read("runs", now=SUNDAY)) == 1


def test_a_lost_state_is_not_taken_for_a_fresh_start(weekly: Earmark) -> None:
    weekly.run("run", "executive", now=SUNDAY)
    for file in (weekly.project / ".earmark").glob("state.db*"):
        file.unlink()
    later = (datetime.fromisoformat(SUNDAY) + timedelta(hours=1)).isoformat()
    done = weekly.run("run", "executive", now=later)
    assert "the state is empty, but tags of the flows stand already (Executive on 1)" in done.err
    assert weekly.tagged("Executive", now=later) == {"pc-1"}


def test_a_lost_estate_is_not_taken_for_the_one_that_the_state_knows(weekly: Earmark) -> None:
    weekly.run("run", "executive", now=SUNDAY)
    for file in (weekly.project / "estate").glob("devices.db*"):
        file.unlink()
    done = weekly.run("plan", now=SUNDAY, code=None)
    assert "the state knows nothing of this estate" in done.err
    assert "devices.db" in done.err


def test_a_state_that_is_no_state_is_said_to_be_none(weekly: Earmark) -> None:
    state = weekly.project / ".earmark" / "state.db"
    state.parent.mkdir(exist_ok=True)
    state.write_bytes(b"this is no database" * 100)
    done = weekly.run("run", "executive", now=SUNDAY, code=70)
    assert "state.db" in done.err
    assert state.read_bytes().startswith(b"this is no database")


def test_a_run_whose_process_is_gone_is_shown_as_interrupted(weekly: Earmark) -> None:
    weekly.run("run", "executive", now=SUNDAY)
    with closing(sqlite3.connect(weekly.project / ".earmark" / "state.db")) as state:
        state.execute("UPDATE runs SET ended_at = NULL")
        state.execute("DELETE FROM flow_runs")
        state.commit()
    (run,) = weekly.read("runs", now=SUNDAY)
    assert (run["ended_at"], run["interrupted"], run["flows"]) == (None, True, [])
    assert "  interrupted" in weekly.run("runs", now=SUNDAY).out
    with held(weekly.project / ".earmark" / "leases", "flow-executive", who="test", timeout=0):
        assert "  running" in weekly.run("runs", now=SUNDAY).out


def test_importing_at_once_stores_every_row_once(earmark: Earmark, tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    write_logons(file, [(f"pc-{n % 7}", "ann", f"2026-02-{n % 20 + 1:02}T09:00:{n % 60:02}Z") for n in range(500)])
    command = [str(COMMAND), "--project", str(earmark.project), "import", str(file)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0]
    rows = earmark.read("hunt", "DeviceLogonEvents | count", now="2026-02-20T23:00:00Z")["rows"]
    assert rows == [[500]]


def test_a_killed_import_is_completed_by_importing_again(earmark: Earmark, tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    write_logons(file, [(f"pc-{n % 50}", "ann", f"2026-02-{n % 20 + 1:02}T09:00:{n % 60:02}Z") for n in range(20_000)])
    command = [str(COMMAND), "--project", str(earmark.project), "import", str(file)]
    for wait in (0.5, 0.9, 1.3):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
    earmark.run("import", str(file))
    assert earmark.read("hunt", "DeviceLogonEvents | count", now="2026-02-20T23:00:00Z")["rows"] == [[20_000]]
    assert len(earmark.read("devices", now="2026-02-20T23:00:00Z")) == 50


def test_a_flow_whose_file_has_errors_is_not_passed_over_in_silence(weekly: Earmark) -> None:
    weekly.write(
        "flows/broken.yaml",
        'flow: broken\ntrigger: {cron: "0 6 * * *"}\nhunt: {query: DeviceInfo | where Nope == 1}\ntag: {value: B}\n',
    )
    ended = weekly.run("run", "--due", now=SUNDAY, code=4)
    assert "flows/broken.yaml has errors" in ended.err
    assert weekly.tagged("Executive", now=SUNDAY) == {"pc-1"}
