"""`earmark estate`: change the embedded estate behind Earmark's back, as a person does in the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from earmark.cli.options import Options, pass_options

if TYPE_CHECKING:
    from earmark.estates.embedded.estate import EmbeddedEstate


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
    _writable(options).tag_by_hand(device, tag, now=options.clock().effective())


@command.command("untag")
@click.argument("device")
@click.argument("tag")
@pass_options
def untag_command(options: Options, device: str, tag: str) -> None:
    """Take TAG off DEVICE (an id, or a name that only one device has)."""
    _writable(options).untag_by_hand(device, tag, now=options.clock().effective())


def _writable(options: Options) -> EmbeddedEstate:
    from earmark.services.workspace import require_apply

    opened = options.open()
    require_apply(opened.project.settings)
    return opened.embedded()
