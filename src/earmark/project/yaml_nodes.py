"""YAML text in, a tree of nodes with their offsets out, and every finding on the way.

The tree is built from the parser's events, not by its constructors: so each key and value keeps where it begins and
ends, nothing is resolved by YAML 1.1's surprises (`on`, `no`, `06:00` stay text), and what a project file has no use
for (anchors, merge keys, tags, several documents) is refused by name instead of quietly doing something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from earmark.model.finding import Finding
from earmark.project.codes import Code
from earmark.project.source import Source, file_finding

MAX_DEPTH = 20
"""Deepest nesting that is read; the deepest that any file needs is five."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A piece of a YAML file; `start` and `end` are offsets in its text."""

    source: Source
    start: int
    end: int

    def finding(self, code: Code, message: str, hint: str = "") -> Finding:
        """A finding about this piece."""
        return self.source.finding(code, self.start, self.end, message, hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarNode(Node):
    """A single value."""

    text: str
    """The value as text."""
    style: str = ""
    """Empty for a plain scalar, else the first character of its notation: one of ' " | >."""
    secret: bool = False
    """Whether the text came from a reference and must not be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceNode(Node):
    """A list of values."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNode(Node):
    """Keys with their values, in the file's order; no key stands twice."""

    entries: tuple[tuple[ScalarNode, Node], ...]

    def key(self, name: str) -> ScalarNode | None:
        """The key itself, for its place."""
        return next((key for key, _ in self.entries if key.text == name), None)

    def get(self, name: str) -> Node | None:
        """The value under a key."""
        return next((value for key, value in self.entries if key.text == name), None)


def find(node: Node | None, *path: str | int) -> Node | None:
    """The node at a path of keys and indexes; None where there is none."""
    for step in path:
        if isinstance(node, MappingNode) and isinstance(step, str):
            node = node.get(step)
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def find_text(node: Node | None, *path: str | int) -> ScalarNode | None:
    """The scalar with text at a path; None where there is none, or a number, a boolean or null."""
    found = find(node, *path)
    return found if isinstance(found, ScalarNode) and isinstance(plain(found), str) else None


_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def plain(node: Node) -> Any:
    """The plain Python value of a node, by YAML 1.2's core schema (dates stay text)."""
    if isinstance(node, MappingNode):
        return {key.text: plain(value) for key, value in node.entries}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    assert isinstance(node, ScalarNode)
    if node.style or node.secret:
        return node.text
    if node.text in _WORDS:
        return _WORDS[node.text]
    if len(node.text) <= 40:  # longer digits are text: turning them into numbers takes quadratic time
        if _INTEGER.fullmatch(node.text):
            return int(node.text)
        if _FLOAT.fullmatch(node.text):
            return float(node.text)
    return node.text


def parse_yaml(source: Source) -> tuple[Node | None, list[Finding]]:
    """The root of a file's only document; None when there is none or the text is not YAML."""
    if not source.text.strip():
        return None, [file_finding(source.file, Code.FILE_EMPTY, f"`{source.file}` is empty.")]
    builder = _Builder(source=source)
    try:
        builder.read(YAML(typ="safe", pure=True).parse(source.text))
    except (YAMLError, ValueError) as error:
        return None, [*builder.findings, _syntax_finding(source, error)]
    if builder.too_deep:
        return None, builder.findings
    if builder.root is None and not builder.findings:
        return None, [file_finding(source.file, Code.FILE_EMPTY, f"`{source.file}` holds nothing but comments.")]
    return builder.root, builder.findings


def _syntax_finding(source: Source, error: Exception) -> Finding:
    offset, problem = 0, str(error).splitlines()[0]
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        offset = min(mark.index, len(source.text)) if mark is not None else 0
        problem = error.problem or error.context or problem
    elif isinstance(error, ReaderError):
        offset, problem = error.position, f"the character U+{_ordinal(error.character):04X} is not allowed"
    line_start = source.text.rfind("\n", 0, offset) + 1
    if "\t" in source.text[line_start : offset + 1] and not source.text[line_start:offset].strip():
        tab = source.text.index("\t", line_start)
        return source.finding(
            Code.YAML_TAB, tab, tab + 1, "A tab stands where YAML allows only spaces.", "Indent with spaces."
        )
    return source.finding(Code.YAML_SYNTAX, offset, offset, f"Not valid YAML: {problem}.", _syntax_hint(source, offset))


def _ordinal(character: object) -> int:
    return character if isinstance(character, int) else ord(str(character)[0])


def _syntax_hint(source: Source, offset: int) -> str:
    line, _ = source.position(offset)
    if re.search(r":\s+[|>]?[^'\"#\n]*:\s", source.text[source.text.rfind("\n", 0, offset) + 1 :].split("\n", 1)[0]):
        return "A value that holds a colon and a space must be quoted."
    return f"Look at line {line} and the line before it: indentation, quotes and brackets."


@dataclass(kw_only=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    event: Any
    children: list[Node] = field(default_factory=list)


@dataclass(kw_only=True)
class _Builder:
    """Turns events into nodes with a stack of its own, so that no nesting is too deep for Python."""

    source: Source
    findings: list[Finding] = field(default_factory=list)
    root: Node | None = None
    documents: int = 0
    too_deep: bool = False
    stack: list[_Open] = field(default_factory=list)

    def read(self, events: Iterable[Any]) -> None:
        """Read every event of the file, or up to the first that cannot be taken."""
        for event in self._known(events):
            if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
                self.stack.append(_Open(event=event))
                if len(self.stack) > MAX_DEPTH:
                    self._report(Code.YAML_DEPTH, event, f"Nested more than {MAX_DEPTH} levels deep.")
                    self.too_deep = True
                    return
            elif isinstance(event, ScalarEvent):
                self._add(self._scalar(event))
            elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
                self._close(event)

    def _known(self, events: Iterable[Any]) -> Iterator[Any]:
        for event in events:
            if isinstance(event, DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    self._report(Code.YAML_DOCUMENTS, event, "A second YAML document begins here; a file holds one.")
                    return
                if event.version or event.tags:
                    self._report(
                        Code.YAML_TAG, event, "YAML directives (`%YAML`, `%TAG`) are not read.", "Remove the line."
                    )
            elif isinstance(event, AliasEvent):
                self._report(
                    Code.YAML_ANCHOR,
                    event,
                    "An alias (`*name`) stands here; aliases are not read.",
                    "Write the value out.",
                )
                self._add(
                    ScalarNode(source=self.source, start=event.start_mark.index, end=event.end_mark.index, text="*")
                )
            elif isinstance(event, (ScalarEvent, MappingStartEvent, SequenceStartEvent)):
                self._look_at(event)
            yield event

    def _look_at(self, event: Any) -> None:
        if getattr(event, "anchor", None):
            self._report(
                Code.YAML_ANCHOR,
                event,
                f"An anchor (`&{event.anchor}`) stands here; anchors are not read.",
                "Remove it.",
            )
        if event.tag:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            message = f"A YAML tag (`{tag}`) stands here; tags are not read."
            self._report(Code.YAML_TAG, event, message, "Remove it; quote what must be text.")

    def _report(self, code: Code, event: Any, message: str, hint: str = "") -> None:
        self.findings.append(self.source.finding(code, event.start_mark.index, event.end_mark.index, message, hint))

    def _scalar(self, event: Any) -> ScalarNode:
        start, end = event.start_mark.index, event.end_mark.index
        return ScalarNode(source=self.source, start=start, end=end, text=event.value, style=event.style or "")

    def _add(self, node: Node) -> None:
        if self.stack:
            self.stack[-1].children.append(node)
        elif self.root is None:
            self.root = node

    def _close(self, event: Any) -> None:
        opened = self.stack.pop()
        start, end = opened.event.start_mark.index, event.end_mark.index
        if opened.children and not opened.event.flow_style:
            end = max(opened.children[-1].end, start)  # a block ends with its last value, not at the next key
        if isinstance(event, SequenceEndEvent):
            self._add(SequenceNode(source=self.source, start=start, end=end, items=tuple(opened.children)))
        else:
            self._add(MappingNode(source=self.source, start=start, end=end, entries=self._entries(opened.children)))

    def _entries(self, children: list[Node]) -> tuple[tuple[ScalarNode, Node], ...]:
        entries: dict[str, tuple[ScalarNode, Node]] = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            if not isinstance(key, ScalarNode):
                self.findings.append(key.finding(Code.YAML_KEY, "A key must be plain text, not a list or a mapping."))
            elif key.text == "<<" and not key.style:
                message = "A merge key (`<<`) stands here; merge keys are not read."
                self.findings.append(key.finding(Code.YAML_ANCHOR, message, "Write the keys out."))
            elif key.text in entries:
                line, _ = self.source.position(entries[key.text][0].start)
                message = f"`{key.text}` is given twice; the first stands in line {line}."
                self.findings.append(key.finding(Code.YAML_DUPLICATE_KEY, message, "Keep one of them."))
            else:
                entries[key.text] = (key, value)
        return tuple(entries.values())
