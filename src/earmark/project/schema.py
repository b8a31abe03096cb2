"""JSON Schemas (draft 2020-12) of the project's files, made from the models that read them: the two never differ."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

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
    schema = model.model_json_schema()
    body = {key: _untitled(value) for key, value in schema.items() if key != "title"}
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **body}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _untitled(value: Any) -> Any:
    """Without titles made of names, which editors show before descriptions, and without defaults that say nothing."""
    if isinstance(value, dict):
        kept = {key: below for key, below in value.items() if not (key == "title" and isinstance(below, str))}
        if kept.get("default", ...) in (None, ""):
            del kept["default"]
        return {key: _untitled(below) for key, below in kept.items()}
    return [_untitled(item) for item in value] if isinstance(value, list) else value
