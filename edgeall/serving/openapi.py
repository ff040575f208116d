"""The OpenAPI 3.1 document, from the table of operations and the types of the API."""

from typing import Any

import msgspec

from edgeall import __version__
from edgeall.serving import types
from edgeall.serving.operations import OPERATIONS, TOO_EARLY, Operation

_TEMPLATE = "#/components/schemas/{name}"


def document() -> dict[str, Any]:
    """The document."""
    kinds = [each for op in OPERATIONS for each in (op.answers, op.query) if isinstance(each, type)]
    schemas, components = msgspec.json.schema_components([*kinds, types.Error], ref_template=_TEMPLATE)
    of_kind = dict(zip([*kinds, types.Error], schemas, strict=True))
    queries = {op.query.__name__ for op in OPERATIONS if op.query is not None}
    paths: dict[str, Any] = {}
    for op in OPERATIONS:
        paths.setdefault(op.path, {})[op.method.lower()] = _operation(op, of_kind, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "edgeall serve",
            "version": __version__,
            "summary": "Research use only, not a medical device",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {name: each for name, each in components.items() if name not in queries},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Where the server is not on a loopback address: the token that it printed.",
                }
            },
        },
    }


def _operation(op: Operation, of_kind: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    error = {"application/json": {"schema": of_kind[types.Error]}}
    refusals = {*TOO_EARLY, *op.refusals} | ({400} if op.query is not None or op.takes_picture else set())
    answers = (
        {op.answers: {"schema": _schema_of_media(op.answers)}}
        if isinstance(op.answers, str)
        else {"application/json": {"schema": of_kind[op.answers]}}
    )
    made: dict[str, Any] = {
        "operationId": op.name,
        "summary": op.summary,
        "parameters": [*map(_in_path, op.in_path), *_in_query(op.query, components)],
        "responses": {"200": {"description": "Done.", "content": answers}}
        | {str(int(status)): {"description": "Refused.", "content": error} for status in sorted(refusals)},
    }
    if op.takes_picture:
        made["requestBody"] = {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    return made


def _schema_of_media(media: str) -> dict[str, Any]:
    return {"type": "string", "format": "binary"} if media.startswith("image/") else {"type": "string"}


def _in_path(name: str) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(kind: type | None, components: dict[str, Any]) -> list[dict[str, Any]]:
    if kind is None:
        return []
    schema = components[kind.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": each,
        }
        for name, each in schema["properties"].items()
    ]
