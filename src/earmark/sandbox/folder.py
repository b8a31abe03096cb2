"""A sandbox's folder: what stays from one start to the next, and the copy of an estate that one start works on.

`ca.pem` is to be trusted by callers; `apps.json` and `<app>.pem` hold secrets and keys of applications that exist
nowhere else.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

from earmark.errors import UsageError
from earmark.estates.embedded.devices import DeviceStore
from earmark.estates.embedded.estate import EmbeddedEstate
from earmark.sandbox.apps import App, default_apps
from earmark.sandbox.tls import make_client_certificate, write_private


def open_folder(folder: Path) -> None:
    """Make the folder, closed to others."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be the sandbox's folder: {error.strerror}.", hint="Name another with --folder."
        ) from error


def registered_apps(folder: Path, seed: int) -> list[App]:
    """The applications, with the secrets and certificates that they had at the last start."""
    path = folder / "apps.json"
    try:
        secret = str(json.loads(path.read_text(encoding="utf-8"))["secret"])
    except FileNotFoundError:
        secret = secrets.token_urlsafe(24)
        write_private(path, json.dumps({"secret": secret}).encode())
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} cannot be read.", hint="Delete it; the sandbox makes a new one.") from error
    return [
        replace(app, certificates=(make_client_certificate(certificate_path(folder, app), app.name),))
        for app in default_apps(seed, f"{secret}~")
    ]


def certificate_path(folder: Path, app: App) -> Path:
    """Where an application's certificate and key lie."""
    return folder / f"{app.name}.pem"


@contextmanager
def working_copy(source: Path) -> Iterator[EmbeddedEstate]:
    """An estate whose tags may be changed while the one in `source` stays as it is; its events are read in place."""
    estate = EmbeddedEstate(source)
    place = Path(mkdtemp(prefix="earmark-sandbox-"))
    try:
        copy = place / "devices.db"
        with closing(sqlite3.connect(source / "devices.db")) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode = WAL")  # a backup does not take it over
        estate.devices = DeviceStore(copy)
        yield estate
    finally:
        shutil.rmtree(place, ignore_errors=True)
