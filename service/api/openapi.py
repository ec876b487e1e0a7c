"""Additions to FastAPI's OpenAPI document: problem details, multipart forms, and examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.schemas import ProblemDetails
from service.problems import MEDIA_TYPE, Kind

_PATH_EXAMPLES: dict[str, Any] = {
    "product_id": "A-1001",
    "object_id": "2024-017",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015" * 2,
    "lead_id": 7,
    "kind": "csv",
    "name": "busy",
}
_TYPE_EXAMPLES: dict[str, Any] = {"string": "", "integer": 1, "number": 0.5, "boolean": False, "null": None}
_SCHEMA = "#/components/schemas/ProblemDetails"


def problems(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for its `responses`; each kind is an example of its status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        answer = responses.setdefault(
            kind.status,
            {
                "description": kind.title,
                "content": {MEDIA_TYPE: {"schema": {"$ref": _SCHEMA}, "examples": {}}},
            },
        )
        example = {
            "type": kind.type, "title": kind.title, "status": kind.status, "detail": kind.example,
            "instance": "urn:uuid:9e1a6c0a-8c0e-4c7e-8f43-6a4f2bb0a6d1",
        }  # fmt: skip
        answer["content"][MEDIA_TYPE]["examples"][kind.name] = {"summary": kind.title, "value": example}
        if kind.title not in answer["description"]:
            answer["description"] += f"; or: {kind.title}"
    return responses


def form(properties: dict[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """A multipart form, for a route's `openapi_extra`; its example is made of the properties' examples."""
    schema = {"type": "object", "properties": properties, "required": list(required)}
    examples = {name: field["example"] for name, field in properties.items() if "example" in field}
    content = {"multipart/form-data": {"schema": schema, "example": examples}}
    return {"requestBody": {"required": True, "content": content}}


def complete(app: FastAPI) -> None:
    """Put the schema of problem details into the application's OpenAPI document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes,
                tags=app.openapi_tags,
            )  # fmt: skip
            _drop_other_errors(schema)
            _add_examples(schema)
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _add_examples(schema: dict[str, Any]) -> None:
    """Give each path parameter and each JSON response an example, the latter made of its fields' examples."""
    schemas = schema.get("components", {}).get("schemas", {})
    for path in schema["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["example"] = _PATH_EXAMPLES[parameter["name"]]
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json")
                if content and status.startswith("2"):
                    content["example"] = _example(content["schema"], schemas)


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """An example of a JSON schema: its own, or one made of its parts; null for an optional value without examples."""
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if given := schema.get("examples") or schema.get("enum"):
        return given[0]
    if "const" in schema:
        return schema["const"]
    if choices := schema.get("anyOf"):
        with_examples = [choice for choice in choices if "$ref" in choice or "examples" in choice]
        return _example((with_examples or choices[-1:])[0], schemas)
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)]
    if schema.get("type") == "object":
        return {name: _example(part, schemas) for name, part in schema.get("properties", {}).items()}
    return _TYPE_EXAMPLES[schema.get("type", "null")]


def _drop_other_errors(schema: dict[str, Any]) -> None:
    """Remove the validation errors that FastAPI adds; this API answers with problem details instead."""
    for path in schema["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        schema.get("components", {}).get("schemas", {}).pop(name, None)
