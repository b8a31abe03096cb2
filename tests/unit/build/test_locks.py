from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKED = {
    "runtime": [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]],
    "dev": PROJECT["dependency-groups"]["dev"],
    "lock": PROJECT["dependency-groups"]["lock"],
}


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / f"requirements/{lock}.txt").read_text("utf-8")
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^ ;\\]+)", text, re.M)}


@pytest.mark.parametrize(("lock", "wanted"), LOCKED.items(), ids=LOCKED)
def test_a_lock_holds_what_pyproject_asks_for(lock: str, wanted: list[str]) -> None:
    pinned = pins(lock)
    for requirement in map(Requirement, wanted):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked: run make lock"
        assert version in requirement.specifier, f"{requirement} is locked at {version}: run make lock"


def test_what_building_needs_is_in_the_lock() -> None:
    pinned = pins("runtime")
    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier


def test_both_locks_agree() -> None:
    runtime, dev = pins("runtime"), pins("dev")
    assert {name: runtime[name] for name in runtime.keys() & dev.keys()} == {
        name: dev[name] for name in runtime.keys() & dev.keys()
    }


@pytest.mark.parametrize(
    "lock", [*(f"requirements/{name}.txt" for name in LOCKED), "language-service/package-lock.json"]
)
def test_locks_pin_content_and_name_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert "sha256:" in text or "sha512-" in text
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text
