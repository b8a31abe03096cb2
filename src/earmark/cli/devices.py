"""`earmark devices`: the devices of the estate with their tags."""

from __future__ import annotations

import rich_click as click

from earmark.cli.options import Options, pass_options


@click.command("devices")
@click.argument("device", required=False)
@click.option("--tag", "tag", help="Only devices that carry this tag.")
@pass_options
def command(options: Options, device: str | None, tag: str | None) -> None:
    """List devices with their tags.

    With each tag: who put it there, the flow that owns it, since when and until when. DEVICE is an id or a name.
    """
    from earmark.cli.render.output import emit
    from earmark.services.devices import devices_document, list_devices

    listed = list_devices(options.open().workspace(), device=device, tag=tag)
    rows = [
        [
            d.id,
            d.name,
            d.last_seen_at,
            t.value if t else "",
            t.origin.value if t else "",
            t.flow or "" if t else "",
            t.since if t else None,
            t.until if t else None,
        ]
        for d in listed
        for t in (d.tags or (None,))
    ]
    emit(
        options.format,
        devices_document(listed),
        ("device", "name", "last seen", "tag", "origin", "flow", "since", "until"),
        rows,
    )
