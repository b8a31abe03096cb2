"""`earmark sandbox`: a tenant of Defender on this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from earmark.cli.options import PATH, Options, pass_options

if TYPE_CHECKING:
    from earmark.sandbox.tenant import Tenant


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8443, show_default=True, help="The port; 0 takes a free one."
)
@click.option(
    "--devices", type=click.IntRange(40, 1_000_000), default=5_000, show_default=True, help="Devices to simulate."
)
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same tenant.")
@click.option("--estate", type=PATH, default=None, help="Serve this estate, or this project's, instead.")
@click.option("--keep", is_flag=True, help="Write tags into that estate instead of into a copy.")
@click.option("--name", "names", multiple=True, metavar="HOST", help="Another host name that the certificate is for.")
@click.option("--no-tls", is_flag=True, help="Plain HTTP, for clients that take it.")
@click.option("--fault", "faults", multiple=True, metavar="NAME=RATE", help="Switch a fault on, or change a setting.")
@click.option("--virtual-time", is_flag=True, help="The clock stands still until it is advanced.")
@click.option("--for", "seconds", type=click.FloatRange(min=0), default=None, help="End after so many seconds.")
@click.option("--folder", type=PATH, default=None, help="Where certificates and simulated estates are kept.")
@pass_options
def command(
    options: Options,
    host: str,
    port: int,
    devices: int,
    seed: int,
    estate: Path | None,
    keep: bool,
    names: tuple[str, ...],
    no_tls: bool,
    faults: tuple[str, ...],
    virtual_time: bool,
    seconds: float | None,
    folder: Path | None,
) -> None:
    """Serve a tenant that speaks Defender's API.

    Prints one line of JSON when it listens: its address, its applications and their secrets. Ends with Ctrl+C.
    """
    from earmark.app import WORK_FOLDER
    from earmark.cli.sandbox_estate import sandbox_estate
    from earmark.sandbox.clock import TenantClock
    from earmark.sandbox.folder import open_folder, registered_apps
    from earmark.sandbox.server import Listening, serve
    from earmark.sandbox.tenant import Tenant
    from earmark.sandbox.tls import Authority

    if keep and estate is None:
        raise click.UsageError("--keep needs --estate: a simulated estate is made anew.")
    values = _faults_of(faults)
    place = folder or options.project / WORK_FOLDER / "sandbox"
    open_folder(place)
    _warn_of_host(host)
    now = options.now or datetime.now(UTC)
    with sandbox_estate(place, estate, keep=keep, devices=devices, seed=seed, today=now.date()) as found:
        tenant = Tenant(
            found,
            clock=TenantClock(options.now, virtual=virtual_time),
            apps=registered_apps(place, seed),
            seed=seed,
            cache=place / "kql",
        )
        tenant.set_faults(values)
        authority = None if no_tls else Authority(place)
        known = ["localhost", "127.0.0.1", "::1", *([] if host in ("0.0.0.0", "::") else [host]), *names]
        tenant.hosts = frozenset(known)
        certificate, key = authority.issue(place, known) if authority else (None, None)
        listening = Listening(host=host, port=port, certificate=certificate, key=key)
        ca = authority.path if authority else None
        serve(tenant, listening, seconds=seconds, tell=lambda url: _tell(tenant, url, place, ca))


def _faults_of(given: tuple[str, ...]) -> dict[str, float]:
    from earmark.sandbox.faults import Faults

    values = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            values[name.strip()] = float(value or "1")
        except ValueError:
            raise click.BadParameter(
                f"{text!r} is not NAME=RATE, such as throttle=0.1.", param_hint="--fault"
            ) from None
    Faults().set(values)  # a wrong name ends here, before anything is made
    return values


def _warn_of_host(host: str) -> None:
    from earmark.sandbox.server import is_loopback

    if not is_loopback(host):
        click.echo(
            f"warning: whoever reaches {host} can read and change this sandbox: its page and /sandbox take no sign-in.",
            err=True,
        )


def _tell(tenant: Tenant, url: str, place: Path, ca: Path | None) -> None:
    import json
    import sys

    from earmark.model.instant import instant_text
    from earmark.sandbox.folder import certificate_path

    document = {
        "url": url,
        "tenant": tenant.id,
        "apps": [
            {**app.document(), "certificate": str(certificate_path(place, app).resolve())}
            for app in tenant.apps.values()
        ],
        "ca": None if ca is None else str(ca.resolve()),
        "devices": tenant.machines.count(),
        "now": instant_text(tenant.clock.now()),
        "virtual_time": tenant.clock.virtual,
    }
    click.echo(json.dumps(document))
    sys.stdout.flush()
