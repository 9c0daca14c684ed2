"""The JSON Schema of a test-case file, made from the tables by which files are loaded.

It is for editors: whatever loads without an error is valid, and what is wrong by its shape is
not. Names, patterns and contradictions are told on loading.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tracedesk.assertions.fields import EXTENSION_PREFIX
from tracedesk.assertions.schema import definitions
from tracedesk.testcases.keys import CASE, CASE_REQUIRED, DEFAULTS, FILE, FILE_REQUIRED, Key
from tracedesk.testcases.when import FORMATS, STATUSES

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_EXPECTED = {"$ref": "#/$defs/expected"}
_MAP = {"type": "object", "minProperties": 1, "additionalProperties": _EXPECTED}
_NAME = {"type": "string", "pattern": r"\S"}
_NAMES = {"anyOf": [_NAME, {"type": "array", "minItems": 1, "items": _NAME}]}


def file_schema() -> dict[str, Any]:
    """The schema of a whole file, in draft 2020-12."""
    return {
        "$schema": DIALECT,
        "title": "tracedesk test cases",
        **_object(FILE, FILE_REQUIRED),
        "$defs": {
            **definitions(),
            "case": _object(CASE, CASE_REQUIRED),
            "defaults": _object(DEFAULTS),
            "when": _when(),
        },
    }


def _object(keys: Mapping[str, Key], required: Iterable[str] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {name: {**key.schema, "description": key.doc} for name, key in keys.items()},
        "patternProperties": {f"^{EXTENSION_PREFIX}": {}},
        "additionalProperties": False,
    }


def _when() -> dict[str, Any]:
    """A text in the filter language, or a mapping of which every field must hold."""
    fields = {
        "input": Key(_EXPECTED, "what the input must be"),
        "response": Key(_EXPECTED, "what the response must be"),
        "metadata": Key(_MAP, "path in the metadata → expected value"),
        "attributes": Key(_MAP, "attribute of the root span → expected value"),
        "status": Key(_choice(STATUSES), "completed, failed or partial"),
        "format": Key(_choice(FORMATS), "what the trace was sent as"),
        "service_name": Key({"anyOf": [_NAMES, {"$ref": "#/$defs/matcher"}]}, "the OTLP service"),
        "called": Key(_NAMES, "nodes or tools that were called, all of them"),
        "not_called": Key(_NAMES, "nodes or tools of which none was called"),
        "not": Key({"$ref": "#/$defs/when"}, "a condition that must not hold"),
    }
    return {
        "anyOf": [
            {"type": "string", "pattern": r"\S", "description": "such as status:failed dur>2s"},
            {**_object(fields), "minProperties": 1},
        ]
    }


def _choice(words: Iterable[str]) -> dict[str, Any]:
    one = {"enum": list(words)}
    return {"anyOf": [one, {"type": "array", "minItems": 1, "items": one}]}
