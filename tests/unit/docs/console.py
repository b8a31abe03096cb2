"""Pages of the documentation as a reader follows them: files to write, commands to run, what they print.

In: a page of Markdown. Out: its steps in order. A fenced block `console` holds commands after `$ ` and beneath each
what it prints, where the page shows it; a fenced block with `file=NAME` is a file to write there. In what is shown, `…`
stands for anything within a line, and a line `…` for any lines. `$ echo $?` asks for the exit code of the command
before it; every other command must end with 0. A page that serves something names its port in a comment; tests take a
free one in its place.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^( *)```(\S*) *(.*?)\n(.*?)^\1```\s*$", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"<!-- port: (\d+) -->")
_STARTS_IN = re.compile(r"<!-- starts in: (\S+) -->")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    language: str
    file: str
    """The file that the block is to be written to; empty when it is none."""
    text: str
    line: int
    """Where its text begins in the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of a console block."""

    text: str
    shown: tuple[str, ...]
    """The lines that the page shows beneath it."""
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of a command."""

    lines: tuple[str, ...]
    code: int


def read_blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    blocks = []
    for found in _FENCE.finditer(page):
        file = re.search(r"\bfile=(\S+)", found[3])
        text = "".join(line.removeprefix(found[1]) for line in found[4].splitlines(keepends=True))
        line = page.count("\n", 0, found.start(4)) + 1
        blocks.append(Block(language=found[2], file=file[1] if file else "", text=text, line=line))
    return blocks


def read_commands(block: Block) -> list[Command]:
    """The commands of a console block with what is shown beneath each."""
    commands: list[tuple[str, list[str], int]] = []
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        if line.startswith("$ "):
            commands.append((line[2:], [], number))
        else:
            commands[-1][1].append(line)
    return [Command(text=text, shown=tuple(shown), line=line) for text, shown, line in commands]


def read_steps(page: str) -> list[Block | Command]:
    """What a reader does, in order."""
    steps: list[Block | Command] = []
    for block in read_blocks(page):
        if block.language == "console":
            steps += read_commands(block)
        elif block.file:
            steps.append(block)
    return steps


def starts_in(page: str) -> str:
    """The folder that the page begins in, as it says in a comment; empty for an empty one."""
    found = _STARTS_IN.search(page)
    return found[1] if found else ""


def on_free_port(page: str) -> str:
    """The page with a free port wherever it names its own."""
    found = _PORT.search(page)
    if found is None:
        return page
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return re.sub(rf"\b{found[1]}\b", str(free.getsockname()[1]), page)


class Reader:
    """Somebody who follows a page in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._code = 0
        self._environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def write(self, block: Block) -> None:
        """Write a file as the page says."""
        path = self._folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def run(self, command: str) -> Ended:
        """Run a command where the one before left off."""
        place = self._folder / ".where"
        script = f'(exit {self._code})\n{command}\ncode=$?\npwd > "$WHERE"\nexit $code'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self._environment | {"WHERE": str(place)},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        folder = Path(place.read_text(encoding="utf-8").strip())
        place.unlink()
        self._folder, self._code = folder, done.returncode
        return Ended(lines=tuple(line.rstrip() for line in done.stdout.rstrip().splitlines()), code=done.returncode)


def matches(shown: tuple[str, ...], lines: tuple[str, ...]) -> bool:
    """Whether what a command printed is what the page shows."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n" for line in shown
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) is not None


def make_company(folder: Path) -> Path:
    """The project that the demo makes, its data imported and nothing planned yet; beside it the sensors' files."""
    reader = Reader(folder)
    for command in (
        "earmark simulate sensors",
        "earmark init company",
        "earmark --project company import sensors/streaming sensors/windows sensors/inventory/devices.csv",
    ):
        assert reader.run(command).code == 0, command
    shutil.copy(folder / "sensors/lists/Executives.csv", folder / "company/lists/Executives.csv")
    # What the shipped flow's query means is known from here on, so that pages need not wait for it each.
    assert reader.run("earmark --project company --now 2026-01-11T06:00Z plan").code == 0
    return folder
