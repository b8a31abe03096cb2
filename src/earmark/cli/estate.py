"""`earmark estate`: change the embedded estate behind Earmark's back, as a person does in the portal."""

from __future__ import annotations

import rich_click as click

from earmark.cli.options import Options, pass_options


@click.group("estate")
def command() -> None:
    """Change a tag by hand.

    In the embedded estate, behind Earmark's back, as a person does in the portal.
    """


@command.command("tag")
@click.argument("device")
@click.argument("tag")
@pass_options
def tag_command(options: Options, device: str, tag: str) -> None:
    """Put TAG on DEVICE (an id, or a name that only one device has)."""
    options.open().embedded().tag_by_hand(device, tag, now=options.clock().effective())


@command.command("untag")
@click.argument("device")
@click.argument("tag")
@pass_options
def untag_command(options: Options, device: str, tag: str) -> None:
    """Take TAG off DEVICE (an id, or a name that only one device has)."""
    options.open().embedded().untag_by_hand(device, tag, now=options.clock().effective())
