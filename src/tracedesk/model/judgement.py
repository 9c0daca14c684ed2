"""What a judge is asked about a text and what it answers (assertion spec 6.8).

Only these shapes are known to assertions; who answers them, from where and at what price is
the judge's own business. An answer never holds more than a score, a rationale and quotes.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

DEFAULT_THRESHOLD = 0.7


class Question(msgspec.Struct, frozen=True):
    """One criterion about one text."""

    criteria: str
    text: str
    """What is judged."""
    input: str | None = None
    """What the user had said; None when the trace does not tell."""
    calls: str | None = None
    """The calls of the trace, a line each, where the assertion wants them considered."""
    samples: int = 1
    """Judgements wanted, whose mean decides."""
    scenario: str | None = None
    """The situation and what is expected in it, as the author of the case wrote it."""


class Sample(msgspec.Struct, frozen=True):
    """One answer of a judge."""

    score: float
    """0 (not at all) to 1 (wholly)."""
    rationale: str = ""
    quotes: tuple[str, ...] = ()
    """What of the text it rests on, as the judge wrote it; may not be in the text."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """All answers that were wanted."""

    key: str
    """Content address of the question."""
    model: str
    samples: tuple[Sample, ...]
    cached: bool = False
    """Answered before this run; nothing was asked now."""
    heuristic: bool = False
    """By counting words; not an AI judgement."""
    injection: str = ""
    """Words of the trace that try to instruct the judge; blank mostly."""

    @property
    def score(self) -> float:
        return sum(sample.score for sample in self.samples) / len(self.samples)

    @property
    def spread(self) -> float:
        """Highest less lowest score."""
        scores = [sample.score for sample in self.samples]
        return max(scores) - min(scores)


class Pending(msgspec.Struct, frozen=True):
    """The judge is asked; the answer will be found under the same question."""

    key: str
    model: str


class Failure(msgspec.Struct, frozen=True):
    """The judge could not answer; an error, never a fail and never a pass."""

    code: str
    message: str
    """What happened and what to do about it."""
    model: str = ""


class Unasked(msgspec.Struct, frozen=True):
    """The judge was not asked, because nobody wanted it to be."""

    reason: str
    model: str = ""


Answer = Judgement | Pending | Failure | Unasked


class Judge(Protocol):
    """Whoever decides semantic assertions. Thread-safe; never blocks for an answer."""

    threshold: float
    """Passing score of assertions that name none."""
    samples: int
    """Judgements for assertions that say nothing of it."""
    include_trace: bool
    """Show the calls of the trace to the judge unless an assertion says otherwise."""

    def judgement(self, question: Question) -> Answer:
        """What is known by now. What is not known may be asked for in the background."""

    def answered_since(self, number: int) -> Sequence[str]:
        """Keys of questions answered or failed, in that order, but for the first ``number``."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict keeps of a judgement."""

    key: str = ""
    """Of the question; blank when there was none."""
    state: str
    """``answered``, ``pending``, ``failed`` or ``unasked``."""
    model: str = ""
    threshold: float = DEFAULT_THRESHOLD
    score: float | None = None
    margin: float | None = None
    """Score less threshold; negative when it fails."""
    scores: tuple[float, ...] = ()
    """One a sample."""
    spread: float = 0.0
    rationale: str = ""
    quotes: tuple[str, ...] = ()
    """Only those that are in the text."""
    cached: bool = False
    heuristic: bool = False

    @property
    def pending(self) -> bool:
        return self.state == "pending"


def judged_document(judged: Judged) -> dict[str, Any]:
    """What a judge said, or why it said nothing, as plain values."""
    return {
        "state": judged.state,
        "model": judged.model or None,
        "score": judged.score,
        "threshold": judged.threshold,
        "margin": judged.margin,
        "samples": list(judged.scores),
        "spread": judged.spread,
        "rationale": judged.rationale or None,
        "quotes": list(judged.quotes),
        "cached": judged.cached,
        "heuristic": judged.heuristic,
    }
