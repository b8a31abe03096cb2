"""Functions of arrays and bags."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.conversions import json_element
from earmark.kql.compiler.functions.base import Builder, Call, template
from earmark.kql.compiler.literals import TICKS, constant
from earmark.kql.compiler.scalar import Scalar

_MOST: Final = 1_048_576
"""Elements that range() gives at most."""


def _pack_array(call: Call) -> Scalar:
    if all(argument.is_const and argument.type in ("bool", "int", "long", "string") for argument in call.arguments):
        return constant([argument.const for argument in call.arguments], "dynamic")
    elements = ", ".join(json_element(argument, call.scope) for argument in call.arguments)
    return call.give(f"json_array({elements})::VARCHAR", nullable=False)


def _bag_pack(call: Call) -> Scalar:
    if len(call) % 2:
        raise call.refuse("takes names and values in pairs")
    if len(call) == 2 and not call[0].is_const:
        # One pair cannot name a key twice, so the key may be any value.
        return call.give(
            f"json_object({call.text(0).sql}, {json_element(call[1], call.scope)})::VARCHAR", nullable=False
        )
    if not all(call[position].is_const for position in range(0, len(call), 2)):
        return _bag_of_computed_keys(call)
    names = [call.constant(position) for position in range(0, len(call), 2)]
    if len(set(names)) < len(names) or not all(isinstance(name, str) and name for name in names):
        raise call.refuse("the names must be constant strings, each given once")
    return _bag(call, names, [call[position] for position in range(1, len(call), 2)])


def _bag_of_computed_keys(call: Call) -> Scalar:
    """Which of two members with one key Kusto keeps is not known: such a row stops the hunt."""
    keys = ", ".join(call.text(position).sql for position in range(0, len(call), 2))
    members = ", ".join(json_element(call[position], call.scope) for position in range(1, len(call), 2))
    hoisted = [
        call.scope.hoist(Scalar(sql=f"to_json([{listed}])::VARCHAR", type="dynamic")) for listed in (keys, members)
    ]
    call.scope.require_macro("k_texts")
    return call.give(call.macro("k_bag_of", f"k_texts({hoisted[0].sql})", _elements(call, hoisted[1])), nullable=False)


def _bag(call: Call, names: list[str], values: list[Scalar]) -> Scalar:
    pairs = ", ".join(
        f"{constant(name, 'string').sql}, {json_element(value, call.scope)}"
        for name, value in zip(names, values, strict=True)
    )
    return call.give(f"json_object({pairs})::VARCHAR", nullable=False)


def _pack_all(call: Call) -> Scalar:
    if len(call):
        raise call.refuse("leaving out empty values is not known here", 0)
    if call.scope.row.relation is None:
        raise call.refuse("there is no row to pack")
    return _bag(call, list(call.scope.columns), list(call.scope.columns.values()))


def _bag_pack_columns(call: Call) -> Scalar:
    names = [node.name for node in call.node.arguments]
    if not all(names):
        raise call.refuse("takes columns")
    return _bag(call, names, list(call.arguments))


def _elements(call: Call, array: Scalar) -> str:
    return call.macro("k_items", array)


def _items(call: Call, position: int) -> str:
    if call[position].is_null:
        raise call.refuse("null is no array", position)
    return _elements(call, call.as_type(position, "dynamic"))


def _array_length(call: Call) -> Scalar:
    return call.give(call.macro("k_array_length", call.as_type(0, "dynamic")), "long")


def _array_concat(call: Call) -> Scalar:
    joined = _items(call, 0)
    for position in range(1, len(call)):
        joined = f"list_concat({joined}, {_items(call, position)})"
    return call.give(f"to_json({joined})::VARCHAR")


def _array_slice(call: Call) -> Scalar:
    start, end = call.as_type(1, "long"), call.as_type(2, "long")
    return call.give(call.macro("k_slice", call.as_type(0, "dynamic"), start, end))


def _array_index_of(call: Call) -> Scalar:
    start, length, occurrence = (call.constant(position, default) for position, default in ((2, 0), (3, -1), (4, 1)))
    if not isinstance(occurrence, int) or occurrence < 1 or not isinstance(length, int) or length < -1 or start is None:
        raise call.refuse("the range must be given by constants")
    element = json_element(call[1], call.scope)
    found = call.macro("k_index_of", call.as_type(0, "dynamic"), element, str(start), str(length), str(occurrence))
    return call.give(found, "long")


def _set_has_element(call: Call) -> Scalar:
    return call.give(
        f"coalesce(list_contains({_items(call, 0)}, {json_element(call[1], call.scope)}), FALSE)",
        "bool",
        nullable=False,
    )


def _set_operation(pattern: str) -> Builder:
    """A set made of several arrays, without repetitions."""

    def build(call: Call) -> Scalar:
        made = _items(call, 0)
        for position in range(1, len(call)):
            made = pattern.format(made, _items(call, position))
        return call.give(f"to_json({call.macro('k_sorted_set', made)})::VARCHAR")

    return build


def _strcat_array(call: Call) -> Scalar:
    return call.give(call.macro("k_strcat_array", call.as_type(0, "dynamic"), call.text(1)), "string")


def _zip(call: Call) -> Scalar:
    rows = ", ".join(f"z[{position}]" for position in range(1, len(call) + 1))
    listed = ", ".join(_items(call, position) for position in range(len(call)))
    return call.give(f"to_json(list_transform(list_zip({listed}), lambda z: [{rows}]))::VARCHAR")


def _range(call: Call) -> Scalar:
    """Whole numbers, moments or spans of time; at most 1,048,576 of them."""
    kind = "long" if call[0].type == "int" else call[0].type
    if kind not in ("long", "datetime", "timespan") or call[1].type not in (kind, "int"):
        raise call.refuse(f"from {call[0].type} to {call[1].type} is not known here")
    start, end = call.as_type(0, kind), call.as_type(1, kind)
    default = {"long": 1, "timespan": TICKS["h"]}.get(kind, 0)
    step = call.constant(2, default)
    if not isinstance(step, int) or step == 0:
        raise call.refuse("the step must be a constant other than zero")
    last = f"{end.inner} + {1 if step > 0 else -1}"
    # The end is brought near first: a long range would be made in memory before it is cut.
    nearer = "least" if step > 0 else "greatest"
    nearest = f"{nearer}(({last})::HUGEINT, {start.inner}::HUGEINT + {step * _MOST})::BIGINT"
    listed = f"range({start.sql}, {nearest}, {step})"
    if kind != "long":
        name = f"k_{kind}_text"
        call.scope.require_macro(name)
        listed = f"list_transform({listed}, lambda moment: {name}(moment))"
    return call.give(f"to_json({listed})::VARCHAR")


def _sorted(direction: str) -> Builder:
    """`array_sort_asc` and `array_sort_desc` of one array; nulls last, unless asked for first."""

    def build(call: Call) -> Scalar:
        nulls_last = call.constant(len(call) - 1) if len(call) > 1 and call[len(call) - 1].type == "bool" else True
        if len(call) > 1 + (call[len(call) - 1].type == "bool") or call.type != "dynamic":
            raise call.refuse("is known here with one array")
        if not isinstance(nulls_last, bool):
            raise call.refuse("where nulls go must be a constant", 1)
        array = call.scope.hoist(call.as_type(0, "dynamic"))
        parts = [call.macro("k_array_sorted", array, f"'{direction}'"), call.macro("k_absent", _items(call, 0))]
        joined = ", ".join(parts if nulls_last else reversed(parts))
        call.scope.require_macro("k_is_array")
        return call.give(f"CASE WHEN k_is_array({array.sql}) THEN to_json(list_concat({joined}))::VARCHAR END")

    return build


def _jaccard(call: Call) -> Scalar:
    return call.give(call.macro("k_jaccard", _items(call, 0), _items(call, 1)))


def _has_key(call: Call) -> Scalar:
    key = call.constant(1)
    if not isinstance(key, str) or not key or key.startswith("$"):
        raise call.refuse("the key must be a constant that is not a path", 1)
    bag = call.as_type(0, "dynamic")
    keys = call.scope.hoist(Scalar(sql=call.macro("k_bag_keys", bag), type="dynamic"))
    return call.give(f"list_contains({call.macro('k_texts', keys)}, {constant(key, 'string').sql})", "bool")


DYNAMICS: Final[dict[str, Builder]] = {
    "pack_array": _pack_array,
    "bag_pack": _bag_pack,
    "pack": _bag_pack,
    "pack_dictionary": _bag_pack,
    "bag_pack_columns": _bag_pack_columns,
    "pack_all": _pack_all,
    "bag_keys": template("k_bag_keys({0})", ["dynamic"], nullable=True),
    "bag_has_key": _has_key,
    "array_length": _array_length,
    "arraylength": _array_length,
    "array_concat": _array_concat,
    "array_slice": _array_slice,
    "array_index_of": _array_index_of,
    "array_reverse": template("to_json(list_reverse(k_items({0})))::VARCHAR", ["dynamic"], nullable=True),
    "array_sort_asc": _sorted("ASC"),
    "array_sort_desc": _sorted("DESC"),
    "jaccard_index": _jaccard,
    "set_has_element": _set_has_element,
    "set_union": _set_operation("list_concat({0}, {1})"),
    "set_intersect": _set_operation("list_filter({0}, lambda e: list_contains({1}, e))"),
    "set_difference": _set_operation("list_filter({0}, lambda e: NOT list_contains({1}, e))"),
    "strcat_array": _strcat_array,
    "zip": _zip,
    "range": _range,
}
"""Name → mapping."""
