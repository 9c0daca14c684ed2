"""Schemas of everything the endpoint answers, as data."""

from tracedesk.endpoint.openapi_words import (
    ANYTHING,
    OBJECT,
    TEXT,
    TIMESTAMP,
    Schema,
    closed,
    either_null,
    ref,
)
from tracedesk.formats.errors import MAX_FAULTS
from tracedesk.model.trace import Format

ERROR_CODES: dict[int, tuple[str, ...]] = {
    400: ("VALIDATION_ERROR", "CUSTOM_API_PLATFORM_NOT_FOUND"),
    401: ("UNAUTHORIZED",),
    403: ("FORBIDDEN", "FORBIDDEN_HOST", "FORBIDDEN_ORIGIN"),
    404: ("NOT_FOUND", "PLATFORM_NOT_FOUND", "TRACE_NOT_FOUND"),
    405: ("METHOD_NOT_ALLOWED",),
    408: ("REQUEST_TIMEOUT",),
    413: ("PAYLOAD_TOO_LARGE",),
    431: ("VALIDATION_ERROR",),
    500: ("INTERNAL_SERVER_ERROR",),
    503: ("SERVICE_BUSY", "AUTH_ERROR", "STORE_UNAVAILABLE"),
}
"""By status: every code that the endpoint answers with."""

ERROR_TYPES = ("field", "json", "gzip", "protobuf", "MISSING_API_KEY", "INVALID_API_KEY")


_STATUS: Schema = {"enum": ["completed", "failed", "partial"]}
_WARNING = closed(
    {"code": TEXT, "message": TEXT, "span": either_null("string")},
    description="Something that was tolerated. `hosted_refuses`: the hosted product would not.",
)
_PARTIAL = closed(
    {
        "rejectedSpans": {"type": "integer", "minimum": 0},
        "rejectedLogRecords": {"type": "integer", "minimum": 0},
        "rejectedDataPoints": {"type": "integer", "minimum": 0},
        "errorMessage": TEXT,
    },
    "rejectedSpans", "rejectedLogRecords", "rejectedDataPoints", "errorMessage",
    description="Empty when nothing was rejected.",
)  # fmt: skip
_RECEIPT: Schema = {
    "success": {"const": True},
    "message": {"const": "Trace accepted"},
    "timestamp": TIMESTAMP,
    "traceId": {**TEXT, "description": "A copy of `data.id` for older clients."},
    "id": {**TEXT, "description": "Another copy of `data.id`."},
    "data": closed(
        {
            "id": TEXT,
            "platformId": {**TEXT, "format": "uuid"},
            "externalId": TEXT,
            "status": _STATUS,
            "createdAt": TIMESTAMP,
            "updatedAt": TIMESTAMP,
            "warnings": {"type": "array", "minItems": 1, "items": ref("Warning")},
        },
        "externalId",
        "warnings",
    ),
}
REPLIES: dict[str, Schema] = {
    "Warning": _WARNING,
    "Accepted": closed(_RECEIPT),
    "OtlpAccepted": closed({**_RECEIPT, "partialSuccess": ref("PartialSuccess")}),
    "NothingStored": closed(
        {
            "success": {"const": True},
            "message": TEXT,
            "timestamp": TIMESTAMP,
            "data": {"type": "object", "maxProperties": 0},
            "partialSuccess": ref("PartialSuccess"),
        },
        description="An OTLP export that names no trace.",
    ),
    "PartialSuccess": _PARTIAL,
    "TraceList": closed(
        {
            "success": {"const": True},
            "timestamp": TIMESTAMP,
            "data": {"type": "array", "items": ref("ListedTrace")},
        }
    ),
    "ListedTrace": closed(
        {
            "id": TEXT,
            "platformId": TEXT,
            "externalId": either_null("string"),
            "status": _STATUS,
            "format": {"enum": [each.value for each in Format]},
            "createdAt": TIMESTAMP,
            "updatedAt": TIMESTAMP,
        }
    ),
    "TraceReply": closed(
        {"success": {"const": True}, "timestamp": TIMESTAMP, "data": ref("Trace")}
    ),
    "Health": closed({"status": {"const": "ok"}}),
    "Fault": closed(
        {
            "type": {"enum": list(ERROR_TYPES)},
            "msg": TEXT,
            "path": {**TEXT, "description": "Such as `spans[0].name`; blank: the whole body."},
            "location": {"enum": ["body", "header", "query"]},
        }
    ),
}


def error_schema(codes: tuple[str, ...]) -> Schema:
    """The reply to a request that was refused with one of these codes."""
    return closed(
        {
            "success": {"const": False},
            "timestamp": TIMESTAMP,
            "error": closed(
                {
                    "code": {"enum": list(codes)},
                    "message": {"type": "string", "minLength": 1},
                    "details": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_FAULTS,
                        "items": ref("Fault"),
                    },
                },
                "details",
            ),
        }
    )


# -- one trace -------------------------------------------------------------------------


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_NUMBER = either_null("number")
_TEXT_READ: Schema = {
    "type": "object",
    "required": ["text", "source"],
    "properties": {
        "text": either_null("string", description="null: not there. Never the same as blank."),
        "source": {
            "anyOf": [
                {"type": "null"},
                closed({"span": either_null("string"), "attribute": TEXT, "rule": TEXT}),
            ]
        },
        "tried": _array(TEXT),
    },
}
_CALL: Schema = {
    "type": "object",
    "required": ["name", "arguments", "status", "span"],
    "properties": {"name": TEXT, "status": TEXT, "arguments": ANYTHING, "span": TEXT},
}
DOCUMENT: dict[str, Schema] = {
    "Trace": {
        "type": "object",
        "required": [
            "id", "platformId", "agent", "externalId", "format", "status", "revision", "createdAt",
            "updatedAt", "spanCount", "errorCount", "metadata", "warnings", "reading", "spans",
            "evaluation",
        ],
        "properties": {
            **REPLIES["ListedTrace"]["properties"],
            "agent": TEXT,
            "revision": {"type": "integer", "minimum": 1},
            "spanCount": {"type": "integer", "minimum": 0},
            "errorCount": {"type": "integer", "minimum": 0},
            "metadata": OBJECT,
            "warnings": _array(ref("Warning")),
            "reading": ref("Reading"),
            "spans": _array(ref("StoredSpan")),
            "evaluation": {
                "type": "object",
                "required": ["verdict", "score", "cases"],
                "properties": {
                    "verdict": either_null("string"), "score": _NUMBER, "cases": _array(OBJECT),
                },
            },
        },
    },
    "Reading": {
        "type": "object",
        "required": [
            "response", "input", "toolCalls", "nodeCalls", "usage", "httpStatus", "durationMs",
        ],
        "properties": {
            "response": _TEXT_READ,
            "input": _TEXT_READ,
            "toolCalls": _array(_CALL),
            "nodeCalls": _array(_CALL),
            "usage": {
                "type": "object",
                "required": ["input", "output", "reasoning", "total"],
                "properties": dict.fromkeys(("input", "output", "reasoning", "total"), _NUMBER),
            },
            "httpStatus": either_null("integer"),
            "durationMs": _NUMBER,
        },
    },
    "StoredSpan": {
        "type": "object",
        "required": [
            "span_id", "parent_span_id", "name", "start_time_unix_nano", "end_time_unix_nano",
            "attributes", "status", "events",
        ],
        "properties": {
            "span_id": TEXT,
            "parent_span_id": either_null("string"),
            "name": TEXT,
            "start_time_unix_nano": either_null("string"),
            "end_time_unix_nano": either_null("string"),
            "attributes": OBJECT,
            "status": {
                "anyOf": [
                    {"const": "skipped"},
                    closed({"code": {"enum": [0, 1, 2]}, "message": TEXT}, "message"),
                ]
            },
            "events": _array(OBJECT),
        },
    },
}  # fmt: skip
