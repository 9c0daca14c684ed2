"""What the last edit of a case file turned over, as far as the evaluator has come.

The evaluator notes it while it goes from one plan to the next, from what it remembers anyway;
so it is known without reading anything, and only of cases that are there before and after.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tracedesk.evaluation.memo import Known, Pair
from tracedesk.evaluation.plan import Plan
from tracedesk.model.verdict import Outcome
from tracedesk.testcases.models import CaseFile

LISTED = 1_000
"""Flips of one edit that are listed; of all there are counts."""

_ORDER = (Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.MISSING, Outcome.SKIPPED)


class Flipped(msgspec.Struct, frozen=True, gc=False):
    """One case that came out otherwise on one trace."""

    trace: str
    case: str
    name: str
    file: str
    line: int
    was: Outcome
    now: Outcome

    @property
    def kind(self) -> str:
        """``pass→fail``."""
        return f"{self.was}→{self.now}"


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One edit, and what it has turned over so far."""

    files: tuple[str, ...]
    """The case files that changed."""
    counts: tuple[tuple[str, int], ...] = ()
    """Kind and number, lost passes first."""
    listed: tuple[Flipped, ...] = ()
    """At most ``LISTED``; lost passes first."""

    @property
    def total(self) -> int:
        return sum(number for _, number in self.counts)

    @property
    def kinds(self) -> str:
        """``3 pass→fail, 1 fail→pass``."""
        return ", ".join(f"{number:,} {kind}" for kind, number in self.counts)

    def __str__(self) -> str:
        """``edited booking.yaml: 3 pass→fail, 1 fail→pass``; blank when nothing flipped."""
        if not self.counts:
            return ""
        some, more = self.files[:2], len(self.files) - 2
        names = ", ".join(name.rpartition("/")[2] for name in some)
        names += f" and {more} more" if more > 0 else ""
        return f"edited {names}: {self.kinds}"


class Flips:
    """Gathers the flips of one edit at a time. One thread writes, ``edit`` is for any."""

    def __init__(self) -> None:
        self._files: tuple[str, ...] = ()
        self._counts: Counter[tuple[Outcome, Outcome]] = Counter()
        self._listed: list[Flipped] = []

    def begin(self, before: Sequence[CaseFile], after: Sequence[CaseFile]) -> None:
        """Other files apply. What they turn over is a new edit, unless they say the same or
        none applied before."""
        digests = {file.path: file.digest for file in before}
        changed = tuple(f.path for f in after if digests.get(f.path, f.digest) != f.digest)
        if changed:
            self._files, self._counts, self._listed = changed, Counter(), []

    def note(self, trace: str, older: Known | None, plan: Plan, pairs: Sequence[Pair]) -> None:
        """A trace was evaluated by ``plan``; ``older`` is what was known of the same revision."""
        if older is None or older.plan is plan or not self._files:
            return
        for here, there in plan.edited_from(older.plan):
            case, pair, before = plan.cases[here], pairs[here], older.pairs[there]
            if before.outcome is pair.outcome:
                continue
            self._counts[before.outcome, pair.outcome] += 1
            if len(self._listed) < LISTED:
                turned = (before.outcome, pair.outcome)
                self._listed.append(
                    Flipped(trace, case.id, case.name, case.file, case.line, *turned)
                )

    @property
    def edit(self) -> Edit | None:
        """The last edit with what is known of it by now; None before the first."""
        if not self._files:
            return None
        return edit_of(self._files, self._counts.copy(), self._listed.copy())


def edit_of(
    files: tuple[str, ...], counts: Mapping[tuple[Outcome, Outcome], int], listed: Iterable[Flipped]
) -> Edit:
    """An edit with its flips in order, lost passes first."""
    ordered = sorted(counts.items(), key=lambda item: _rank(*item[0]))
    return Edit(
        files=files,
        counts=tuple((f"{was}→{now}", number) for (was, now), number in ordered),
        listed=tuple(sorted(listed, key=lambda flip: _rank(flip.was, flip.now))),
    )


def _rank(was: Outcome, now: Outcome) -> tuple[int, int]:
    return _ORDER.index(was), _ORDER.index(now)
