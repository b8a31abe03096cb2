"""A query while it is being repaired: the text as written, the repairs so far, and the way back from the one to the
other.

Faults hide each other, so repairs go in rounds: each round's text is bound again, and what is then found must be told
at its place in the text that the user wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from earmark.kql.base import Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A stretch of the draft's text and the stretch of the original that it stands for."""

    start: int
    end: int
    from_start: int
    from_end: int
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The original and the edits made to it."""

    original: str
    edits: tuple[Edit, ...] = ()
    """Offsets of the original; sorted, none touches another."""

    @property
    def text(self) -> str:
        """The text with every edit made."""
        return apply_edits(self.original, self.edits)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where in the original a stretch of the draft's text comes from."""
        pieces = tuple(self._pieces())
        first = next((p for p in pieces if p.start <= start < p.end), None)
        last = next((p for p in pieces if p.start < end <= p.end), None) if end > start else first
        from_start = len(self.original) if first is None else _within(first, start, at_end=False)
        from_end = from_start if end <= start or last is None else _within(last, end, at_end=True)
        return from_start, max(from_start, from_end)

    def back(self, edit: Edit) -> Edit | None:
        """An edit of the draft's text as one of the original; None when it touches what was already edited."""
        pieces = tuple(self._pieces())
        for piece in pieces:
            if piece.kept and piece.start <= edit.start and edit.end <= piece.end:
                shift = piece.from_start - piece.start
                moved = Edit(start=edit.start + shift, end=edit.end + shift, text=edit.text)
                return None if any(touch(moved, other) for other in self.edits) else moved
        return None

    def with_edits(self, edits: Sequence[Edit]) -> Draft:
        """The draft with more edits, given as edits of the original."""
        return Draft(original=self.original, edits=tuple(sorted((*self.edits, *edits), key=lambda e: (e.start, e.end))))

    def _pieces(self) -> Iterator[_Piece]:
        at = from_at = 0
        for edit in self.edits:
            kept = edit.start - from_at
            yield _Piece(start=at, end=at + kept, from_start=from_at, from_end=edit.start, kept=True)
            at += kept
            yield _Piece(start=at, end=at + len(edit.text), from_start=edit.start, from_end=edit.end, kept=False)
            at += len(edit.text)
            from_at = edit.end
        rest = len(self.original) - from_at
        yield _Piece(start=at, end=at + rest, from_start=from_at, from_end=len(self.original), kept=True)


def _within(piece: _Piece, at: int, *, at_end: bool) -> int:
    if piece.kept:
        return piece.from_start + at - piece.start
    return piece.from_end if at_end else piece.from_start


def touch(one: Edit, other: Edit) -> bool:
    """Whether two edits of one text share a character or a place."""
    return one.start <= other.end and other.start <= one.end


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """A text with edits made that do not touch each other."""
    for edit in sorted(edits, key=lambda e: e.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text
