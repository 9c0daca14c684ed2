"""Schemas of everything the endpoint takes, as data (JSON Schema 2020-12).

What is taken is described as it is *accepted*: a value outside of these schemas is refused,
one inside is not. So tolerated spellings are in them, and fields that are converted or left
out whatever they hold have no type; with ``strict`` only the documented form is left.
"""

from tracedesk.endpoint.intake import MAX_REQUEST_ID
from tracedesk.endpoint.openapi_answers import DOCUMENT, REPLIES
from tracedesk.endpoint.openapi_words import ANYTHING, Schema, either_null, ref
from tracedesk.formats.detect import MAX_EXTERNAL_ID

UUID_PATTERN = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
NOT_BLANK = r"\S"
ENCODING_PATTERN = "^[ \\t]*([gG][zZ][iI][pP]|[iI][dD][eE][nN][tT][iI][tT][yY])?[ \\t]*$"


REQUEST_ID: Schema = {"type": "string", "maxLength": MAX_REQUEST_ID}


def schemas(*, strict: bool) -> dict[str, Schema]:
    """All of ``components.schemas``; ``strict`` as the setting ``strict_canonical``."""
    return {**_requests(strict=strict), **REPLIES, **DOCUMENT}


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
