"""Names that sensors and files bring in reach the terminal as text, whatever characters are in them."""

from __future__ import annotations

import json
import unicodedata

from tests.e2e.earmark import Earmark
from tests.e2e.logons import device_id, write_logons

NOW = "2026-03-01T06:00:00Z"
ACTS = "\x1b[31m\x07\x9b2J\u202e\nerror: forged\r"
"""Colours, rings, clears, turns round, begins a line and goes back to its start."""


def test_nothing_in_a_name_acts_on_the_terminal(earmark: Earmark) -> None:
    name, tag = f"pc{ACTS}-1", f"VIP{ACTS}"
    write_logons(earmark.project / "events.json", [(name, "ceo", "2026-03-01T05:00:00Z")])
    listed = {"DeviceId": device_id(name), "DeviceName": name, "LastSeen": "2026-03-01T05:00:00Z", "ManualTags": [tag]}
    (earmark.project / f"inventory{ACTS.replace('/', '')}.jsonl").write_text(json.dumps(listed), encoding="utf-8")
    earmark.write("lists/Executives.csv", "AccountName\nceo\n")
    said = [earmark.run("import", str(earmark.project), now=NOW)]
    assert {d["name"] for d in earmark.read("devices", now=NOW)} == {name}
    commands = (
        ("devices",),
        ("tags",),
        ("plan", "--all", "--evidence", "--out", str(earmark.project / f"plan{ACTS}.json")),
        ("run", "executive"),
        ("explain", name, "--evidence"),
        ("explain", device_id(name), tag),
        ("hunt", "DeviceLogonEvents | project DeviceName"),
        ("runs",),
        ("estate", "untag", name, tag + "?"),
        ("devices", name + "?"),
        ("run", name),
        ("hunt", f"Device{ACTS}Info"),
        (name,),
        ("apply", f"no{ACTS}file"),
    )
    said += [earmark.run(*command, now=NOW, code=None) for command in commands]
    for done in said:
        text = done.out + done.err
        acting = {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}
        assert not acting, text
        assert not any(line.startswith("error: forged") for line in text.splitlines()), text
