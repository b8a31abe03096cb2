"""What Microsoft's service says of a text, as this room needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from earmark.kql.base import Columns, Diagnostic, Weight
from earmark.kql.compiler.tree import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What Microsoft's service says of a text."""

    diagnostics: tuple[Diagnostic, ...]
    """As the service gives them, in code points."""
    columns: Columns | None
    """The result's columns, if it is a table."""
    tree: Node | None
    """The bound tree; None when the text does not bind or the tree is too big."""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that keep the text from running."""
        return tuple(d for d in self.diagnostics if d.weight is Weight.ERROR)

    @property
    def binds(self) -> bool:
        """Whether the text is known to bind: a reading that was cut off says nothing."""
        return self.tree is not None and not self.errors


Reader = Callable[[str], Reading]
"""Binds a text."""
