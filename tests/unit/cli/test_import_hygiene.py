"""What a user waits for before any work begins must not load the heavy parts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from earmark.project.init import write_project

HEAVY = (
    "alembic",
    "azure",
    "cryptography",
    "duckdb",
    "fastapi",
    "httpx2",
    "jwt",
    "keyring",
    "polars",
    "pydantic",
    "quickjs",
    "ruamel",
    "sqlalchemy",
)

PROBE = """
import sys
from earmark.cli.main import run
code = run(sys.argv[1:])
assert not code, code
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules that a command loads."""
    run = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    return set(run.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["sandbox", "--help"]], ids=" ".join)
def test_help_loads_no_heavy_part(arguments: list[str]) -> None:
    loaded = loaded_by(*arguments)
    assert "click" in loaded, "the probe must see what was loaded"
    assert not set(HEAVY) & loaded


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a flow, a device and nothing in its cache."""
    folder = tmp_path_factory.mktemp("company")
    write_project(folder)
    (folder / "inventory.csv").write_text("device,name\nd1,pc-1\n", encoding="utf-8")
    loaded_by("--project", str(folder), "import", str(folder / "inventory.csv"))
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ["devices"],
        ["tags"],
        ["explain", "pc-1"],
        ["runs"],
        ["lists"],
        ["import", "inventory.csv"],
        ["estate", "tag", "pc-1", "VIP"],
    ],
    ids=" ".join,
)
def test_only_what_hunts_loads_the_language_service(arguments: list[str], project: Path) -> None:
    arguments = [str(project / word) if word.endswith(".csv") else word for word in arguments]
    loaded = loaded_by("--project", str(project), *arguments)
    assert "pydantic" in loaded, "the probe must see what was loaded"
    assert "quickjs" not in loaded
    assert not (project / ".earmark" / "cache").exists()


def test_a_query_that_is_new_loads_it(project: Path) -> None:
    assert "quickjs" in loaded_by("--project", str(project), "check")
