"""The keys of a test-case file as data: read by loading, by *did you mean* and by the schema."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

VERSION: Final = 1
"""The only version of the file format."""

STATUSES: Final = ("active", "paused", "draft")
"""Only active cases are evaluated against incoming traces (assertion spec 9.2)."""


class Key(msgspec.Struct, frozen=True):
    """One key: what its value looks like, as a JSON Schema, and what it is for."""

    schema: dict[str, Any]
    doc: str


_TEXT: Final = {"type": "string", "pattern": r"\S"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_VALUE: Final = {"type": ["string", "number", "boolean"]}
_VARIABLES: Final = {
    "type": "object",
    "propertyNames": {"pattern": "^[A-Z0-9_]+$"},
    "additionalProperties": _VALUE,
}
_THRESHOLD: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}

_AGENT = Key(_TEXT, "agent id or name; without it the case is for every agent")
_STATUS = Key({"enum": list(STATUSES)}, "only active cases are evaluated as traces arrive")
_TAGS = Key(_TEXTS, "for filtering; must_fail marks a trace that has to stay red")
_CONTEXT = Key(_VARIABLES, "variables: {{NAME}} in expected texts is replaced by their value")
_CASE_THRESHOLD = Key(_THRESHOLD, "share of the weight that has to pass; all of it without one")
_WHEN = Key({"$ref": "#/$defs/when"}, "which traces this applies to")

CASE: Final[Mapping[str, Key]] = {
    "name": Key(_TEXT, "unique in the file"),
    "id": Key(_TEXT, "unique among all files; made from file and name when left out"),
    "agent": _AGENT,
    "status": _STATUS,
    "scenario": Key(_TEXT, "situation and expected behaviour, for people and the judge"),
    "input": Key(
        {"anyOf": [_TEXT, {**_TEXTS, "minItems": 1}]},
        "the message or messages of the case; not matched against traces",
    ),
    "context": _CONTEXT,
    "each": Key(
        {
            "anyOf": [
                {"type": "string", "pattern": r"\.([cC][sS][vV]|[jJ][sS][oO][nN])$"},
                {"type": "array", "minItems": 1, "items": {**_VARIABLES, "minProperties": 1}},
            ]
        },
        "one case for every entry, its variables filled in: a list, or a .csv or .json file",
    ),
    "when": _WHEN,
    "assertions": Key(
        {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/assertion"}},
        "what must be true of the trace",
    ),
    "tags": _TAGS,
    "weight": Key({"type": "number", "minimum": 0}, "in the quality score; 1 unless written"),
    "threshold": _CASE_THRESHOLD,
}

CASE_REQUIRED: Final = ("name", "assertions")

DEFAULTS: Final[Mapping[str, Key]] = {
    "agent": _AGENT,
    "status": _STATUS,
    "tags": _TAGS,
    "context": _CONTEXT,
    "threshold": _CASE_THRESHOLD,
    "when": _WHEN,
}

FILE: Final[Mapping[str, Key]] = {
    "version": Key({"const": VERSION}, "version of the file format"),
    "defaults": Key({"$ref": "#/$defs/defaults"}, "what cases have that do not say otherwise"),
    "cases": Key(
        {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/case"}}, "the test cases"
    ),
}

FILE_REQUIRED: Final = ("cases",)
