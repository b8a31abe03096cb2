"""Clients that nobody here wrote, unchanged, against the sandbox: msticpy's Defender drivers and the msgraph-sdk.

    python scripts/foreign_clients.py [--environment FOLDER]

They get an environment of their own, made once (some 300 MB), and are pointed to the sandbox by their own settings.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGES = ("msticpy==3.0.2", "msgraph-sdk==1.65.0")
CLIENTS = ("with_msticpy.py", "with_msgraph.py")
DEVICES = "300"
_SETTINGS = """\
Azure:
  cloud: global
  resource_manager_url: {url}
  auth_methods: [env]
DataProviders:
  MicrosoftDefender:
    Args:
      TenantId: {tenant}
      ClientId: {client_id}
      ClientSecret: {secret}
      apiRoot: {url}
"""


def python_of(environment: Path) -> Path:
    """The interpreter of an environment that has the clients, made where it is not there."""
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = environment / f".ready-{'-'.join(PACKAGES)}"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES], check=True)
        ready.touch()
    return python


@contextmanager
def sandbox(folder: Path) -> Iterator[dict[str, Any]]:
    """A sandbox that runs, as its first line describes it."""
    earmark = str(Path(sys.executable).with_name("earmark"))
    command = [earmark, "sandbox", "--port", "0", "--devices", DEVICES, "--folder", str(folder / "sandbox")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=30)


def environment_of(told: dict[str, Any], folder: Path) -> dict[str, str]:
    """The variables by which the clients find the sandbox."""
    app = next(app for app in told["apps"] if app["name"] == "everything")
    settings = folder / "msticpyconfig.yaml"
    told = {**{name: told[name] for name in ("url", "tenant", "ca")}, **{n: app[n] for n in ("client_id", "secret")}}
    settings.write_text(_SETTINGS.format(**told), encoding="utf-8")
    return {
        **os.environ,
        "MSTICPYCONFIG": str(settings),
        "SSL_CERT_FILE": told["ca"],
        "REQUESTS_CA_BUNDLE": told["ca"],
        "SANDBOX_URL": told["url"],
        "SANDBOX_TENANT": told["tenant"],
        "SANDBOX_CLIENT_ID": told["client_id"],
        "SANDBOX_SECRET": told["secret"],
        "NO_PROXY": "localhost,127.0.0.1",
        "PYTHONWARNINGS": "ignore",
    }


def main() -> int:
    """Run every client; the number of those that failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environment", type=Path, default=HERE.parent / ".make" / "foreign")
    python = python_of(parser.parse_args().environment.absolute())
    failed = 0
    with tempfile.TemporaryDirectory() as name, sandbox(Path(name)) as told:
        for client in CLIENTS:
            command = [python, HERE / "foreign" / client]
            failed += subprocess.run(command, env=environment_of(told, Path(name)), cwd=name).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
