"""OData `$filter` → a predicate over rows.

In come the text of a filter and the properties that may be filtered on; out comes a function of a row (a JSON object as
the API answers it). Whatever is wrong with a filter is an `ODataFault`, a sentence that ends as a 400. Chains of `and`
and `or` cost no depth; brackets, `not` and functions inside each other are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from earmark.model.nearest import did_you_mean
from earmark.sandbox.odata_tokens import Kind, ODataFault, Token, instant_key, number_of, tokens_of

DEEPEST = 50
"""Brackets, `not` and functions inside each other."""
Row = Mapping[str, Any]
Predicate = Callable[[Row], bool]
_Read = Callable[[Row, Any], Any]
"""From a row, and the item that an `any` looks at, to a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A property that may be filtered on."""

    kind: Kind
    choices: tuple[str, ...] = ()
    """Every value of a choice."""
    fields: Mapping[str, Property] = field(default_factory=dict)
    """The properties of the objects of a list."""


Properties = Mapping[str, Property]
"""By name; `relatedUser/userName` names a property of a property."""


@dataclass(frozen=True, slots=True)
class _Operand:
    """A part of a filter that has a value."""

    kind: Kind
    read: _Read
    choices: tuple[str, ...] = ()
    literal: Any = None
    """Of a literal: its value before it meets what it is compared with."""
    is_literal: bool = False
    fields: Properties = field(default_factory=dict)


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {"eq": eq, "ne": ne, "gt": gt, "ge": ge, "lt": lt, "le": le}
_TEXT_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_TEXT_CHANGES: Mapping[str, Callable[[str], str]] = {"tolower": str.lower, "toupper": str.upper, "trim": str.strip}
_TEXTUAL = (Kind.TEXT, Kind.GUID, Kind.CHOICE)
_ORDERED = (Kind.TEXT, Kind.NUMBER, Kind.LOOSE_NUMBER, Kind.INSTANT)


def compile_filter(text: str, properties: Properties) -> Predicate:
    """The predicate of a filter; raises `ODataFault`."""
    read = _Parser(text, properties).parse()
    return lambda row: bool(read(row, None))


class _Parser:
    """Recursive descent over the tokens of one filter: or, and, comparison, not and value, from loose to tight."""

    def __init__(self, text: str, properties: Properties) -> None:
        if not text.strip():
            raise ODataFault("The filter is empty; write one like $filter=healthStatus eq 'Active'.")
        self._tokens = tokens_of(text)
        self._at = 0
        self._depth = 0
        self._names = {name.lower(): name for name in properties}
        self._properties = properties
        self._variable: tuple[str, _Operand] | None = None

    def parse(self) -> _Read:
        whole = self._condition(self._either())
        if self._next.kind != "end":
            raise self._unexpected("'and', 'or' or the end")
        return whole

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, text: str) -> bool:
        """Whether the next token is this name or this mark; if so, it is taken."""
        if self._next.kind in ("name", "punctuation") and self._next.text == text:
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise self._unexpected(f"'{text}'")

    def _unexpected(self, expected: str) -> ODataFault:
        found = f"'{self._next.text}'" if self._next.text else "the end of the filter"
        return ODataFault(f"Syntax error: {found} at position {self._next.at} in the filter; expected {expected}.")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ODataFault(f"The filter is nested more than {DEEPEST} levels deep.")

    def _condition(self, operand: _Operand) -> _Read:
        if operand.kind is not Kind.BOOLEAN:
            raise ODataFault(f"The filter needs a condition, and a {operand.kind} alone is none; compare it with 'eq'.")
        return operand.read

    def _either(self) -> _Operand:
        return self._chain("or", self._both, any)

    def _both(self) -> _Operand:
        return self._chain("and", self._comparison, all)

    def _chain(self, word: str, part: Callable[[], _Operand], combine: Callable[[Any], bool]) -> _Operand:
        first = part()
        if not (self._next.kind == "name" and self._next.text == word):
            return first
        reads = [self._condition(first)]
        while self._takes(word):
            reads.append(self._condition(part()))
        return _Operand(Kind.BOOLEAN, lambda row, item: combine(read(row, item) for read in reads))

    def _comparison(self) -> _Operand:
        left = self._value()
        if self._next.kind != "name":
            return left
        if self._takes("in"):
            return self._within(left)
        if self._next.text in _COMPARISONS:
            word = self._take().text
            return _compared(word, left, self._value())
        return left

    def _within(self, left: _Operand) -> _Operand:
        self._expect("(")
        found = []
        while True:
            if self._next.kind != "literal":
                raise self._unexpected("a value")
            found.append(_unified(left, _literal(self._take())))
            if not self._takes(","):
                break
        self._expect(")")
        read, right = found[0][0].read, frozenset(other.read({}, None) for _, other in found)
        return _Operand(Kind.BOOLEAN, lambda row, item: read(row, item) in right)

    def _value(self) -> _Operand:
        token = self._next
        if token.kind == "literal":
            return _literal(self._take())
        if self._takes("("):
            self._deeper()
            inner = self._either()
            self._expect(")")
            self._depth -= 1
            return inner
        if token.kind != "name":
            raise self._unexpected("a property, a value or '('")
        if token.text == "not":
            self._take()
            self._deeper()
            read = self._condition(self._value())
            self._depth -= 1
            return _Operand(Kind.BOOLEAN, lambda row, item: not read(row, item))
        following = self._tokens[self._at + 1]
        if following.text == "(" and following.kind == "punctuation":
            return self._function()
        return self._path()

    def _function(self) -> _Operand:
        name = self._take()
        if name.text not in _TEXT_TESTS and name.text not in _TEXT_CHANGES:
            known = (*_TEXT_TESTS, *_TEXT_CHANGES)
            raise ODataFault(
                f"The filter uses the function '{name.text}', which is not known here.{did_you_mean(name.text, known)}"
            )
        self._expect("(")
        self._deeper()
        first = self._either()
        second = None
        if name.text in _TEXT_TESTS:
            self._expect(",")
            second = self._either()
        self._expect(")")
        self._depth -= 1
        if second is None:
            return _changed(name.text, first)
        return _tested(name.text, first, second)

    def _path(self) -> _Operand:
        first = self._take()
        parts = [first.text]
        while self._takes("/"):
            if self._next.kind != "name":
                raise self._unexpected("a property")
            part = self._take().text
            if part in ("any", "all") and self._next.text == "(":
                return self._over(part, self._property(parts, first.at))
            parts.append(part)
        return self._property(parts, first.at)

    def _property(self, parts: list[str], at: int) -> _Operand:
        if self._variable is not None and parts[0] == self._variable[0]:
            return _item_operand(self._variable[1], parts[1:], at)
        asked = "/".join(parts)
        name = self._names.get(asked.lower())
        if name is None:
            near = did_you_mean(asked, tuple(self._properties))
            raise ODataFault(f"The property '{asked}' at position {at} cannot be filtered on.{near}")
        return _property_operand(self._properties[name], _reader(name.split("/")))

    def _over(self, word: str, whole: _Operand) -> _Operand:
        if whole.kind not in (Kind.TEXTS, Kind.OBJECTS):
            raise ODataFault(f"'{word}' looks into a list, and this property is a {whole.kind}.")
        if self._variable is not None:
            raise ODataFault("'any' and 'all' cannot stand inside each other here.")
        self._expect("(")
        read = whole.read
        if word == "any" and self._takes(")"):
            return _Operand(Kind.BOOLEAN, lambda row, item: bool(read(row, item)))
        if self._next.kind != "name":
            raise self._unexpected("a name for the items, as in any(x: x eq 'a')")
        variable = self._take().text
        self._expect(":")
        self._variable = (variable, whole)
        self._deeper()
        inner = self._condition(self._either())
        self._depth -= 1
        self._variable = None
        self._expect(")")
        over = any if word == "any" else all
        return _Operand(Kind.BOOLEAN, lambda row, item: over(inner(row, one) for one in read(row, item) or ()))


def _literal(token: Token) -> _Operand:
    assert token.of is not None
    value = token.value
    return _Operand(token.of, lambda row, item: value, literal=value, is_literal=True)


def _reader(path: list[str]) -> _Read:
    if len(path) == 1:
        (name,) = path
        return lambda row, item: row.get(name)

    def read(row: Row, item: Any) -> Any:
        value: Any = row
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    return read


def _property_operand(found: Property, read: _Read) -> _Operand:
    match found.kind:
        case Kind.CHOICE | Kind.GUID:
            return _Operand(found.kind, _through(read, lambda value: str(value).lower()), choices=found.choices)
        case Kind.INSTANT:
            return _Operand(found.kind, _through(read, instant_key))
        case Kind.LOOSE_NUMBER:
            return _Operand(found.kind, _through(read, lambda value: number_of(str(value))))
        case _:
            return _Operand(found.kind, read, fields=found.fields)


def _item_operand(whole: _Operand, path: list[str], at: int) -> _Operand:
    if whole.kind is Kind.TEXTS:
        if path:
            raise ODataFault(f"The items at position {at} are texts and have no property '{'/'.join(path)}'.")
        return _Operand(Kind.TEXT, lambda row, item: item)
    names = {name.lower(): name for name in whole.fields}
    name = names.get("/".join(path).lower())
    if name is None:
        raise ODataFault(f"The property '{'/'.join(path)}' of the items at position {at} cannot be filtered on.")
    inner = _reader(name.split("/"))
    return _property_operand(whole.fields[name], lambda row, item: inner(item, None))


def _through(read: _Read, change: Callable[[Any], Any]) -> _Read:
    def changed(row: Row, item: Any) -> Any:
        value = read(row, item)
        return None if value is None else change(value)

    return changed


def _compared(word: str, left: _Operand, right: _Operand) -> _Operand:
    left, right = _unified(left, right)
    if word not in ("eq", "ne") and left.kind not in (*_ORDERED, Kind.NULL):
        raise ODataFault(f"'{word}' needs values that have an order, and a {left.kind} has none; use 'eq' or 'ne'.")
    compare, first, second = _COMPARISONS[word], left.read, right.read
    if word in ("eq", "ne"):
        return _Operand(Kind.BOOLEAN, lambda row, item: compare(first(row, item), second(row, item)))

    def ordered(row: Row, item: Any) -> bool:
        a, b = first(row, item), second(row, item)
        return a is not None and b is not None and compare(a, b)

    return _Operand(Kind.BOOLEAN, ordered)


def _unified(left: _Operand, right: _Operand) -> tuple[_Operand, _Operand]:
    """Both sides of a comparison, as values of one kind."""
    if Kind.NULL in (left.kind, right.kind):
        return left, right
    if right.is_literal:
        return left, _as(left, right)
    if left.is_literal:
        return _as(right, left), right
    if left.kind is not right.kind:
        raise _mismatch(left.kind, right.kind)
    return left, right


def _as(target: _Operand, literal: _Operand) -> _Operand:
    """A literal as a value of the kind it is compared with."""
    value, kinds = literal.literal, (target.kind, literal.kind)
    match kinds:
        case (Kind.CHOICE, Kind.TEXT):
            if target.choices and value.lower() not in map(str.lower, target.choices):
                raise ODataFault(
                    f"'{value}' is not a value of this property; its values are {', '.join(target.choices)}."
                )
            value = value.lower()
        case (Kind.GUID, Kind.TEXT):
            value = value.lower()
        case (Kind.LOOSE_NUMBER, Kind.TEXT) if value.isascii() and value.isdigit():
            value = number_of(value)
        case (Kind.LOOSE_NUMBER, Kind.NUMBER):
            pass
        case (Kind.INSTANT, Kind.TEXT):
            raise ODataFault(f"A date and time stands without quotes in a filter: {value}, not '{value}'.")
        case _ if target.kind is not literal.kind:
            raise _mismatch(*kinds)
    return _Operand(target.kind, lambda row, item: value, literal=value, is_literal=True)


def _mismatch(left: Kind, right: Kind) -> ODataFault:
    hint = "; text stands in single quotes" if Kind.TEXT in (left, right) else ""
    return ODataFault(f"A {left} cannot be compared with a {right} in a filter{hint}.")


def _tested(name: str, text: _Operand, part: _Operand) -> _Operand:
    read, other = text.read, part.read
    if part.kind is not Kind.TEXT or text.kind not in (*_TEXTUAL, Kind.TEXTS):
        raise ODataFault(f"'{name}' takes a property that is text, and a text: {name}(computerDnsName,'lon').")
    if text.kind is Kind.TEXTS:
        if name != "contains":
            raise ODataFault(f"'{name}' cannot look into a list; use any(x: {name}(x,'…')).")
        return _Operand(Kind.BOOLEAN, lambda row, item: other(row, item) in (read(row, item) or ()))
    test = _TEXT_TESTS[name]
    folds = text.kind is not Kind.TEXT  # such values are read in lower case

    def tested(row: Row, item: Any) -> bool:
        a, b = read(row, item), other(row, item)
        return a is not None and b is not None and test(a, b.lower() if folds else b)

    return _Operand(Kind.BOOLEAN, tested)


def _changed(name: str, text: _Operand) -> _Operand:
    if text.kind not in _TEXTUAL:
        raise ODataFault(f"'{name}' takes text, and this is a {text.kind}.")
    return _Operand(Kind.TEXT, _through(text.read, _TEXT_CHANGES[name]))
