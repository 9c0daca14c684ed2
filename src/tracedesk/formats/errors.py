"""Why a body was refused: every fault with its place, so that one reply lists them all."""

from collections.abc import Iterable

import msgspec

MAX_FAULTS = 20
"""More faults of one body are not kept (ingestion spec 4.2)."""
LEFT_OUT = " and was left out"
NOT_DOCUMENTED = "; the hosted product may refuse it"
"""Ends the warning of what was converted: its documents know no such form (C18)."""


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
    """Collects the faults of one body, at most ``MAX_FAULTS``.

    ``strict`` says that what is otherwise converted and warned of is a fault too.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self._found: list[Fault] = []

    def add(self, path: str, msg: str) -> None:
        if len(self._found) < MAX_FAULTS:
            self._found.append(Fault(path, msg))

    def extend(self, faults: Iterable[Fault]) -> None:
        """Keep the faults of a part that could not be read on."""
        self._found = [*self._found, *faults][:MAX_FAULTS]

    def tolerate(self, path: str, what: str) -> str:
        """A deviation that can be read: what to warn of it. When strict, a fault instead."""
        if self.strict:
            self.add(path, f"{what.removesuffix(LEFT_OUT)} (refused by strict_canonical)")
        return f"{path} {what}{NOT_DOCUMENTED}"

    @property
    def full(self) -> bool:
        """True when no further fault will be kept."""
        return len(self._found) >= MAX_FAULTS

    def raise_if_any(self) -> None:
        """Raise ``FormatError`` with everything found."""
        if self._found:
            raise FormatError(*self._found)
