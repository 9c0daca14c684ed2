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
from tracedesk.assertions.registry import COMMON_FIELDS, TARGETS
from tracedesk.assertions.selectors import SELECTOR_FIELDS
from tracedesk.query.matchers import ALIASES, MATCHERS

_EXTENSIONS: dict[str, Any] = {f"^{EXTENSION_PREFIX}": {}}

_NAMES_A_MATCHER = {"type": "object", "required": ["matcher"]}


def definitions() -> dict[str, Any]:
    """``$defs`` of a test-case file's schema; ``#/$defs/assertion`` is the entry."""
    return {
        "assertion": {"anyOf": [_assertion(target) for target in TARGETS]},
        "call_spec": {"anyOf": [{"type": "string", "minLength": 1}, _object(SPEC_FIELDS)]},
        "expected": {"anyOf": [{"$ref": "#/$defs/matcher"}, {"not": _NAMES_A_MATCHER}]},
        "matcher": _matcher(),
        "pair": _object(PAIR_FIELDS),
        "selector": _object(SELECTOR_FIELDS),
        "tool_call": _object(NODE_CALL_FIELDS),
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


def _assertion(target: str) -> dict[str, Any]:
    """One kind. Only ``semantic`` may leave its target out."""
    kind = TARGETS[target]
    found = _object((*COMMON_FIELDS, *kind.fields))
    found["description"] = kind.doc
    for name in ("target", "type"):
        found["properties"][name] = {"const": target}
    if target != "semantic":
        named = {"anyOf": [{"required": ["target"]}, {"required": ["type"]}]}
        found["allOf"] = [*found.get("allOf", ()), named]
    return found


def _matcher() -> dict[str, Any]:
    names = [*MATCHERS, *ALIASES]
    options: dict[str, Any] = {option: {} for row in MATCHERS.values() for option in row.options}
    return {
        "type": "object",
        "required": ["matcher"],
        "properties": {
            "matcher": {"enum": names},
            "value": {},
            "expression": {"type": "string"},
            "optional": {"type": "boolean"},
            **options,
        },
        "additionalProperties": False,
    }
