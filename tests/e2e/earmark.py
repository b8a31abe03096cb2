"""The installed command, as tests run it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("earmark")


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Earmark:
    """The command in one project."""

    project: Path
    under: tuple[str, ...] = ()
    """What the command line begins with."""

    def run(self, *arguments: str, now: str | None = None, code: int | None = 0, json_: bool = False) -> Done:
        """Run a command and expect an exit code (None takes any)."""
        command = [*self.under, str(COMMAND), "--project", str(self.project)]
        command += ["--now", now] if now else []
        command += ["--format", "json"] if json_ else []
        ended = subprocess.run([*command, *arguments], check=False, capture_output=True, text=True, timeout=120)
        done = Done(ended.returncode, ended.stdout, ended.stderr)
        assert "Traceback" not in done.err, done.err
        assert code is None or done.code == code, f"{arguments}: exit {done.code}\n{done.out}\n{done.err}"
        return done

    def read(self, *arguments: str, now: str | None = None, code: int | None = 0) -> Any:
        """Run a command for its JSON document."""
        return self.run(*arguments, now=now, code=code, json_=True).document

    def write(self, file: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.project / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def tagged(self, tag: str, *, now: str | None = None) -> set[str]:
        """The names of the devices that carry a manual tag."""
        devices = self.read("devices", now=now)
        return {d["name"] for d in devices if any(t["tag"] == tag and t["origin"] == "manual" for t in d["tags"])}
