"""What a mapping of a KQL function gets to work with, and the two ways to write one: a template, or a few lines of
Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earmark.kql.compiler import conversions
from earmark.kql.compiler.scalar import Scalar

if TYPE_CHECKING:
    from earmark.kql.compiler.scope import Refused, Scope
    from earmark.kql.compiler.tree import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a built-in function."""

    name: str
    arguments: tuple[Scalar, ...]
    """The arguments, compiled; a `typeof(…)` is a string constant naming the type."""
    type: str
    """The type the language service gives the call."""
    node: Node
    scope: Scope

    def __len__(self) -> int:
        return len(self.arguments)

    def __getitem__(self, position: int) -> Scalar:
        return self.arguments[position]

    def refuse(self, message: str, position: int | None = None) -> Refused:
        """The exception to raise; points at an argument or at the whole call."""
        place = self.node if position is None else self.node.arguments[position]
        return self.scope.refuse(place, f"{self.name}: {message}")

    def as_type(self, position: int, kql_type: str) -> Scalar:
        """An argument in the type that the function wants."""
        return conversions.convert(self.arguments[position], kql_type, self.scope, self.node.arguments[position])

    def text(self, position: int) -> Scalar:
        """An argument as a string."""
        return conversions.to_text(self.arguments[position], self.scope)

    def constant(self, position: int, default: Any = None) -> Any:
        """The value of an argument that must be a constant."""
        if position >= len(self.arguments):
            return default
        if not self.arguments[position].is_const:
            raise self.refuse("this argument must be a constant here", position)
        return self.arguments[position].const

    def macro(self, name: str, *arguments: Scalar | str) -> str:
        """SQL of a macro's call."""
        return conversions.call_macro(self.scope, name, *arguments)

    def give(self, sql: str, kql_type: str | None = None, *, nullable: bool = True) -> Scalar:
        """The result."""
        return Scalar(sql=sql, type=kql_type or self.type, nullable=nullable and (kql_type or self.type) != "string")


Builder = Callable[[Call], Scalar]


def template(
    text: str, takes: Sequence[str] = (), gives: str | None = None, *, nullable: bool | None = None
) -> Builder:
    """A function that is one SQL expression: `{0}` stands for the first argument, in parentheses where needed.

    `takes` names the types of the arguments; an argument named twice in the text is hoisted; the result may be null
    when an argument may, unless `nullable` says otherwise. Macros named in the text are required.
    """
    named = re.findall(r"\{(\d)\}", text)
    used = tuple(dict.fromkeys(re.findall(r"\bk_\w+", text)))

    def build(call: Call) -> Scalar:
        if len(call) != len(takes):
            raise call.refuse(
                f"is known here with {len(takes)} argument{'' if len(takes) == 1 else 's'}, not with {len(call)}"
            )
        arguments = [call.as_type(position, kql_type) for position, kql_type in enumerate(takes)]
        for position, argument in enumerate(arguments):
            if named.count(str(position)) > 1 or (used and not argument.atomic):
                arguments[position] = call.scope.hoist(argument)
        for name in used:
            call.scope.require_macro(name)
        sql = text.format(*(argument.inner for argument in arguments))
        null = any(argument.nullable for argument in arguments) if nullable is None else nullable
        return call.give(sql, gives, nullable=null)

    return build


def converting(kql_type: str) -> Builder:
    """A function that converts its argument."""

    def build(call: Call) -> Scalar:
        if len(call) != 1:
            raise call.refuse("is known here with one argument")
        return call.as_type(0, kql_type)

    return build
