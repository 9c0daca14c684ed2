"""Inclusive bounds on a number that was read: shared by times, tokens and costs.

Zero is a bound; a number that is not there is missing, never zero.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import force_setattr

from tracedesk.model.verdict import Difference, Outcome
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import show


class Bound(msgspec.Struct, frozen=True):
    """One written bound."""

    field: str
    what: str
    """What is bounded, such as ``duration`` or ``total tokens``."""
    unit: str
    limit: float
    least: bool = False
    """True for a minimum."""
    words: str = ""
    """``≤ 2500 ms``, composed once."""

    def __post_init__(self) -> None:
        sign = "≥" if self.least else "≤"
        force_setattr(self, "words", f"{sign} {show(self.limit)} {self.unit}".rstrip())

    def holds(self, actual: float) -> bool:
        return actual >= self.limit if self.least else actual <= self.limit

    def margin(self, actual: float) -> str:
        """The actual against the bound, in words."""
        over = self.limit - actual if self.least else actual - self.limit
        size = show(_rounded(abs(over)))
        found = f"{self.what} {show(_rounded(actual))} {self.unit}".rstrip()
        if over > 0:
            return f"{found}, {size} {'below' if self.least else 'over'} the bound {self.words}"
        return f"{found}, within {self.words}" + (f" by {size}" if over else " exactly")

    def difference(self, actual: float, path: str) -> Difference:
        return Difference(
            path=path,
            expected=self.limit,
            actual=_rounded(actual),
            expected_type="number",
            actual_type="number",
            wording=self.words,
        )

    def outcome(self, actual: float | None) -> Outcome:
        """Pass, fail, or missing without a number."""
        if actual is None:
            return Outcome.MISSING
        return Outcome.PASS if self.holds(actual) else Outcome.FAIL


def _rounded(value: float) -> float:
    """As people write it: at most six places, and none on a whole number."""
    if type(value) is int:
        return value
    return int(value) if float(value).is_integer() else round(value, 6)


def shares_in_words(shares: Iterable[tuple[str, float]], unit: str = "") -> str:
    """What contributed most, in brackets; blank when nothing is known to."""
    listed = [f"{label} {show(_rounded(value))}{unit and ' '}{unit}" for label, value in shares]
    return f" (most: {', '.join(listed)})" if listed else ""


def need_one(values: dict[str, Any], fields: tuple[str, ...], place: Place, report: Report) -> bool:
    """Whether at least one of the fields is written; reports when none is."""
    if any(values[field] is not None for field in fields):
        return True
    report.error(place, "missing-field", f"needs at least one of {', '.join(fields)}")
    return False


def worst(outcomes: list[Outcome]) -> Outcome:
    """AND of section 2: fail, then error, then missing, then pass, then skipped."""
    return _first_of(_WORST, outcomes)


def best(outcomes: list[Outcome]) -> Outcome:
    """OR of section 2: pass, then error, then missing, then fail, then skipped."""
    return _first_of(_BEST, outcomes)


_WORST = (Outcome.FAIL, Outcome.ERROR, Outcome.MISSING, Outcome.PASS)
_BEST = (Outcome.PASS, Outcome.ERROR, Outcome.MISSING, Outcome.FAIL)


def _first_of(order: tuple[Outcome, ...], outcomes: list[Outcome]) -> Outcome:
    for outcome in order:
        if outcome in outcomes:
            return outcome
    return Outcome.SKIPPED
