"""What one assertion found on one trace, and why (assertion spec 2 and 5.3)."""

from enum import StrEnum
from typing import Any

import msgspec

from tracedesk.model.judgement import Judged


class Outcome(StrEnum):
    """The five answers. Only PASS and FAIL are decided; nothing is green by default."""

    PASS = "pass"
    FAIL = "fail"
    MISSING = "missing"
    ERROR = "error"
    SKIPPED = "skipped"

    @property
    def decided(self) -> bool:
        return self is PASS or self is FAIL


PASS, FAIL, MISSING = Outcome.PASS, Outcome.FAIL, Outcome.MISSING
"""The usual answers, looked up once: on a class of choices each look costs as much as a call."""


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """A place in the trace that made, broke or informed a verdict."""

    span: str | None
    """Span id; None for a trace-level fact."""
    of: str = "span"
    """What ``path`` is rooted at: arguments, output, attributes, response, input, data,
    metadata, span or trace."""
    path: str = "$"
    role: str = "decided"
    """``decided``, ``violated``, ``inspected`` or ``absent_here``."""
    chars: tuple[int, int] | None = None
    """Start and end of the characters meant, when the value is text and only they count."""


class Difference(msgspec.Struct, frozen=True, gc=False):
    """One differing leaf. An absent side has type ``absent`` and value None."""

    path: str
    expected: Any
    actual: Any
    expected_type: str
    actual_type: str
    hint: str = ""
    wording: str = ""
    """The expectation in words, such as ``number ≤ 100``."""


class NearMiss(msgspec.Struct, frozen=True, gc=False):
    """A call that almost satisfied, and why it did not."""

    span: str
    name: str
    matched: int
    total: int
    why: str
    order: int = 0
    """Place in the call list, from 0."""


class Caution(msgspec.Struct, frozen=True, gc=False):
    """Something a reader should know beside a verdict; it never changes the verdict."""

    code: str
    message: str


class Support(msgspec.Struct, frozen=True, gc=False):
    """How much was inspected. All zero is never a pass."""

    spans: int = 0
    calls: int = 0
    chars: int = 0


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The result of one assertion on one trace. Name the fields; only the engine, which makes
    them all, gives them by position."""

    outcome: Outcome
    reason: str
    """One plain sentence; a pass explains itself too."""
    reason_code: str = ""
    target: str = ""
    assertion: str = ""
    """Id of the assertion in its case (``a1`` by position)."""
    name: str = ""
    line: int = 0
    missing_kind: str | None = None
    """``instrumentation`` or ``vacuous``, when missing."""
    score: float | None = None
    """1.0 or 0.0 when decided (a judge's score for semantic), else None."""
    weight: float = 1.0
    expected: Any = None
    actual: Any = None
    differences: tuple[Difference, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    near_misses_left: int = 0
    """How many more near misses there were than are listed."""
    cautions: tuple[Caution, ...] = ()
    support: Support = Support()
    stage: str = ""
    """Stage of the failure matrix that a failure counts under (assertion spec 10.4)."""
    children: tuple["Verdict", ...] = ()
    judged: Judged | None = None
    """What a judge said, or that it is being asked; None for what no judge decides."""

    @property
    def awaited(self) -> tuple[str, ...]:
        """Keys of the questions whose answers this verdict waits for."""
        if self.judged is not None and self.judged.pending:
            return (self.judged.key,)
        if not self.children:  # as nearly every one
            return ()
        return tuple(key for child in self.children for key in child.awaited)


class CaseVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one test case on one trace (assertion spec 10.2)."""

    case: str
    """Case id, unique among all loaded files."""
    name: str
    file: str
    line: int
    outcome: Outcome
    score: float | None
    """Weighted mean over decided assertions; None when none is decided."""
    verdicts: tuple[Verdict, ...] = ()
    weight: float = 1.0
    reason: str = ""
    """Why the whole case was skipped or is an error; blank otherwise."""

    @property
    def incomplete(self) -> int:
        """How many assertions are missing in a case that is not itself missing."""
        return sum(v.outcome is MISSING for v in self.verdicts)
