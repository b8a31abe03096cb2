"""Pages lead somewhere: links, headings, files, functions, and every module of the package."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.unit.docs.console import PAGES, ROOT

PACKAGE = ROOT / "src" / "earmark"
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _text(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """The names that headings of a page get where it is shown."""
    titles = re.findall(r"^#+ (.+)$", _text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(_text(page)):
        if re.match(r"https?://", target):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), f"{page.name}: {target} does not exist"
        assert not anchor or anchor in _anchors(found), f"{page.name}: {target} has no such heading"


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in _LINK.findall(_text(ROOT / "README.md"))}
    missing = [page.name for page in PAGES if page.name != "README.md" and page not in linked]
    assert not missing, f"README.md does not lead to {missing}"


def _defined(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def _paths(text: str) -> list[str]:
    return re.findall(r"`((?:[\w.-]+/)*[\w.-]+\.py|(?:[\w-]+/)+[\w-]+)`", text)


@pytest.mark.parametrize("name", ["where.md", "lifecycle.md"])
def test_files_named_exist(name: str) -> None:
    for path in _paths((ROOT / "docs" / name).read_text(encoding="utf-8")):
        assert (PACKAGE / path).exists() or (ROOT / path).exists(), f"{name}: {path} does not exist"


def test_functions_named_exist() -> None:
    named = re.findall(r"`([\w/]+\.py)` `(\w+)`", (ROOT / "docs" / "where.md").read_text(encoding="utf-8"))
    assert named
    for path, function in named:
        assert function in _defined(PACKAGE / path), f"where.md: {path} has no {function}"


def test_every_module_is_named() -> None:
    listed = set(_paths((ROOT / "docs" / "where.md").read_text(encoding="utf-8")))
    modules = {str(f.relative_to(PACKAGE)) for f in PACKAGE.rglob("*.py") if f.name != "__init__.py"}
    assert modules <= listed, f"where.md does not name {sorted(modules - listed)}"
