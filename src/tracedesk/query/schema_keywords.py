"""The keywords of JSON Schema, so that a misspelt one is told and not passed over.

The standard ignores what it does not know: ``requried`` would accept every instance.
"""

from collections.abc import Iterator
from typing import Any, Final

from tracedesk.query.names import nearest
from tracedesk.query.problems import Place, Report

_OF_MAPS: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_OF_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_OF_ONE: Final = (
    "not",
    "if",
    "then",
    "else",
    "items",
    "contains",
    "additionalItems",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
)

ANNOTATIONS: Final = frozenset(
    """
    $schema $id $anchor $dynamicAnchor $vocabulary $comment $defs definitions id
    title description default deprecated readOnly writeOnly examples
    format contentEncoding contentMediaType contentSchema
    """.split()  # noqa: SIM905 - a table of words reads best as words
)
"""Keywords that say something and refuse nothing."""

CONSTRAINTS: Final = frozenset(
    """
    $ref $dynamicRef $recursiveRef type enum const not if then else allOf anyOf oneOf
    multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern
    items prefixItems additionalItems contains maxContains minContains maxItems minItems
    uniqueItems unevaluatedItems properties patternProperties additionalProperties
    propertyNames unevaluatedProperties required maxProperties minProperties
    dependentRequired dependentSchemas dependencies
    """.split()  # noqa: SIM905
)

_FOREIGN: Final = frozenset({"example", "$recursiveAnchor"})
"""Near to a keyword, but a word of their own in OpenAPI or an older draft."""

_KEYWORDS: Final = (*sorted(CONSTRAINTS), *sorted(ANNOTATIONS))


DEEPEST: Final = 1000
"""Levels of nesting that are walked: whatever lies deeper, no validator reaches."""


def refuse_misspelt(schema: Any, path: Place, report: Report) -> None:
    """Report every key that nearly is a keyword, and a schema without any that constrains."""
    if isinstance(schema, dict) and not schema.keys() & CONSTRAINTS:
        near = any(nearest(key, _KEYWORDS) for key in schema.keys() - ANNOTATIONS - _FOREIGN)
        if not near:
            message = "this schema accepts everything: it has no keyword that refuses something"
            report.error(path, "always-true", message)
    for place, node in _schemas(schema, path):
        for key in node:
            if key in CONSTRAINTS or key in ANNOTATIONS or key in _FOREIGN:
                continue
            meant = nearest(key, _KEYWORDS)
            if meant is not None:
                message = f"JSON Schema has no '{key}' and would ignore it"
                report.error((*place, key), "unknown-key", message, meant, on_key=True)


def _schemas(schema: Any, path: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The schema and those inside it; what only looks like one, such as a default, is not."""
    stack: list[tuple[Place, Any]] = [(path, schema)]
    deepest = len(path) + DEEPEST
    while stack:
        place, node = stack.pop()
        if not isinstance(node, dict):
            continue
        yield place, node
        if len(place) > deepest:
            continue
        for keyword in _OF_MAPS:
            inner = node.get(keyword)
            if isinstance(inner, dict):
                stack += [((*place, keyword, name), item) for name, item in inner.items()]
        for keyword in _OF_LISTS:
            items = node.get(keyword)
            if isinstance(items, list):
                stack += [((*place, keyword, i), item) for i, item in enumerate(items)]
        stack += [((*place, keyword), node[keyword]) for keyword in _OF_ONE if keyword in node]
