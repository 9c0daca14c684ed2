"""What the last edit of a case file turned over, as far as the evaluator has come.

The evaluator notes it while it goes from one plan to the next, from what it remembers anyway;
so it is known without reading anything, and only of cases that are there before and after.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from tracedesk.evaluation.memo import Entry, Known
from tracedesk.model.verdict import Outcome
from tracedesk.testcases.models import CaseFile

LISTED = 1_000
"""Flips of one edit that are listed; of all there are counts."""

REMEMBERED = 1_000
"""Results before and after an edit that are compared but once; when exceeded, all anew."""

Turned: TypeAlias = tuple[tuple[int, Outcome, Outcome], ...]
"""Place of a case in its plan, what came out of it before, and what now."""

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
        self._alike: dict[tuple[int, int], tuple[Known, Known, Turned]] = {}

    def begin(self, before: Sequence[CaseFile], after: Sequence[CaseFile]) -> None:
        """Other files apply. What they turn over is a new edit, unless they say the same or
        none applied before."""
        digests = {file.path: file.digest for file in before}
        changed = tuple(f.path for f in after if digests.get(f.path, f.digest) != f.digest)
        if changed:
            self._files, self._counts, self._listed = changed, Counter(), []
            self._alike.clear()

    def note(self, entry: Entry, older: Known | None) -> None:
        """A trace was evaluated; ``older`` is what was known of the same revision."""
        known = entry.known
        if older is None or known is None or older.plan is known.plan or not self._files:
            return
        for here, *turned in self._turned(older, known):
            self._counts[turned[0], turned[1]] += 1
            if len(self._listed) < LISTED:
                case = known.plan.cases[here]
                self._listed.append(
                    Flipped(entry.id, case.id, case.name, case.file, case.line, *turned)
                )

    def _turned(self, older: Known, known: Known) -> Turned:
        """Which cases came out otherwise; told once for all traces that are alike."""
        key = (id(older), id(known))
        found = self._alike.get(key)
        if found is None or found[0] is not older or found[1] is not known:
            turned = tuple(
                (here, older.pairs[there].outcome, known.pairs[here].outcome)
                for here, there in known.plan.edited_from(older.plan)
                if older.pairs[there].outcome is not known.pairs[here].outcome
            )
            if len(self._alike) >= REMEMBERED:
                self._alike.clear()
            found = self._alike[key] = (older, known, turned)
        return found[2]

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
