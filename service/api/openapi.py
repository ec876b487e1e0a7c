"""What FastAPI does not write into OpenAPI by itself: problem details, and the multipart form of a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.schemas import ProblemDetails
from service.problems import MEDIA_TYPE, Kind

_IN_PATHS: dict[str, Any] = {
    "product_id": "A-1001",
    "object_id": "2024-017",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015" * 2,
    "lead_id": 7,
    "name": "busy",
}
_PLAIN: dict[str, Any] = {"string": "", "integer": 1, "number": 0.5, "boolean": False, "null": None}
_SCHEMA = "#/components/schemas/ProblemDetails"


def problems(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its `responses`; each kind is an example of its status."""
    told: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        answer = told.setdefault(
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
    return told


def form(properties: dict[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """A multipart form, for a route's `openapi_extra`; each property's example is the form's."""
    schema = {"type": "object", "properties": properties, "required": list(required)}
    examples = {name: told["example"] for name, told in properties.items() if "example" in told}
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
    """Give each path's parameters, and each answer in JSON, an example, put together from those of its fields."""
    schemas = schema.get("components", {}).get("schemas", {})
    for path in schema["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["example"] = _IN_PATHS[parameter["name"]]
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json")
                if content and status.startswith("2"):
                    content["example"] = _example(content["schema"], schemas)


def _example(told: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """An example of a JSON schema: its own, or one put together from its parts; null where it may be and has none."""
    if "$ref" in told:
        return _example(schemas[told["$ref"].rpartition("/")[2]], schemas)
    if given := told.get("examples") or told.get("enum"):
        return given[0]
    if "const" in told:
        return told["const"]
    if choices := told.get("anyOf"):
        whole = [choice for choice in choices if "$ref" in choice or "examples" in choice]
        return _example((whole or choices[-1:])[0], schemas)
    if told.get("type") == "array":
        return [_example(told["items"], schemas)]
    if told.get("type") == "object":
        return {name: _example(part, schemas) for name, part in told.get("properties", {}).items()}
    return _PLAIN[told.get("type", "null")]


def _drop_other_errors(schema: dict[str, Any]) -> None:
    """Take out the validation errors that FastAPI adds by itself: ours are problem details."""
    for path in schema["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        schema.get("components", {}).get("schemas", {}).pop(name, None)
