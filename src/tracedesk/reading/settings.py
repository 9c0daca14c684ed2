"""What a user may configure about reading, and what is wrong with it."""

from collections.abc import Iterable
from difflib import get_close_matches

import msgspec

ROLES = (
    "response",
    "input",
    "system",
    "tool_name",
    "tool_arguments",
    "tool_result",
    "model",
    "usage_input",
    "usage_output",
    "usage_total",
    "usage_reasoning",
    "http_status",
)
"""Roles that an attribute can be mapped to."""


class ReadingSettings(msgspec.Struct, frozen=True):
    """Settings of one agent's reading. Hashable: plans are kept per settings."""

    response_path: str | None = None
    """Custom API: dot path of the response, inside ``data`` first, then from the body."""
    roles: tuple[tuple[str, str], ...] = ()
    """Attribute name and role; a mapped attribute is tried before all built-in ones."""

    def mapped(self, role: str) -> tuple[str, ...]:
        """The attributes that are mapped to a role, in order."""
        return tuple(attribute for attribute, given in self.roles if given == role)


def check_roles(roles: Iterable[tuple[str, str]]) -> list[str]:
    """What is wrong with the pairs of attribute and role, one sentence each; unknown roles
    come with the one that was probably meant."""
    problems = []
    for attribute, role in roles:
        if not attribute.strip():
            problems.append(f"reading.map: an attribute mapped to {role!r} has no name")
        if role not in ROLES:
            near = get_close_matches(role.strip().lower(), ROLES, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known roles: {', '.join(ROLES)}"
            problems.append(f"reading.map: {attribute!r} has the unknown role {role!r}; {hint}")
    return problems
