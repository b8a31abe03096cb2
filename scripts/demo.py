"""The whole job on recorded data, by the command line's own entry: nothing here knows what it will print.

Without `--data` the simulator plays a small company first, and its truth file names the devices to look at. With
`--data FOLDER` the same job runs on the logon events in that folder, which is only read.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from earmark.cli.main import run

LOGONS = """\
DeviceLogonEvents
| where ActionType == "LogonSuccess"
| where LogonType in ("Interactive", "RemoteInteractive", "CachedInteractive", "CachedRemoteInteractive")
| where AccountName !endswith "$" and not(AccountName matches regex @"(?i)^(dwm|umfd)-\\d+$")
"""
MAIN_USERS = f"""\
let Users = {LOGONS}| where Timestamp > ago(7d)
| summarize Logons = count() by DeviceId, AccountName;
Users
| join kind=inner (Users | summarize Most = max(Logons) by DeviceId) on DeviceId
| where Logons == Most
| summarize Devices = dcount(DeviceId) by AccountName
| sort by Devices, AccountName asc
| take 3"""

TENANT = """\
estate:
  kind: defender
  tenant: corp.example
  sign_in: {{method: certificate, client_id: {client_id}, certificate: "${{file:{certificate}}}"}}
  hosts: {{sign_in: "{url}", defender: "{url}", graph: "{url}"}}
  ca: {ca}
hunting: graph
state: sqlite:.earmark/tenant.db
mode: {mode}
"""


@dataclass(frozen=True, slots=True)
class Demo:
    """A folder to play in, and the commands shown there."""

    folder: Path

    def say(self, text: str) -> None:
        """A line between the commands."""
        print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)

    def show(self, *arguments: str, ok: tuple[int, ...] = (0,)) -> None:
        """Run a command and let it print."""
        print(f"$ earmark {shlex.join(arguments)}", flush=True)
        code = self._run(*arguments)
        if code not in ok:
            sys.exit(f"earmark {shlex.join(arguments)} ended with exit code {code}, expected {ok}")

    def read(self, *arguments: str, ok: tuple[int, ...] = (0,)) -> Any:
        """Run a command quietly and read its JSON document."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = self._run("--format", "json", *arguments)
        if code not in ok:
            sys.exit(err.getvalue() or f"earmark {shlex.join(arguments)} ended with exit code {code}")
        return json.loads(out.getvalue())

    def _run(self, *arguments: str) -> int:
        """The command's own entry, in this process: the same work without loading Python anew for each line."""
        with chdir(self.folder):
            code = run(list(arguments))
        sys.stdout.flush()
        return code


def simulated(demo: Demo) -> None:
    """A simulated company: the tag comes, stays through its grace, goes; silence is not no."""
    demo.say("Thirty days of a small company, as its sensors write them")
    demo.show("simulate", "sensors")
    truth = json.loads((demo.folder / "sensors" / "truth.json").read_text(encoding="utf-8"))
    moments, story = truth["now"], truth["story"]
    demo.say("A project, its list of executives, and the sensors' files in its own estate")
    demo.show("init", "company")
    shutil.copy(
        demo.folder / "sensors" / "lists" / "Executives.csv", demo.folder / "company" / "lists" / "Executives.csv"
    )
    inside = Demo(demo.folder / "company")
    inside.show("import", "../sensors/streaming", "../sensors/windows", "../sensors/inventory/devices.csv")
    inside.show("check")
    at = ("--now", moments["first_run"])
    demo.say("What would change? Then exactly that")
    inside.show(*at, "plan", "--out", "plan.json")
    inside.show(*at, "apply", "plan.json")
    inside.show(*at, "devices", "--tag", "Executive")
    demo.say(f"Why does {story['changed']['name']} carry the tag?")
    inside.show(*at, "explain", story["changed"]["device"], "--evidence")
    demo.say("Planned again: nothing to do")
    inside.show(*at, "plan")
    at = ("--now", moments["changed_no_longer_matches"])
    demo.say(f"A week later {story['changed']['name']} has a new owner: the tag stays while its grace lasts")
    inside.show(*at, "plan")
    inside.show(*at, "run", "executive")
    at = ("--now", moments["grace_over"])
    demo.say(
        f"When the grace is over it goes. {story['shut']['name']} has been shut for three weeks: silence is not no"
    )
    inside.show(*at, "plan")
    inside.show(*at, "run", "executive")
    inside.show(*at, "explain", story["changed"]["device"], "Executive")
    inside.show(*at, "devices", story["shut"]["name"])
    inside.show("runs")


@contextmanager
def sandbox(demo: Demo) -> Iterator[subprocess.Popen[str]]:
    """A tenant on this machine, started beforehand: it simulates its company while the demo goes on."""
    earmark = Path(sys.executable).with_name("earmark")
    command = [str(earmark), "sandbox", "--port", "0", "--devices", "72", "--for", "300"]
    with (demo.folder / "sandbox.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=demo.folder, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def in_tenant(demo: Demo, process: subprocess.Popen[str]) -> None:
    """The same flow against a tenant over HTTPS: first with an application and a mode that cannot write."""
    demo.say("The same flow in a tenant that speaks Defender's API: earmark sandbox --devices 72")
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        sys.exit(f"the sandbox did not start:\n{(demo.folder / 'sandbox.log').read_text(encoding='utf-8')}")
    tenant = json.loads(line)
    apps = {app["name"]: app for app in tenant["apps"]}
    inside = Demo(demo.folder / "company")

    def sign_in(name: str, mode: str) -> None:
        app = apps[name]
        text = TENANT.format(**tenant | app | {"mode": mode})
        (inside.folder / "earmark.tenant.yaml").write_text(text, encoding="utf-8")
        demo.say(f"earmark.tenant.yaml names the tenant and the application {name}; mode: {mode}")

    sign_in("observer", "observe")
    inside.show("--env", "tenant", "plan")
    sign_in("tagger", "apply")
    demo.say("Somebody's tag stands there already; a state that is empty must be told that this is no loss")
    inside.show("--env", "tenant", "run", "executive", "--accept-empty-state")
    inside.show("--env", "tenant", "plan")


def recorded(demo: Demo, source: Path) -> None:
    """Somebody's recorded logons: the main users of the last week of data play the executives, unless the folder
    lists them.
    """
    demo.say("A project, and the recorded events in its own estate")
    demo.show("init", "company")
    inside = Demo(demo.folder / "company")
    inside.show("import", str(source), ok=(0, 1))
    newest = inside.read("hunt", LOGONS + "| summarize Newest = max(Timestamp)", ok=(0, 4))["rows"][0][0]
    if newest is None:
        sys.exit(f"Nobody logs on interactively in {source}.")
    end = datetime.fromisoformat(newest[:19]).replace(tzinfo=UTC) + timedelta(seconds=1)
    at = ("--now", end.strftime("%Y-%m-%dT%H:%M:%SZ"))
    accounts = executives(source) or [row[0] for row in inside.read(*at, "hunt", MAIN_USERS)["rows"]]
    listed = ", ".join(accounts) or "nobody"
    demo.say(f"The executives here: {listed}; the clock stands at the last time somebody sat down, {at[1]}")
    with (inside.folder / "lists" / "Executives.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["AccountName"], *([a] for a in accounts)])
    inside.show("check")
    demo.say("What would change? Then exactly that")
    inside.show(*at, "plan", "--out", "plan.json", ok=(0, 4))
    inside.show(*at, "apply", "plan.json", ok=(0, 4))
    tagged = [d for d in inside.read(*at, "devices") if any(t["tag"] == "Executive" for t in d["tags"])]
    inside.show(*at, "devices", "--tag", "Executive")
    for device in tagged[:3]:
        inside.show(*at, "explain", device["device"], "Executive", "--evidence")
    demo.say("Planned again: nothing to do")
    inside.show(*at, "plan", ok=(0, 4))
    later = ("--now", (end + timedelta(days=15)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    demo.say("Fifteen days later the data have stopped: nothing is concluded from that, and the tags stay")
    inside.show(*later, "run", "executive", ok=(4,))
    inside.show(*later, "devices", "--tag", "Executive")


def executives(source: Path) -> list[str]:
    """The accounts of the folder's own lists/Executives.csv, where it has one."""
    listed = source / "lists" / "Executives.csv"
    if not listed.is_file():
        return []
    with listed.open(encoding="utf-8-sig", newline="") as file:
        return [row["AccountName"] for row in csv.DictReader(file)]


def main() -> None:
    """Play the demo in a fresh folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of recorded events, only read")
    parser.add_argument(
        "--folder", type=Path, default=Path("demo"), help="where to play; what an earlier demo left there is replaced"
    )
    options = parser.parse_args()
    if options.data is not None and not options.data.is_dir():
        sys.exit(f"{options.data} is no folder; give one that holds recorded events: make demo DATA=../recordings")
    folder = fresh(options.folder.absolute())
    begun = time.monotonic()
    demo = Demo(folder)
    if options.data is None:
        with sandbox(demo) as process:
            simulated(demo)
            in_tenant(demo, process)
    else:
        recorded(demo, options.data.resolve())
    print(f"\nDone in {time.monotonic() - begun:.1f} s. Look around: cd {folder / 'company'}")


def fresh(folder: Path) -> Path:
    """An empty folder; only one that an earlier demo made is emptied."""
    mark = folder / ".earmark-demo"
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        sys.exit(f"{folder} is not empty and was not made by the demo; name another folder with --folder.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.touch()
    return folder


if __name__ == "__main__":
    main()
