"""What a test-case file says once it is read: cases, their assertions, and what is wrong.

A case that was written is always here, however broken: it evaluates to an error and is
never silently left out. Everything is immutable; a saved file makes new objects.
"""

import msgspec

from tracedesk.assertions.registry import Assertion
from tracedesk.testcases.when import When


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """Something a reader of a file should know, at a place in it."""

    file: str
    line: int
    column: int
    severity: str = "error"
    """``error``, ``warning``, or ``info`` for what is only worth knowing."""
    code: str
    message: str
    """In words, the did-you-mean included."""
    path: str = "$"
    """JSONPath from the root of the file."""
    suggestion: str | None = None
    """The name that was probably meant, alone."""

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {self.severity}: {self.message} [{self.code}]"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One assertion in its case."""

    assertion: Assertion
    line: int
    column: int
    when: When | None = None
    digest: str = ""
    """Changes when the verdict of this one assertion could."""
    problems: tuple[Diagnostic, ...] = ()
    """Errors inside this assertion; any of them makes its verdict ``error``."""
    places: dict[str, int] = {}
    """Line of each of its own fields, for pointing at the one that decided."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One test case with the file's defaults merged in and its variables filled."""

    id: str
    name: str
    file: str
    line: int
    agent: str | None = None
    """Agent id or name; None applies to every agent."""
    status: str = "active"
    scenario: str = ""
    input: str | tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    when: When | None = None
    threshold: float | None = None
    weight: float = 1.0
    checks: tuple[Check, ...] = ()
    digest: str = ""
    """Changes when a verdict could; moving the case in its file does not change it."""
    problems: tuple[Diagnostic, ...] = ()
    """Errors in the case's own fields or its file; any of them makes the case ``error``."""

    @property
    def assertions(self) -> tuple[Assertion, ...]:
        """The assertions in order."""
        return tuple(check.assertion for check in self.checks)

    @property
    def lines(self) -> tuple[int, ...]:
        """Line of each assertion, from 1."""
        return tuple(check.line for check in self.checks)

    @property
    def active(self) -> bool:
        return self.status == "active"


class CaseFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file as last read."""

    path: str
    """Relative to the root, with forward slashes, as shown and as part of case ids."""
    cases: tuple[Case, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    """In file order."""
    digest: str = ""
    """Of the bytes that were read; blank when they could not be read."""
    text: str = ""
    stale: bool = False
    """The file is broken as a whole and ``cases`` are the last good ones."""
    is_test_file: bool = True
    """False for a file in a folder that has no ``cases``."""
    inputs: tuple[str, ...] = ()
    """Absolute paths of the files of parameters that it names, read or not."""
    failed: bool = False
    """An error concerns the file as a whole, not one case."""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.is_error)
