"""What is wrong with something a person wrote, and where: found on loading, before any trace.

A problem points into the written object by path; whoever read the file turns that into
line and column.
"""

from typing import Any, TypeAlias

import msgspec

Place: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the written object's root."""

ERROR = "error"
WARNING = "warning"


class Problem(msgspec.Struct, frozen=True):
    """One fault (codes: assertion spec 5.2)."""

    path: Place
    code: str
    message: str
    suggestion: str | None = None
    """The *did you mean*, when some known name is near."""
    severity: str = ERROR
    on_key: bool = False
    """True when the key at ``path`` is at fault, not its value."""


class Report:
    """Collects the problems of one written object."""

    __slots__ = ("problems",)

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def error(
        self,
        path: Place,
        code: str,
        message: str,
        suggestion: str | None = None,
        *,
        on_key: bool = False,
    ) -> None:
        """Record an error; a near name is added to the message as *did you mean*."""
        if suggestion is not None:
            message = f"{message}; did you mean '{suggestion}'?"
        self.problems.append(Problem(path, code, message, suggestion, ERROR, on_key))

    def warn(
        self,
        path: Place,
        code: str,
        message: str,
        suggestion: str | None = None,
        *,
        on_key: bool = False,
    ) -> None:
        """Record a warning: worth knowing, but the object can be used."""
        self.problems.append(Problem(path, code, message, suggestion, WARNING, on_key))

    def text_keys(self, obj: dict[Any, Any], path: Place) -> bool:
        """Whether all keys are text; reports those that are not, as YAML allows them to be."""
        odd = [key for key in obj if not isinstance(key, str)]
        for key in odd:
            message = f'a key is text; write "{key}" in quotes'
            self.error((*path, key), "wrong-type", message, on_key=True)
        return not odd

    @property
    def faulty(self) -> bool:
        """True once an error was recorded."""
        return any(problem.severity == ERROR for problem in self.problems)

    @property
    def errors(self) -> int:
        """How many errors were recorded."""
        return sum(problem.severity == ERROR for problem in self.problems)
