"""The why of a device's tags, as people read it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import rich_click as click

from earmark.cli.options import Format
from earmark.cli.render.output import emit
from earmark.cli.render.text import cell, moment, printable
from earmark.model.evidence import shown_evidence
from earmark.services.explain import Explained, ExplainedTag, explain_document


def print_explained(
    format_: Format, explained: Sequence[Explained], *, redact: Collection[str], tag: str | None
) -> None:
    """One document for one device, a list where a name fits several."""
    documents = [explain_document(e, redact=redact) for e in explained]
    columns = ("device", "name", "tag", "origin", "owned", "flow", "query_digest", "first match", "last match", "until")
    rows = [
        [
            e.device,
            e.name,
            t.tag,
            t.origin.value if t.origin else "",
            t.owned,
            t.flow or "",
            t.query_digest or "",
            t.first_match_at,
            t.last_match_at,
            t.until,
        ]
        for e in explained
        for t in e.tags
    ]
    document = documents[0] if len(documents) == 1 else documents
    emit(format_, document, columns, rows, table=lambda: _print_text(explained, redact, tag))


def _print_text(explained: Sequence[Explained], redact: Collection[str], asked: str | None) -> None:
    for device in explained:
        click.secho(f"{printable(device.name)}  {printable(device.device)}", bold=True)
        if not device.tags:
            which = "no tag" if asked is None else f"no tag {printable(asked)}"
            click.echo(f"  carries {which}, and Earmark never gave it one")
        for tag in device.tags:
            _print_tag(tag, redact)


def _print_tag(tag: ExplainedTag, redact: Collection[str]) -> None:
    click.secho(f"  {printable(tag.tag)}", fg="cyan", nl=False)
    click.echo(f"  {_standing(tag)}")
    if tag.evidence is not None:
        shown = shown_evidence(tag.evidence, redact)
        hidden = ", ".join(sorted(printable(name) for name in tag.evidence.keys() - shown.keys()))
        because = ", ".join(f"{printable(name)} {cell(value)}" for name, value in shown.items())
        click.echo(f"    because  {because}" + (f" (redacted: {hidden}; --evidence shows it)" if hidden else ""))
    if tag.first_match_at:
        between = f"{moment(tag.first_match_at)} to {moment(tag.last_match_at)}"
        click.echo(f"    matched  {between}, query {printable((tag.query_digest or '')[:12])}")
    if tag.until:
        click.echo(f"    until    {moment(tag.until)}")
    for event in tag.history:
        reason = f" ({event.reason})" if event.reason else ""
        said = printable(f"{event.what}{reason}, run {event.run}, {event.who}")
        click.secho(f"    {moment(event.at)}  {said}", dim=True)


def _standing(tag: ExplainedTag) -> str:
    if tag.origin is None:
        return f"not on the device{f'; flow {printable(tag.flow)}' if tag.flow else ''}"
    if tag.owned:
        return f"{tag.origin.value}, owned by flow {printable(tag.flow or '')}"
    return f"{tag.origin.value}, not Earmark's: somebody else put it there"
