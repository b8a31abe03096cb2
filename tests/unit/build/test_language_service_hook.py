from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hatch_build"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folders(hook: ModuleType, tmp_path: Path) -> tuple[Path, Path]:
    sources, assets = tmp_path / "language-service", tmp_path / "assets"
    sources.mkdir()
    assets.mkdir()
    for name in hook.SOURCES:
        (sources / name).write_text(f"content of {name}")
    for name in hook.FILES:
        (assets / name).write_text(f"content of {name}")
    return sources, assets


def test_nothing_fetched_yet_is_not_current(hook: ModuleType, folders: tuple[Path, Path]) -> None:
    assert not hook.is_current(*folders)


def test_fetched_files_are_current_until_the_lock_or_a_file_changes(
    hook: ModuleType, folders: tuple[Path, Path]
) -> None:
    sources, assets = folders
    (assets / hook.STAMP).write_text(hook.digest(sources, assets))
    assert hook.is_current(sources, assets)
    for path in [sources / "package-lock.json", assets / "bridge.min.js"]:
        before = path.read_text()
        path.write_text(before + " ")
        assert not hook.is_current(sources, assets), path.name
        path.write_text(before)
    (assets / "bridge.min.js").unlink()
    assert not hook.is_current(sources, assets)


def test_the_checkout_holds_the_files_of_its_lock(hook: ModuleType) -> None:
    assert hook.is_current(ROOT / "language-service", ROOT / "src/earmark/kql/language/assets"), (
        "run make clean, then make test"
    )
