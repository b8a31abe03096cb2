"""Where each character of a scalar stands in its file.

A scalar's value is not its notation: block scalars lose their indentation, folded and quoted ones their line breaks and
escapes. Each notation is decoded here a second time with the offset of every character kept, and the result is used
only if it equals the value that the parser gave: an offset is exact, or there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from earmark.project.yaml_nodes import ScalarNode

Placed = list[tuple[str, int]]
"""Characters of the value, each with its offset in the file."""

_BREAK = re.compile(r"\r\n|\n|\r")
_SIMPLE_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}


def scalar_offsets(node: ScalarNode) -> tuple[int, ...] | None:
    """The offset of every character of the value, and that of its end; None when they cannot be known exactly."""
    if node.secret:
        return None
    for placed, end in _decodings(node):
        if "".join(character for character, _ in placed) == node.text:
            return (*(offset for _, offset in placed), end)
    return None


def block_indent(node: ScalarNode) -> int | None:
    """How many spaces stand before each line of a literal block scalar; None for others and where it is not known."""
    if node.style != "|":
        return None
    for (line, offset), value in zip(_block_lines(node), node.text.split("\n"), strict=False):
        if value.strip():
            indent = len(line) - len(value)
            return indent if indent >= 0 and node.source.text[offset : offset + indent].isspace() else None
    return None


def _decodings(node: ScalarNode) -> Iterator[tuple[Placed, int]]:
    if node.style == "|":
        yield _literal(node)
    elif node.style == ">":
        first = next((line for line, _ in _block_lines(node) if line.strip()), "")
        for indent in range(len(first) - len(first.lstrip(" ")), 0, -1):
            placed = _folded(node, indent)
            yield placed, placed[-1][1] if placed else node.start
    elif node.style == "'" or node.style == '"':
        yield _flow(node, node.start + 1, node.end - 1), node.end - 1
    else:
        yield _flow(node, node.start, node.end), node.end


def _block_lines(node: ScalarNode) -> list[tuple[str, int]]:
    """The lines under a block scalar's header, each with its offset."""
    text = node.source.text
    header = _BREAK.search(text, node.start, node.end)
    if header is None:
        return []
    lines, start = [], header.end()
    for match in _BREAK.finditer(text, start, node.end):
        lines.append((text[start : match.start()], start))
        start = match.end()
    return [*lines, (text[start : node.end], start)]


def _literal(node: ScalarNode) -> tuple[Placed, int]:
    placed: Placed = []
    end = node.start
    values = node.text.split("\n")
    for number, (value, (line, start)) in enumerate(zip(values, _block_lines(node), strict=False)):
        indent = len(line) - len(value)
        if indent < 0 or line[:indent].strip(" ") or line[indent:] != value:
            if number + 1 == len(values) and not value:
                break  # the last line break of the value: what follows is no longer the scalar
            return [], node.start
        placed += [(character, start + indent + column) for column, character in enumerate(value)]
        end = start + len(line)
        if number + 1 < len(values):
            placed.append(("\n", end))
    return placed, end


def _folded(node: ScalarNode, indent: int) -> Placed:
    """Folding as in https://yaml.org/spec/1.2.2/#813-folded-style, for one width of the indentation."""
    placed: Placed = []
    breaks: Placed = []
    previous: tuple[bool, int] | None = None  # whether the last line with text may fold, and the offset of its break
    for line, start in _block_lines(node):
        if not line[indent:] and not line.strip(" "):
            breaks.append(("\n", start + len(line)))
            continue
        if line[:indent].strip(" "):
            break
        body = line[indent:]
        folds = body[0] not in " \t"
        if previous is not None:
            if not (previous[0] and folds):
                placed.append(("\n", previous[1]))
            elif not breaks:
                placed.append((" ", previous[1]))
        placed += breaks
        placed += [(character, start + indent + column) for column, character in enumerate(body)]
        breaks, previous = [], (folds, start + len(line))
    if previous is not None:
        placed.append(("\n", previous[1]))
    placed += breaks
    return placed[: len(node.text)]  # chomping takes from the end alone; the caller compares


def _flow(node: ScalarNode, start: int, end: int) -> Placed:
    """Plain and quoted scalars: escapes, and line breaks that fold."""
    text = node.source.text
    placed: Placed = []
    at = start
    while at < end:
        if text[at] in "\r\n":
            at = _fold(text, at, end, placed)
        elif node.style == "'" and text.startswith("''", at):
            placed.append(("'", at))
            at += 2
        elif node.style == '"' and text[at] == "\\":
            at = _escape(text, at, end, placed)
        else:
            placed.append((text[at], at))
            at += 1
    return placed


def _fold(text: str, at: int, end: int, placed: Placed) -> int:
    """One break becomes a space, n + 1 become n; white space on both sides goes."""
    while placed and placed[-1][0] in " \t":
        placed.pop()
    breaks: list[int] = []
    while at < end and text[at] in " \t\r\n":
        match = _BREAK.match(text, at)
        if match:
            breaks.append(at)
        at = match.end() if match else at + 1
    placed += [("\n", offset) for offset in breaks[1:]] if len(breaks) > 1 else [(" ", breaks[0])]
    return min(at, end)


def _escape(text: str, at: int, end: int, placed: Placed) -> int:
    letter = text[at + 1]
    width = _HEX_ESCAPES.get(letter)
    if width is not None:
        placed.append((chr(int(text[at + 2 : at + 2 + width], 16)), at))
        return at + 2 + width
    if letter in "\r\n":  # an escaped break joins the lines
        at = at + 3 if text.startswith("\r\n", at + 1) else at + 2
        while at < end and text[at] in " \t":
            at += 1
        return at
    placed.append((_SIMPLE_ESCAPES[letter], at))
    return at + 2
