"""Nodes against a pydantic model: the value, and a finding at its own place for everything that does not fit.

pydantic reports every fault with the path to it; the path leads to the node, the node to line and column. Messages are
ours: they name the key as it is written, what stands there (never the text of a resolved secret) and the nearest valid
name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from earmark.model.finding import Finding
from earmark.model.nearest import did_you_mean
from earmark.project.codes import Code
from earmark.project.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode, plain

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]

_EXPECTED = {
    "string_type": "text is expected; quote it when YAML reads it as a number or a word",
    "int_type": "a whole number is expected",
    "int_from_float": "a whole number is expected",
    "bool_type": "true or false is expected",
    "float_type": "a number is expected",
    "tuple_type": "a list is expected, such as [a, b]",
    "dict_type": "keys with values are expected",
    "model_type": "keys with values are expected",
    "model_attributes_type": "keys with values are expected",
}


class Strict(BaseModel):
    """What every model of a file has in common: no unknown keys, no conversions.

    The sentences under its fields are their descriptions in the schema; `schema` reads them, since pydantic would do so
    each time that a command starts.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def fit(model: type[Model], root: Node) -> tuple[Model | None, list[Finding]]:
    """The model's value from a tree of nodes, or None with a finding for each fault."""
    try:
        return model.model_validate(plain(root)), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True, include_input=False)
        return None, [_finding(model, root, detail) for detail in details]


def _finding(model: type[BaseModel], root: Node, detail: ErrorDetails) -> Finding:
    loc, kind = detail["loc"], detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(model, root, loc)
    if kind == "missing":
        path, node = _resolve(root, loc[:-1])
        where = f"`{_dotted(path)}`" if path else "The file"
        message = f"{where} lacks the key `{loc[-1]}`."
        return _key_of(root, path, node).finding(Code.MISSING_KEY, message, f"Add `{loc[-1]}: …`.")
    if loc and loc[-1] == "[key]":  # pydantic's way of speaking of a key and not of its value
        path, node = _resolve(root, loc[:-2])
        key = node.key(str(loc[-2])) if isinstance(node, MappingNode) else None
        code, sentence, hint = _explain(kind, detail, node)
        return (key or node).finding(code, f'`{_dotted(path)}` has the key "{loc[-2]}": {sentence}.', hint)
    path, node = _resolve(root, loc)
    code, sentence, hint = _explain(kind, detail, node)
    where = f"`{_dotted(path)}`" if path else "The file"
    place = _key_of(root, path, node) if node.start == node.end else node  # an empty value has no place of its own
    return place.finding(code, f"{where} is {shown(node)}: {sentence}.", hint)


def _explain(kind: str, detail: ErrorDetails, node: Node) -> tuple[Code, str, str]:
    context: dict[str, Any] = detail.get("ctx", {})
    if kind.startswith("EM"):
        return Code(kind), str(context["sentence"]), ""
    if kind in ("literal_error", "enum"):
        words = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"]).lower()]
        given = node.text if isinstance(node, ScalarNode) and not node.secret else ""
        choice = f"one of {', '.join(words)}" if len(words) > 1 else words[0]
        return Code.WRONG_WORD, f"{choice} is expected", did_you_mean(given, words).strip()
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        bound = next(iter(context.values()))
        sense = {"greater_than": "more than", "greater_than_equal": "at least", "less_than": "less than"}
        return Code.OUT_OF_RANGE, f"it must be {sense.get(kind, 'at most')} {bound}", ""
    if kind in ("too_short", "string_too_short"):
        return Code.EMPTY_TEXT, "it must not be empty", ""
    if kind == "too_long":
        return Code.OUT_OF_RANGE, f"it may hold at most {context['max_length']}", ""
    if kind == "none_required":
        return Code.NOT_SUPPORTED, "it is not supported yet in this version and must be null", "Remove the key."
    hint = ""
    if kind == "bool_type" and isinstance(node, ScalarNode) and node.text.lower() in ("yes", "no", "on", "off"):
        hint = "YAML 1.2 takes `yes`, `no`, `on` and `off` for text; write true or false."
    return Code.WRONG_TYPE, _EXPECTED.get(kind, detail["msg"][:1].lower() + detail["msg"][1:]), hint


def _unknown_key(model: type[BaseModel], root: Node, loc: Path) -> Finding:
    path, parent = _resolve(root, loc[:-1])
    name = str(loc[-1])
    names = _keys_at(model, path)
    node = parent.key(name) if isinstance(parent, MappingNode) else None
    where = f"`{_dotted(path)}` has no key" if path else "There is no key"
    message = f"{where} `{name}`.{did_you_mean(name, names)}"
    return (node or parent).finding(Code.UNKNOWN_KEY, message, f"Known keys: {', '.join(names)}." if names else "")


def _resolve(root: Node, loc: Path) -> tuple[Path, Node]:
    """The node at a path of pydantic's, which also holds the names of a union's arms: these are passed over."""
    node, path = root, []
    for step in loc:
        if isinstance(node, MappingNode) and isinstance(step, str) and (below := node.get(step)) is not None:
            node = below
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            continue
        path.append(step)
    return tuple(path), node


def _key_of(root: Node, path: Path, node: Node) -> Node:
    """Where to point when something is missing from a mapping: at its key, or at the file's first key."""
    if not path:
        return node.entries[0][0] if isinstance(node, MappingNode) and node.entries else node
    _, parent = _resolve(root, path[:-1])
    key = parent.key(str(path[-1])) if isinstance(parent, MappingNode) else None
    return key or node


def _keys_at(model: type[BaseModel], path: Path) -> list[str]:
    models = [model]
    for step in path:
        fields = [m.model_fields[step] for m in models if isinstance(step, str) and step in m.model_fields]
        if isinstance(step, str):
            models = [found for field in fields for found in _models_in(field.annotation)]
            dict_values = [m for field in fields for m in _models_in(field.annotation)]
            models = models or dict_values
    return [name for m in models for name in m.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models_in(argument)]


def _dotted(path: Sequence[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def shown(node: Node) -> str:
    """What stands at a node, short enough for a message; a resolved secret is not shown."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    assert isinstance(node, ScalarNode)
    if node.secret:
        return "a hidden value"
    value = plain(node)
    if value is None:
        return "empty"
    text = node.text if len(node.text) <= 40 else node.text[:37] + "…"
    if isinstance(value, str):
        return f'the text "{text}"'.replace("\n", "⏎")
    return f"{'the number ' if not isinstance(value, bool) else ''}{text}"
