"""The words in which the endpoint's schemas are written (JSON Schema 2020-12)."""

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]


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
