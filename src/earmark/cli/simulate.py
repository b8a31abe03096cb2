"""`earmark simulate`: what the sensors of a small company write."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import rich_click as click

from earmark.cli.options import INSTANT, PATH, Options, pass_options


@click.command("simulate")
@click.argument("folder", type=PATH)
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed writes the same bytes.")
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="How many days are played.")
@click.option(
    "--devices", type=click.IntRange(40, 10_000_000), default=72, show_default=True, help="How many devices there are."
)
@click.option("--start", type=INSTANT, default=None, help="The first day.")
@pass_options
def command(options: Options, folder: Path, seed: int, days: int, devices: int, start: datetime | None) -> None:
    """Play a small company and its sensors.

    Writes into FOLDER: Windows Security events, Defender's streaming export, an inventory, alerts and a list of
    executives: everything that `import` reads.
    """
    from earmark.cli.render.output import emit
    from earmark.cli.render.progress import Bar
    from earmark.cli.render.text import printable
    from earmark.simulate import CompanySpec, write_company

    spec = CompanySpec(seed=seed, days=days, devices=devices)
    if start is not None:
        spec = replace(spec, start=start.date())
    with Bar("simulating") as bar:
        written = write_company(folder, spec, progress=bar.update)
    kinds = sorted(written.counts.items())
    document = {
        "folder": str(folder),
        "counts": dict(kinds),
        "files": [str(f) for f in written.files],
        "bytes": written.size,
    }
    emit(options.format, document, ("kind", "lines"), kinds, numeric=("lines",))
    click.echo(f"{len(written.files)} files, {written.size / 1e6:.1f} MB in {printable(str(folder))}", err=True)
