"""Why a body was refused: every fault with its place, so that one reply lists them all."""

import msgspec

MAX_FAULTS = 20
"""More faults of one body are not kept (ingestion spec 4.2)."""


class Fault(msgspec.Struct, frozen=True):
    """One fault; ``path`` is written like ``spans[0].name`` and is empty for the whole body."""

    path: str
    msg: str
    type: str = "field"
    location: str = "body"

    def __str__(self) -> str:
        return f"{self.path} {self.msg}" if self.path else self.msg


class FormatError(Exception):
    """The body cannot become a trace. ``str()`` tells the first fault in words."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(str(faults[0]))
        self.faults = list(faults[:MAX_FAULTS])


class Faults:
    """Collects the faults of one body, at most ``MAX_FAULTS``."""

    def __init__(self) -> None:
        self._found: list[Fault] = []

    def add(self, path: str, msg: str) -> None:
        if len(self._found) < MAX_FAULTS:
            self._found.append(Fault(path, msg))

    @property
    def full(self) -> bool:
        """True when no further fault will be kept."""
        return len(self._found) >= MAX_FAULTS

    def raise_if_any(self) -> None:
        """Raise ``FormatError`` with everything found."""
        if self._found:
            raise FormatError(*self._found)
