"""The reference pages leave nothing out that the code knows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from earmark.project.codes import TITLES, Code, severity_of
from earmark.project.schema import KINDS

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "reference"


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def test_every_code_is_explained_with_its_weight_and_title() -> None:
    rows = dict(re.findall(r"^\| (EM\d{3}) \| (.+) \|$", page("findings"), re.MULTILINE))
    assert list(rows) == [code.value for code in Code]
    for code in Code:
        weight, title, why, what_to_do = rows[code.value].split(" | ")
        assert (weight, title) == (severity_of(code).value, TITLES[code])
        assert why
        assert what_to_do


def test_every_code_of_queries_is_explained() -> None:
    sources = (ROOT / "src" / "earmark" / "kql").rglob("*.py")
    codes = {code for path in sources for code in re.findall(r"\bEK\d{3}\b", path.read_text(encoding="utf-8"))}
    assert codes
    assert codes <= set(re.findall(r"^\| (EK\d{3}) ", page("findings"), re.MULTILINE))


def test_every_code_is_used() -> None:
    sources = [path for path in (ROOT / "src" / "earmark" / "project").glob("*.py") if path.name != "codes.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert [code.name for code in Code if f"Code.{code.name}" not in text] == []


def keys_of(schema: Any) -> set[str]:
    below = [keys_of(body) for body in schema.get("$defs", {}).values()]
    return set(schema.get("properties", {})).union(*below)


@pytest.mark.parametrize(("kind", "name"), [("flow", "flow"), ("project", "project"), ("tags", "tags")])
def test_every_key_is_documented(kind: str, name: str) -> None:
    model, _ = KINDS[kind]
    text = page(name)
    assert [key for key in sorted(keys_of(model.model_json_schema())) if key not in text] == []
