"""What a comparison has to say in words and figures: of one pair, of both traces as a whole, and
of the verdicts on them. The screen and ``tracedesk compare`` both read this.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from tracedesk.comparing.comparison import Comparison, state
from tracedesk.comparing.differences import value_differences
from tracedesk.comparing.side import BLANK, Content, Side
from tracedesk.model.reading import Reading
from tracedesk.model.verdict import CaseVerdict, Difference, Outcome, Verdict
from tracedesk.query.text import NO_VALUE, duration_text
from tracedesk.query.values import ABSENT

ENDINGS = ("fail", "error", "missing", "skipped", "pass")


class Fact(msgspec.Struct, frozen=True):
    """One thing that both sides have, as a person reads it."""

    name: str
    left: str
    right: str
    telling: bool = True
    """False for what differs between any two runs, such as a duration."""

    @property
    def same(self) -> bool:
        return self.left == self.right


class Part(msgspec.Struct, frozen=True):
    """What was given or given back on both sides, and where that differs."""

    title: str
    left: Content
    right: Content
    differences: tuple[Difference, ...] = ()
    more: int = 0
    """Differences that are not listed."""


class PairTold(msgspec.Struct, frozen=True):
    """Everything that differs of one pair."""

    facts: tuple[Fact, ...]
    parts: tuple[Part, ...]


class VerdictChange(msgspec.Struct, frozen=True):
    """One assertion, or a whole case, that came out otherwise; None where it did not apply."""

    case: str
    """Name of the case."""
    file: str
    line: int
    label: str
    """The assertion in words; blank for the whole case."""
    left: Outcome | None
    right: Outcome | None
    reason: str
    """Of the side that came out worse."""


def pair_told(comparison: Comparison, left: int | None, right: int | None) -> PairTold:
    """What differs of a pair, or all that a call says which stands alone. May take long for
    contents of megabytes: call it from a worker."""
    sides = (comparison.left, left), (comparison.right, right)
    return PairTold(tuple(_facts(*sides)), tuple(_parts(*sides)))


Place = tuple[Side, int | None]


def _facts(left: Place, right: Place) -> Iterator[Fact]:
    for name, told, telling in (
        ("name", _name, True), ("role", _role, True), ("status", _status, True),
        ("duration", _duration, False),
    ):  # fmt: skip
        yield Fact(name, told(*left), told(*right), telling)


def _name(side: Side, row: int | None) -> str:
    return NO_VALUE if row is None else side.spans[row].label


def _role(side: Side, row: int | None) -> str:
    return NO_VALUE if row is None else side.roles[row]


def _status(side: Side, row: int | None) -> str:
    if row is None:
        return NO_VALUE
    why = side.spans[row].failure
    return state(side.spans[row]) + (f": {why}" if why else "")


def _duration(side: Side, row: int | None) -> str:
    taken = None if row is None else side.spans[row].duration_ns
    return duration_text(None if taken is None else taken / 1e6)


def _parts(left: Place, right: Place) -> Iterator[Part]:
    for title, read in (("given", Side.given_at), ("gave", Side.gave_at)):
        here, there = _content(read, left), _content(read, right)
        if here.what or there.what:
            yield _part(_title(title, here, there), here, there)
    here, there = (
        Content("settings", {} if row is None else side.settings_at(row))
        for side, row in (left, right)
    )
    if here.value != there.value:
        yield _part("settings", here, there)


def _title(part: str, left: Content, right: Content) -> str:
    what = left.what or right.what
    if what == "messages":
        return "messages given" if part == "given" else "messages given back"
    return what


def _content(read: Any, place: Place) -> Content:
    side, row = place
    return BLANK if row is None else read(side, row)


def _part(title: str, left: Content, right: Content) -> Part:
    if left.value is ABSENT or right.value is ABSENT:
        return Part(title, left, right)
    differences, more = value_differences(left.value, right.value)
    return Part(title, left, right, tuple(differences), more)


# -- both traces as a whole ------------------------------------------------------------


def trace_facts(left: Side, right: Side) -> list[Fact]:
    """Status, figures and texts of both traces."""
    found = []
    here, there = _figures(left), _figures(right)
    for name, telling in FIGURES:
        found.append(Fact(name, here[name], there[name], telling))
    return found


FIGURES = (
    ("status", True), ("duration", False), ("tokens", False), ("model", True), ("spans", True),
    ("tool calls", True), ("errors", True), ("HTTP status", True),
)  # fmt: skip
"""What is said of a trace as a whole, and whether a difference of it tells anything."""


def _figures(side: Side) -> dict[str, str]:
    reading = side.reading
    return {
        "status": reading.status,
        "duration": duration_text(reading.duration_ms.value),
        "tokens": _tokens(reading),
        "model": reading.model or NO_VALUE,
        "spans": f"{len(side):,}",
        "tool calls": f"{len(reading.tool_calls):,}",
        "errors": f"{sum(span.failed for span in side.spans):,}",
        "HTTP status": _number(reading.http_status.value),
    }


def _tokens(reading: Reading) -> str:
    usage = reading.usage
    if usage.total is None and usage.input is None and usage.output is None:
        return NO_VALUE
    return f"{_number(usage.total)} ({_number(usage.input)}↑ {_number(usage.output)}↓)"


def _number(value: float | None) -> str:
    return NO_VALUE if value is None else f"{value:,.0f}"


def trace_texts(left: Side, right: Side) -> list[tuple[str, str | None, str | None]]:
    """Input and response of both traces; None where there is none."""
    return [
        ("input", left.reading.input.text, right.reading.input.text),
        ("response", left.reading.response.text, right.reading.response.text),
    ]


# -- verdicts --------------------------------------------------------------------------


def verdict_changes(
    left: Iterable[CaseVerdict], right: Iterable[CaseVerdict]
) -> list[VerdictChange]:
    """Assertions that came out otherwise, worst on the right first; a case that was skipped as a
    whole, or applies to one side only, counts as one."""
    here = {case.case: case for case in left}
    there = {case.case: case for case in right}
    found = [
        change
        for case in (*here, *(case for case in there if case not in here))
        for change in _case_changes(here.get(case), there.get(case))
    ]
    rank = {ending: at for at, ending in enumerate(ENDINGS)}
    return sorted(found, key=lambda change: rank.get(change.right or "", len(rank)))


def _case_changes(left: CaseVerdict | None, right: CaseVerdict | None) -> Iterator[VerdictChange]:
    known = right or left
    assert known is not None, "one side at least has the case"
    here = _applying(left)
    there = _applying(right)
    if here is None or there is None:
        outcomes = (
            None if left is None else left.outcome,
            None if right is None else right.outcome,
        )
        if outcomes[0] != outcomes[1]:
            yield VerdictChange(known.name, known.file, known.line, "", *outcomes, known.reason)
        return
    for key in (*here, *(key for key in there if key not in here)):
        a, b = here.get(key), there.get(key)
        outcomes = (None if a is None else a.outcome, None if b is None else b.outcome)
        if outcomes[0] != outcomes[1]:
            told = b if b is not None and b.outcome is not Outcome.PASS else a or b
            assert told is not None, "one side at least has the assertion"
            label = f"{told.target} {told.name}".rstrip()
            line = told.line or known.line
            yield VerdictChange(known.name, known.file, line, label, *outcomes, told.reason)


def _applying(case: CaseVerdict | None) -> dict[str, Verdict] | None:
    """The assertions of a case by id; None when it was skipped or does not apply."""
    if case is None or case.outcome is Outcome.SKIPPED or not case.verdicts:
        return None
    return {verdict.assertion: verdict for verdict in case.verdicts}
