"""A compiled assertion, as test cases hold it and the engine evaluates it."""

from typing import Any

import msgspec

from tracedesk.assertions.finding import Rule
from tracedesk.query.problems import ERROR, Problem


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """One assertion. With a problem of severity error ``rule`` is None."""

    id: str
    target: str
    name: str = ""
    weight: float = 1.0
    stage: str | None = None
    """The author's override of the matrix stage."""
    default_stage: str = ""
    """Stage of the kind, for verdicts that cannot tell a better one."""
    tags: tuple[str, ...] = ()
    when: Any = None
    """As written; None when there is no condition."""
    source: Any = None
    """The raw object."""
    problems: tuple[Problem, ...] = ()
    rule: Rule | None = None

    @property
    def usable(self) -> bool:
        """False when loading found an error: such an assertion is ``error`` everywhere."""
        return self.rule is not None

    @property
    def fault(self) -> Problem | None:
        """The error that says most about why it cannot be used."""
        errors = [problem for problem in self.problems if problem.severity == ERROR]
        telling = (problem for problem in errors if problem.code != "missing-field")
        return next(telling, errors[0] if errors else None)
