"""Schemas of everything the endpoint takes and answers, as data (JSON Schema 2020-12).

What is taken is described as it is *accepted*: a value outside of these schemas is refused,
one inside is not. So tolerated spellings are in them, and fields that are converted or left
out whatever they hold have no type; with ``strict`` only the documented form is left.
"""

from typing import Any, TypeAlias

from tracedesk.endpoint.intake import MAX_REQUEST_ID
from tracedesk.formats.detect import MAX_EXTERNAL_ID
from tracedesk.formats.errors import MAX_FAULTS
from tracedesk.model.trace import Format

Schema: TypeAlias = dict[str, Any]

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

UUID_PATTERN = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
NOT_BLANK = r"\S"
ENCODING_PATTERN = "^[ \\t]*([gG][zZ][iI][pP]|[iI][dD][eE][nN][tT][iI][tT][yY])?[ \\t]*$"


def ref(name: str) -> Schema:
    """A reference to one of ``schemas``."""
    return {"$ref": f"#/components/schemas/{name}"}


def closed(properties: Schema, *optional: str, **more: Any) -> Schema:
    """An object of exactly these fields, all required but the ``optional`` ones."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
        **more,
    }


def either_null(kind: str, **more: Any) -> Schema:
    """The type, or null."""
    return {"type": [kind, "null"], **more}


TEXT: Schema = {"type": "string"}
TIMESTAMP: Schema = {"type": "string", "format": "date-time"}
OBJECT: Schema = {"type": "object"}
ANYTHING: Schema = {}


def schemas(*, strict: bool) -> dict[str, Schema]:
    """All of ``components.schemas``; ``strict`` as the setting ``strict_canonical``."""
    return {**_requests(strict=strict), **_REPLIES, **_DOCUMENT}


# -- what is sent ----------------------------------------------------------------------

_BESIDE: Schema = {
    "platformId": either_null(
        "string", pattern=UUID_PATTERN, description="The agent that the trace belongs to."
    ),
    "externalId": either_null(
        "string",
        maxLength=MAX_EXTERNAL_ID,
        description="The sender's own id. Stored with a `data` body, ignored beside others.",
    ),
}


def _requests(*, strict: bool) -> dict[str, Schema]:
    kept = either_null("object") if strict else ANYTHING
    metadata = {
        "metadata": {
            **kept,
            "description": "Stored with the trace. `mibo.platform_id` in it names the agent.",
        },
        "externalMetadata": {**kept, "description": "Stored, and invisible to assertions."},
    }
    found = {
        "Span": _STRICT_SPAN if strict else _SPAN,
        "CanonicalBody": {
            "type": "object",
            "required": ["spans"],
            "properties": {
                "spans": {"type": "array", "minItems": 1, "items": ref("Span")},
                "resourceSpans": False,
                "resource_spans": False,
                **_BESIDE,
                **metadata,
            },
        },
        "OtlpBody": _otlp_body({**_BESIDE, **metadata}, strict=strict),
    }
    if not strict:
        found["DataBody"] = {
            "type": "object",
            "description": "The older form, which the hosted product refuses.",
            "required": ["data"],
            "properties": {
                "data": {"type": "object", "minProperties": 1},
                "spans": False,
                "resourceSpans": False,
                "resource_spans": False,
                "status": {"description": "`success`, `partial` or `error`."},
                **_BESIDE,
                **metadata,
            },
        }
        found["LogsBody"] = _LOGS_BODY
    return found


def _otlp_body(beside: Schema, *, strict: bool) -> Schema:
    entries = either_null(
        "array", description="As OTLP/JSON has it; what is no span is counted as rejected."
    )
    camel = {
        "type": "object",
        "required": ["resourceSpans"],
        "properties": {"resourceSpans": entries, **beside},
    }
    if strict:
        return camel
    snake = {
        "type": "object",
        "required": ["resource_spans"],
        "properties": {"resourceSpans": False, "resource_spans": entries, **beside},
    }
    return {"anyOf": [camel, snake]}


_ID: Schema = {"type": ["string", "number"], "pattern": NOT_BLANK}
_SPAN: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {**_ID, "description": "The label that people see."},
        "parent_span_id": {"description": "null or absent: a root."},
        "start_time_unix_nano": {"description": "Nanoseconds since 1970, as text."},
        "end_time_unix_nano": {"description": "Nanoseconds since 1970, as text."},
        "attributes": {"description": "A plain object, or OTLP's list of keys and values."},
        "status": {"description": "`{code, message}`: 0 unset, 1 ok, 2 error."},
        "events": {"description": "As OpenTelemetry has them."},
    },
    "anyOf": [
        {"required": ["span_id"], "properties": {"span_id": _ID}},
        {"required": ["spanId"], "properties": {"span_id": {"type": "null"}, "spanId": _ID}},
    ],
}
_NAMED: Schema = {"type": "string", "pattern": NOT_BLANK}
_NANOSECONDS = either_null("string", description="Nanoseconds since 1970, as digits.")
_STRICT_SPAN: Schema = {
    "type": "object",
    "required": ["span_id", "name"],
    "properties": {
        "span_id": {**_NAMED, "description": "Unique in the trace."},
        "name": _NAMED,
        "parent_span_id": either_null("string"),
        "start_time_unix_nano": _NANOSECONDS,
        "end_time_unix_nano": _NANOSECONDS,
        "attributes": either_null("object"),
        "status": either_null("object", properties={"code": {"enum": [0, 1, 2, None]}}),
        "events": ANYTHING,
    },
}
_LOGS_BODY: Schema = {
    "anyOf": [
        {"type": "object", "maxProperties": 0},
        {
            "type": "object",
            "required": ["resourceLogs"],
            "properties": {"resourceLogs": {"type": "array"}},
        },
        {
            "type": "object",
            "required": ["resource_logs"],
            "properties": {"resourceLogs": {"type": "null"}, "resource_logs": {"type": "array"}},
        },
    ]
}


# -- what is answered ------------------------------------------------------------------

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
_REPLIES: dict[str, Schema] = {
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
_DOCUMENT: dict[str, Schema] = {
    "Trace": {
        "type": "object",
        "required": [
            "id", "platformId", "agent", "externalId", "format", "status", "revision", "createdAt",
            "updatedAt", "spanCount", "errorCount", "metadata", "warnings", "reading", "spans",
            "evaluation",
        ],
        "properties": {
            **_REPLIES["ListedTrace"]["properties"],
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

REQUEST_ID: Schema = {"type": "string", "maxLength": MAX_REQUEST_ID}
