"""Reads the fields of a mapping one by one, reporting whatever is not what it should be.

A field of the wrong type is reported and then reads as absent, so that one mistake never
hides the next. ``0`` and ``false`` are values, never "not set".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tracedesk.query.names import nearest
from tracedesk.testcases.diagnostics import Diagnostics
from tracedesk.testcases.positions import Path
from tracedesk.testcases.variables import VARIABLE_NAME, as_text

_TYPE_NAMES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    ((int, float), "a number"),
    (list, "a list"),
    (dict, "a mapping"),
)


def described(value: object) -> str:
    """What a value is, in the words of a message."""
    return next((name for kind, name in _TYPE_NAMES if isinstance(value, kind)), "nothing")


class Fields:
    """The fields of one mapping, which stands at ``path`` in its file."""

    def __init__(self, found: Mapping[str, Any], path: Path, report: Diagnostics) -> None:
        self.found = found
        self.path = path
        self.report = report

    def text(self, key: str) -> str | None:
        """A text with something in it."""
        if key not in self.found:
            return None
        value = self.found[key]
        if isinstance(value, str) and value.strip():
            return value
        self._wrong((key,), "text", value)
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, which may be empty."""
        value = self.found.get(key, [])
        if not isinstance(value, list):
            self._wrong((key,), "a list of text", value)
            return ()
        for index, item in enumerate(value):
            if not isinstance(item, str) or not item.strip():
                self._wrong((key, index), "text", item)
        return tuple(item for item in value if isinstance(item, str))

    def messages(self, key: str) -> str | tuple[str, ...] | None:
        """One message or a list of them."""
        value = self.found.get(key)
        if not isinstance(value, list):
            return self.text(key)
        if not value:
            self._wrong((key,), "a message or a list of messages", value)
        return self.texts(key) or None

    def choice(self, key: str, known: Sequence[str], code: str) -> str | None:
        """One of a few words, spelt exactly."""
        value = self.text(key)
        if value is None or value in known:
            return value
        self.report.add(
            (*self.path, key),
            code,
            f"unknown {key} '{value}'; it is one of {', '.join(known)}",
            suggestion=nearest(value, known),
        )
        return None

    def weight(self, key: str) -> float | None:
        """A number from 0."""
        value = self.found.get(key, ...)
        if value is ... or (_is_number(value) and value >= 0):
            return None if value is ... else float(value)
        self._wrong((key,), "a number from 0", value)
        return None

    def threshold(self, key: str) -> float | None:
        """A number above 0, at most 1."""
        value = self.found.get(key, ...)
        if value is ...:
            return None
        if _is_number(value) and 0 < value <= 1:
            return float(value)
        if _is_number(value) and value == 0:
            self.report.add(
                (*self.path, key), "always-true", "a threshold of 0 is met by every trace"
            )
        else:
            self._wrong((key,), "a number above 0 and at most 1", value)
        return None

    def variables(self, key: str) -> dict[str, str]:
        """A map of variable names to the text that stands for them."""
        value = self.found.get(key, {})
        if not isinstance(value, dict):
            self._wrong((key,), "a mapping of variables", value)
            return {}
        filled: dict[str, str] = {}
        for name, content in value.items():
            if not VARIABLE_NAME.fullmatch(name):
                self.report.add(
                    (*self.path, key, name),
                    "wrong-type",
                    f"the variable name '{name}' must be capitals, digits and underscores",
                    on_key=True,
                )
            elif isinstance(content, str | int | float):
                filled[name] = as_text(content)
            else:
                self._wrong((key, name), "text or a number", content)
        return filled

    def wrong(self, key: str, expected: str) -> None:
        """Report that a field is not what it must be."""
        self._wrong((key,), expected, self.found[key])

    def require(self, key: str, what: str) -> bool:
        """Whether a required field is there at all; one that is misspelt was reported as that."""
        if key in self.found:
            return True
        if (*self.path, key) not in self.report.misspelt:
            self.report.add(self.path, "missing-field", f"{what} needs '{key}'")
        return False

    def _wrong(self, inside: Path, expected: str, value: object) -> None:
        path = (*self.path, *inside)
        name = next((step for step in reversed(path) if isinstance(step, str)), "it")
        if value is None or (isinstance(value, str | list | dict) and not value):
            self.report.add(path, "empty-value", f"{name} is empty; expected {expected}")
        elif isinstance(value, str) and not value.strip():
            self.report.add(path, "empty-value", f"{name} is blank; expected {expected}")
        else:
            quote = "; quote it" if expected == "text" and _is_number(value) else ""
            self.report.add(
                path, "wrong-type", f"{name} must be {expected}, not {described(value)}{quote}"
            )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
