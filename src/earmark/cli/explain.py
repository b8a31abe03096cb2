"""`earmark explain`: why a tag is, or is not, on a device."""

from __future__ import annotations

import rich_click as click

from earmark.cli.options import Options, pass_options


@click.command("explain")
@click.argument("device")
@click.argument("tag", required=False)
@click.option("--evidence", is_flag=True, help="Show evidence that the project's settings redact.")
@pass_options
def command(options: Options, device: str, tag: str | None, evidence: bool) -> None:
    """Say why a device carries a tag.

    For every tag on DEVICE (an id or a name): which flow put it there, on which evidence, since when and until when.
    """
    from earmark.cli.render.explained import print_explained
    from earmark.services.explain import explain

    opened = options.open()
    found = explain(opened.workspace(), device=device, tag=tag)
    print_explained(options.format, found, redact=() if evidence else opened.project.settings.evidence.redact, tag=tag)
