"""JSON Schemas (draft 2020-12) of the project's files, made from the models that read them: the two never differ."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from earmark.project.flow_file import FlowFile
from earmark.project.project_file import ProjectFile
from earmark.project.tags_file import TagsFile

KINDS: dict[str, tuple[type[BaseModel], str]] = {
    "flow": (FlowFile, "A flow of an Earmark project: flows/*.yaml"),
    "project": (ProjectFile, "The settings of an Earmark project: earmark.yaml"),
    "tags": (TagsFile, "The catalogue of an Earmark project: tags.yaml"),
}
"""The kinds of file that have a schema."""


def render_schema(kind: str) -> str:
    """The schema of one kind of file, as JSON text."""
    model, title = KINDS[kind]
    schema = model.model_json_schema(schema_generator=_Described)
    body = {key: _untitled(value) for key, value in schema.items() if key != "title"}
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **body}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


class _Described(GenerateJsonSchema):
    """Gives every key the sentence that stands under its field."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The schema of one model."""
        made = super().model_schema(schema)
        for cls in schema["cls"].__mro__:
            for name, sentence in _sentences(cls).items() if issubclass(cls, BaseModel) else ():
                field = schema["cls"].model_fields.get(name)
                key = field.alias or name if field else name
                if key in made.get("properties", {}):
                    made["properties"][key].setdefault("description", sentence)
        return made


def _sentences(model: type[BaseModel]) -> dict[str, str]:
    """The text under each field of a class, by the field's name."""
    if model is BaseModel:
        return {}
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _untitled(value: Any) -> Any:
    """Without titles made of names, which editors show before descriptions, and without defaults that say nothing."""
    if isinstance(value, dict):
        kept = {key: below for key, below in value.items() if not (key == "title" and isinstance(below, str))}
        if kept.get("default", ...) in (None, ""):
            del kept["default"]
        return {key: _untitled(below) for key, below in kept.items()}
    return [_untitled(item) for item in value] if isinstance(value, list) else value
