"""Tells formats apart by their content: the first bytes of a file, whatever its name."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from earmark.estates.embedded.readers.base import Format
from earmark.estates.embedded.readers.inventory import known_headers
from earmark.estates.embedded.readers.text import Damaged, decoded, read_bytes

_HEAD = 256 * 1024


class NotRecognised(Exception):
    """No format fits; says why."""


def read_head(path: Path) -> bytes:
    """The beginning of a file's content, decompressed, in UTF-8."""
    head = b""
    try:
        for block in decoded(read_bytes(path, lambda _: None)):
            head += block
            if len(head) >= _HEAD:
                break
    except Damaged:
        pass  # whatever came before tells the format; reading the file says the rest
    return head


def recognise(path: Path) -> tuple[Format, bool]:
    """The format, and whether the file is one JSON document instead of lines; raises `NotRecognised`."""
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PAR1"):
        return Format.PARQUET, False
    if start.startswith(b"ElfFile\0"):
        raise NotRecognised(
            "Windows event log files (.evtx) are not supported; "
            "export the events as JSON lines with Winlogbeat or NXLog."
        )
    head = read_head(path)
    if not head.strip():
        raise NotRecognised(
            "The file is empty." if not start else "The file holds nothing but blanks, or not enough of it can be read."
        )
    if b"\0" in head:
        raise NotRecognised("The file is binary and of no known format; expected are text, gz of text, or Parquet.")
    for line in islice((line for line in head.split(b"\n") if line.strip()), 50):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and (found := _of_record(value)):
            return found, False
        if isinstance(value, list) and value and isinstance(value[0], dict) and (found := _of_record(value[0])):
            return found, True
    if head.lstrip()[:1] in (b"{", b"["):
        return _of_document(head), True
    header = next(csv.reader([head.split(b"\n", 1)[0].decode(errors="replace").strip()]), [])
    if known_headers(header):
        return Format.INVENTORY_CSV, False
    raise NotRecognised(
        "No known format: expected are Windows Security events or Defender's streaming export as JSON lines, "
        "an inventory as CSV (with a column device or name) or JSON lines, or Parquet in Defender's columns."
    )


def _of_record(record: Mapping[str, Any]) -> Format | None:
    if "records" in record or ("category" in record and "properties" in record):
        return Format.STREAMING
    if "EventID" in record or "event_id" in record or isinstance(record.get("winlog"), dict):
        return Format.WINDOWS
    if known_headers(list(record)):
        return Format.INVENTORY_LINES
    return None


def _of_document(head: bytes) -> Format:
    """The format of a JSON document that spans lines, or of lines that are all damaged."""
    for mark, found in (
        (b'"AdvancedHunting-', Format.STREAMING),
        (b'"winlog"', Format.WINDOWS),
        (b'"event_id"', Format.WINDOWS),
        (b'"EventID"', Format.WINDOWS),
        (b'"last_seen"', Format.INVENTORY_LINES),
    ):
        if mark in head:
            return found
    raise NotRecognised("The file begins like JSON, but holds no record of a known format.")
