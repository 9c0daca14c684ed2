"""What a user may configure about reading."""

import msgspec


class ReadingSettings(msgspec.Struct, frozen=True):
    """Settings of one agent's reading. Hashable: plans are kept per settings."""

    response_path: str | None = None
    """Custom API: dot path of the response, inside ``data`` first, then from the body."""
    roles: tuple[tuple[str, str], ...] = ()
    """Attribute name and role; a mapped attribute is tried before all built-in ones."""


ROLES = (
    "response",
    "input",
    "system",
    "tool_name",
    "tool_arguments",
    "tool_result",
    "model",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "http_status",
)
"""Roles that an attribute can be mapped to."""
