"""Tools on offer: names and declared parameters, in the shapes that clients send them.

An offer is never a call; it only tells that a name is a tool's, and what its arguments are.
"""

from typing import Any

from tracedesk.query.problems import Report
from tracedesk.query.schemas import Schema, compile_schema
from tracedesk.query.values import json_text


def read_declarations(value: Any, found: dict[str, Any]) -> None:
    """Names and parameters of a list of tool definitions, in any of the common shapes."""
    if isinstance(value, str):
        value = json_text(value)
    if not isinstance(value, list):
        return
    for item in value:
        if isinstance(item, str):
            item = json_text(item)
        if not isinstance(item, dict):
            continue
        inner = item.get("function")
        body = inner if isinstance(inner, dict) else item
        name = body.get("name")
        if isinstance(name, str) and name:
            parameters = next(
                (p for key in _PARAMETERS if isinstance(p := body.get(key), dict)), None
            )
            found.setdefault(name, parameters)


_PARAMETERS = ("parameters", "input_schema", "inputSchema", "schema")


def declared_schema(parameters: dict[str, Any]) -> Schema | None:
    """The compiled schema of declared parameters; None when it cannot be used."""
    return compile_schema(parameters, (), Report())
