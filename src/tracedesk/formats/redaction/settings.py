"""What the ``[redaction]`` table asks for, and which paths it may name.

Light to import: the configuration knows it, the rules themselves load when they are used.
"""

from typing import TYPE_CHECKING

import msgspec

from tracedesk.model.trace import TraceWarning

if TYPE_CHECKING:
    from tracedesk.formats.redaction.requests import Redactor

REDACTED = "[REDACTED]"
"""What stands in the place of a secret, whatever its type was."""
WILDCARD = "*"


class RedactionSettings(msgspec.Struct, frozen=True):
    """The ``[redaction]`` table; by default nothing is redacted."""

    automatic: bool = False
    """Redact by key name: passwords, keys, tokens, cookies."""
    paths: tuple[str, ...] = ()
    """Further places, such as ``customer.email`` or ``*.phone``."""

    @property
    def active(self) -> bool:
        """Is there anything to look for?"""
        return self.automatic or bool(self.paths)


class Redaction:
    """The redaction in force, shared by everything that takes requests in, so that all of it
    changes at once when it is configured anew."""

    def __init__(self, settings: RedactionSettings = RedactionSettings()) -> None:
        self.redactor: Redactor | None = None
        """None: nothing is redacted, and nothing looked for."""
        self.use(settings)

    def use(self, settings: RedactionSettings) -> None:
        """From now on redact by these."""
        if not settings.active:
            self.redactor = None
        elif self.redactor is None or self.redactor.settings != settings:
            from tracedesk.formats.redaction.requests import Redactor

            self.redactor = Redactor(settings)


def path_problem(path: str) -> str:
    """Why a redaction path cannot be used, and what to write instead; blank when it can."""
    if "[" in path or "]" in path:
        return f"{path!r} has brackets; lists are walked through, leave their indexes out"
    if not path.strip():
        return "a path is empty; write a key name, or several joined by dots"
    if path.startswith("."):
        return f"{path!r} begins with a dot; begin with a key name"
    if path.endswith("."):
        return f"{path!r} ends with a dot; end with a key name"
    for segment in path.split("."):
        if not segment.strip():
            return f"{path!r} has an empty segment; join key names by single dots"
        if WILDCARD in segment and segment != WILDCARD:
            return f"{path!r} has a partial wildcard {segment!r}; * stands for one whole level"
    return ""


def redacted_warning(count: int) -> TraceWarning:
    """What a trace says of the values of its request that were redacted."""
    values = "1 value was" if count == 1 else f"{count} values were"
    return TraceWarning("redacted", f"{values} redacted before this was stored")
