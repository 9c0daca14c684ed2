"""``GET /openapi.json``: what the endpoint takes and answers, as an OpenAPI 3.1 document.

The document depends on two settings only and is made once for each: whether keys are
demanded, and ``strict_canonical``. Tests hold every reply of the endpoint to it.
"""

from functools import lru_cache
from typing import Any

import msgspec

from tracedesk import __version__
from tracedesk.endpoint.openapi_answers import ERROR_CODES, error_schema
from tracedesk.endpoint.openapi_schemas import ENCODING_PATTERN, REQUEST_ID, schemas
from tracedesk.endpoint.openapi_words import Schema, ref
from tracedesk.endpoint.settings import EndpointSettings

JSON = "application/json"
PROTOBUF = "application/x-protobuf"

_DESCRIPTION = """\
The ingestion endpoint of a tracedesk workbench. It speaks as the hosted product does, so that
a client needs no change but its URL. Every path answers a wrong method with 405 and `Allow`,
every unknown path with 404 `NOT_FOUND`, and a request from a web page or under a foreign host
name with 403. Bodies of any other type than those listed are read as JSON.
"""
_STRICT = """\
Here `strict_canonical` is on: what the hosted product refuses is refused.
"""

_ANY_ERRORS = (403, 408, 431, 500)
_READ_ERRORS = (400, 401, 404, 503, *_ANY_ERRORS)
_POST_ERRORS = (*_READ_ERRORS, 413)

_HEADERS: list[Schema] = [
    {
        "name": "x-request-id",
        "in": "header",
        "description": "Identity of the trace: the same id again replaces it. Blank is none.",
        "schema": REQUEST_ID,
    },
    {
        "name": "Content-Encoding",
        "in": "header",
        "description": "`gzip` or nothing. This alone decides on inflating, no content type.",
        "schema": {"type": "string", "pattern": ENCODING_PATTERN},
    },
]

_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 10**12 - 1}


@lru_cache(maxsize=4)
def document_json(*, strict: bool, keys_demanded: bool) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document(strict=strict, keys_demanded=keys_demanded))


def of_settings(settings: EndpointSettings) -> bytes:
    """The document of an endpoint with these settings."""
    return document_json(strict=settings.strict_canonical, keys_demanded=settings.keys_demanded)


def document(*, strict: bool, keys_demanded: bool) -> dict[str, Any]:
    """The document of an endpoint where keys are demanded, or what is odd is refused."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tracedesk ingestion endpoint",
            "version": __version__,
            "description": _DESCRIPTION + (_STRICT if strict else ""),
        },
        "servers": [{"url": "/"}],
        "paths": _paths(strict=strict, keys_demanded=keys_demanded),
        "components": {
            "schemas": schemas(strict=strict),
            "responses": {f"E{status}": _error(status) for status in ERROR_CODES},
            "securitySchemes": {
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": (
                        "A key of `tracedesk keys create`. Where none is demanded and none"
                        " exists the header may be left out; one that is sent and wrong is 401."
                    ),
                }
            },
        },
    }


def _paths(*, strict: bool, keys_demanded: bool) -> dict[str, Any]:
    key: list[Schema] = [{"apiKey": []}] if keys_demanded else [{}, {"apiKey": []}]
    bodies = ["CanonicalBody", "OtlpBody"] + ([] if strict else ["DataBody"])
    post = _post("Send a trace", bodies, strict=strict)
    found: dict[str, Any] = {
        "/public/traces": {
            "get": {**_LIST, "security": key},
            "post": {**post, "operationId": "sendTrace", "security": key},
        },
        "/public/traces/{traceId}": {"get": {**_ONE, "security": key}},
        "/traces": {
            "post": {**post, "operationId": "sendTraceAsBefore2026", "security": key},
        },
        "/health": {method: _health(method) for method in ("get", "head")},
        "/openapi.json": {method: _openapi(method) for method in ("get", "head")},
    }
    if not strict:
        for name, body in _OTLP_PATHS.items():
            sent = _post(f"Send OTLP {name}", body, strict=False)
            del sent["responses"]["201"]
            sent["operationId"] = f"sendOtlp{name.capitalize()}"
            found[f"/v1/{name}"] = {"post": {**sent, "security": key}}
    return found


_OTLP_PATHS: dict[str, list[str]] = {
    "traces": ["OtlpBody"],
    "logs": ["LogsBody"],
    "metrics": [],
}
"""What stands behind ``/v1/``, and what is taken there; metrics are not looked at."""


def _post(summary: str, bodies: list[str], *, strict: bool) -> dict[str, Any]:
    taken: Schema = {"anyOf": [ref(name) for name in bodies]} if bodies else {}
    content: Schema = {JSON: {"schema": taken}}
    exported: Schema = {}
    if not strict:
        content[PROTOBUF] = {"schema": {"type": "string", "format": "binary"}}
        exported = {PROTOBUF: {"schema": {"type": "string", "format": "binary"}}}
    stored = ("Accepted", "OtlpAccepted", "NothingStored")
    return {
        "summary": summary,
        "description": "A 2xx means that it is stored. The reply carries no results.",
        "parameters": _HEADERS,
        "requestBody": {"required": bool(bodies), "content": content},
        "responses": {
            "201": _reply("A new trace was stored.", ref("Accepted")),
            "200": _reply(
                "A trace was replaced, or OTLP was taken in.",
                {"anyOf": [ref(name) for name in stored]},
                exported,
            ),
            **_errors(_POST_ERRORS),
        },
    }


def _reply(description: str, schema: Schema, more: Schema | None = None) -> Schema:
    return {"description": description, "content": {JSON: {"schema": schema}, **(more or {})}}


def _errors(statuses: tuple[int, ...]) -> dict[str, Schema]:
    return {str(status): {"$ref": f"#/components/responses/E{status}"} for status in statuses}


def _error(status: int) -> Schema:
    codes = ERROR_CODES[status]
    found: Schema = {
        "description": " or ".join(f"`{code}`" for code in codes),
        "content": {JSON: {"schema": error_schema(codes)}},
    }
    if status == 405:
        found["headers"] = {"Allow": {"required": True, "schema": {"type": "string"}}}
    if status == 503:
        found["headers"] = {"Retry-After": {"schema": {"type": "string"}}}
    return found


_LIST: dict[str, Any] = {
    "operationId": "listTraces",
    "summary": "Traces of one agent, newest first",
    "parameters": [
        {
            "name": "platformId",
            "in": "query",
            "description": "The agent; may be left out with a key for one agent.",
            "schema": {"type": "string"},
        },
        {
            "name": "limit",
            "in": "query",
            "description": "At most so many; 100 unless given, and never more than 1,000.",
            "schema": _COUNT,
        },
        {
            "name": "offset",
            "in": "query",
            "description": "Leave out so many of the newest.",
            "schema": _COUNT,
        },
    ],
    "responses": {
        "200": _reply("The traces.", ref("TraceList")),
        **_errors(_READ_ERRORS),
    },
}

_ONE: dict[str, Any] = {
    "operationId": "getTrace",
    "summary": "One trace with what was read out of it and its verdicts",
    "parameters": [
        {"name": "traceId", "in": "path", "required": True, "schema": {"type": "string"}}
    ],
    "responses": {
        "200": _reply("The trace.", ref("TraceReply")),
        **_errors((401, 404, 503, *_ANY_ERRORS)),
    },
}


def _health(method: str) -> dict[str, Any]:
    return {
        "operationId": f"{method}Health",
        "summary": "Is the endpoint there, and is this key one of its keys?",
        "security": [{}, {"apiKey": []}],
        "responses": {
            "200": _reply("It is.", ref("Health")),
            **_errors((401, 503, *_ANY_ERRORS)),
        },
    }


def _openapi(method: str) -> dict[str, Any]:
    return {
        "operationId": f"{method}Openapi",
        "summary": "This document",
        "security": [{}],
        "responses": {
            "200": _reply("OpenAPI 3.1.", {"type": "object", "required": ["openapi", "paths"]}),
            **_errors(_ANY_ERRORS),
        },
    }
