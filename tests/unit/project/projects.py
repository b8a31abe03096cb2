"""Projects for tests: a good one, and changes to it."""

from __future__ import annotations

from pathlib import Path

SETTINGS = "estate: {kind: embedded}\n"
TAGS = "tags:\n  Executive: {}\n"
LIST = "AccountName,Name\nceo,Chief\ncfo,Money\n"
QUERY = "DeviceLogonEvents | where Timestamp > ago(7d) | project DeviceId, AccountName"
FLOW = f"""flow: executive
trigger: {{on_demand: true}}
hunt:
  query: {QUERY}
tag:
  value: Executive
"""


def make_project(folder: Path, files: dict[str, str | bytes] | None = None) -> Path:
    """The good project with some files replaced or added."""
    texts: dict[str, str | bytes] = {
        "earmark.yaml": SETTINGS,
        "tags.yaml": TAGS,
        "lists/Executives.csv": LIST,
        "flows/executive.yaml": FLOW,
        **(files or {}),
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder
