"""The JSON Schema of assertions, made from the same tables that validation reads.

It is for editors: completion and first faults. What only loading can know (contradictions,
patterns, paths) is left to loading.
"""

from collections.abc import Iterable
from typing import Any

from tracedesk.assertions.call_order import PAIR_FIELDS
from tracedesk.assertions.call_spec import SPEC_FIELDS
from tracedesk.assertions.fields import EXTENSION_PREFIX, Field
from tracedesk.assertions.node_call import FIELDS as NODE_CALL_FIELDS
from tracedesk.assertions.registry import CHILD_FIELDS, COMMON_FIELDS, TARGETS
from tracedesk.assertions.selectors import SELECTOR_FIELDS
from tracedesk.query.matchers import ALIASES, MATCHERS
from tracedesk.query.shapes import TYPES

_EXTENSIONS: dict[str, Any] = {f"^{EXTENSION_PREFIX}": {}}

_EXPECTED: dict[str, Any] = {"$ref": "#/$defs/expected"}

_VALUES: dict[str, dict[str, Any]] = {
    "regex": {"type": "string", "minLength": 1},
    "approx": {"type": "number"},
    "one_of": {"type": "array", "minItems": 1, "items": _EXPECTED},
    "type": {"anyOf": [{"enum": list(TYPES)}, {"type": "array", "items": {"enum": list(TYPES)}}]},
    "starts_with": {"type": "string", "minLength": 1},
    "ends_with": {"type": "string", "minLength": 1},
    "length": {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/matcher"}]},
    "contains_all": {"type": "array", "minItems": 1, "items": _EXPECTED},
    "unordered": {"type": "array", "items": _EXPECTED},
    "not": _EXPECTED,
    "json": _EXPECTED,
    "partial": {"type": ["object", "array"]},
    "schema": {"type": "object", "minProperties": 1},
}
"""What ``value`` must be, by matcher; anything where the matcher is not named."""

_OPTIONS: dict[str, dict[str, Any]] = {
    "ignore_case": {"type": "boolean"},
    "flags": {"type": "string", "pattern": "^[imsx]*$"},
    "abs": {"type": "number", "minimum": 0},
    "rel": {"type": "number", "minimum": 0},
}


def definitions() -> dict[str, Any]:
    """``$defs`` of a test-case file's schema; ``#/$defs/assertion`` is the entry."""
    return {
        "assertion": {"anyOf": [_assertion(target, COMMON_FIELDS) for target in TARGETS]},
        "child": {"anyOf": [_assertion(target, CHILD_FIELDS) for target in TARGETS]},
        "call_spec": {"anyOf": [{"type": "string", "minLength": 1}, _object(SPEC_FIELDS)]},
        "expected": _expected(),
        "matcher": {"anyOf": [_matcher(name) for name in MATCHERS]},
        "pair": _object(PAIR_FIELDS),
        "selector": _object(SELECTOR_FIELDS),
        "tool_call": _object(NODE_CALL_FIELDS),
        "when": {"type": ["string", "object"]},
    }


def _object(fields: Iterable[Field]) -> dict[str, Any]:
    """The schema of an object with these fields and no others."""
    properties: dict[str, Any] = {}
    demands: list[dict[str, Any]] = []
    for field in fields:
        described = {**field.shape.schema, "description": field.doc}
        names = (field.name, *field.aliases)
        properties |= dict.fromkeys(names, described)
        if field.required:
            demands.append({"anyOf": [{"required": [name]} for name in names]})
    found: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "patternProperties": _EXTENSIONS,
        "additionalProperties": False,
    }
    return {**found, "allOf": demands} if demands else found


def _assertion(target: str, common: Iterable[Field]) -> dict[str, Any]:
    """One kind. Only ``semantic`` may leave its target out."""
    kind = TARGETS[target]
    found = _object((*common, *kind.fields))
    found["description"] = kind.doc
    for name in ("target", "type"):
        found["properties"][name] = {"const": target}
    if target != "semantic":
        named = {"anyOf": [{"required": ["target"]}, {"required": ["type"]}]}
        found["allOf"] = [*found.get("allOf", ()), named]
    return found


def _expected() -> dict[str, Any]:
    """A matcher object, an object or list of expected values, or a literal."""
    an_object = {
        "type": "object",
        "not": {"required": ["matcher"]},
        "additionalProperties": _EXPECTED,
    }
    return {
        "anyOf": [
            {"$ref": "#/$defs/matcher"},
            an_object,
            {"type": "array", "items": _EXPECTED},
            {"type": ["string", "number", "boolean", "null"]},
        ]
    }


def _matcher(name: str) -> dict[str, Any]:
    """The matcher object of one matcher, by its name or another name for it."""
    row = MATCHERS[name]
    names = [name, *(alias for alias, meant in ALIASES.items() if meant == name)]
    properties: dict[str, Any] = {
        "matcher": {"enum": names, "description": row.doc},
        "optional": {"type": "boolean", "description": "absent is fine too"},
        **{option: _OPTIONS.get(option, {}) for option in row.options},
    }
    found: dict[str, Any] = {"type": "object", "required": ["matcher"]}
    if row.needs_value:
        properties["value"] = _VALUES.get(name, {})
        if row.expression:
            properties["expression"] = {"type": "string", "minLength": 1}
            found["oneOf"] = [{"required": ["value"]}, {"required": ["expression"]}]
        else:
            found["required"] = ["matcher", "value"]
    else:
        found["required"] = ["matcher", *row.options]
    return {**found, "properties": properties, "additionalProperties": False}
