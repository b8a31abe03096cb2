"""Every command that a page shows is run as the page says, and prints what the page shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.docs.console import (
    PAGES,
    ROOT,
    Block,
    Reader,
    make_company,
    matches,
    on_free_port,
    read_blocks,
    read_commands,
    read_steps,
    starts_in,
)

FOLLOWED = [page for page in PAGES if page.name != "README.md" and "```console" in page.read_text(encoding="utf-8")]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that pages start in."""
    return make_company(tmp_path_factory.mktemp("docs"))


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_can_be_followed(page: Path, tmp_path: Path, company: Path) -> None:
    text = on_free_port(page.read_text(encoding="utf-8"))
    folder = tmp_path
    if starts_in(text):
        shutil.copytree(company, tmp_path / "start")
        folder = tmp_path / "start" / starts_in(text)
    steps = read_steps(text)
    reader = Reader(folder)
    for number, step in enumerate(steps):
        if isinstance(step, Block):
            reader.write(step)
            continue
        following = steps[number + 1] if number + 1 < len(steps) else None
        asks_code = not isinstance(following, Block) and following is not None and following.text == "echo $?"
        ended = reader.run(step.text)
        printed = "\n".join(ended.lines)
        assert ended.code == 0 or asks_code, f"{page.name}:{step.line} $ {step.text}\n{printed}"
        assert not step.shown or matches(step.shown, ended.lines), f"{page.name}:{step.line} $ {step.text}\n{printed}"


def _settled(text: str) -> str:
    """What two demos print differently: ids, accounts, seconds, folders, how many files the export came in."""
    text = re.sub(r"\b([pr])-[0-9a-f]{12}\b", r"\1-…", text)
    text = re.sub(r"(run r-…), \S+$", r"\1, …", text, flags=re.MULTILINE)
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), "--folder", str(tmp_path / "demo")],
        check=True,
        capture_output=True,
        text=True,
    )
    printed = _settled(demo.stdout).splitlines()
    (block,) = (b for b in read_blocks((ROOT / "README.md").read_text(encoding="utf-8")) if b.language == "console")
    at = 0
    for command in read_commands(block):
        at = printed.index(f"$ {command.text}", at)
        for shown in command.shown:
            if shown.strip() == "…":
                continue
            at = next((n for n in range(at + 1, len(printed)) if matches((shown,), (printed[n],))), -1)
            assert at > 0, f"README.md shows a line that the demo does not print there: {shown}"
