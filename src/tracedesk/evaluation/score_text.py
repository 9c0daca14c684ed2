"""Scores and cells in words: each number beside what it was computed from, the same in every
report and on the screen."""

from collections.abc import Sequence
from typing import NamedTuple

from tracedesk.evaluation.matrix import Cell
from tracedesk.evaluation.tally import Determinism, Hallucination, Quality, Scores
from tracedesk.query.text import counted

NOT_KNOWN = "n/a"

MEASURES = ("quality", "determinism", "hallucination")


class Told(NamedTuple):
    """One headline number."""

    name: str
    value: str
    basis: str
    """What it was computed from, or why it is not known."""


def told(scores: Scores) -> tuple[Told, Told, Told]:
    """Quality, determinism and hallucination rate."""
    return (
        Told("quality", percent(scores.quality.percent), _quality(scores.quality)),
        Told("determinism", percent(scores.determinism.percent), _determinism(scores.determinism)),
        Told(
            "hallucination",
            percent(scores.hallucination.percent),
            _hallucination(scores.hallucination),
        ),
    )


def percents(scores: Scores) -> dict[str, float | None]:
    """The headline numbers by their names in ``MEASURES``."""
    return {
        "quality": scores.quality.percent,
        "determinism": scores.determinism.percent,
        "hallucination": scores.hallucination.percent,
    }


def percent(value: float | None) -> str:
    """``81.8``, or ``n/a``."""
    return NOT_KNOWN if value is None else f"{value:.1f}"


def change(before: float | None, after: float | None) -> str:
    """``81.8 → 76.2  −5.6``, without the difference where a side is not known."""
    step = f"{percent(before)} → {percent(after)}"
    if before is None or after is None:
        return step
    difference = round(after, 1) - round(before, 1)
    sign = "+" if difference > 0 else "−" if difference < 0 else "±"
    return f"{step}  {sign}{abs(difference):.1f}"


def _quality(quality: Quality) -> str:
    rest = [
        (quality.missing, "missing"),
        (quality.errors, "in error"),
    ]
    beside = ", ".join(f"{number:,} {word}" for number, word in rest if number)
    if quality.assertions_missing:
        also = f"{counted(quality.assertions_missing, 'assertion')} missing"
        beside = f"{beside}; {also}" if beside else also
    if quality.percent is None:
        return f"nothing was decided{': ' + beside if beside else ''}"
    points = f"{_points(quality.points)} of {_points(quality.weight)} points"
    told = f"{points} in {counted(quality.results, 'result')}"
    return f"{told}; {beside}" if beside else told


def _points(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"


def _determinism(found: Determinism) -> str:
    rest = []
    if found.alone:
        rest.append(f"{counted(found.alone, 'input')} came once")
    if found.unknown:
        rest.append(f"{counted(found.unknown, 'trace')} without a known input")
    beside = ", ".join(rest)
    if not found.pairs:
        return f"no input came twice{': ' + beside if beside else ''}"
    told = (
        f"{found.equal:,} of {counted(found.pairs, 'pair')} behaved alike,"
        f" for {counted(found.groups, 'input')}"
    )
    return f"{told}; {beside}" if beside else told


def _hallucination(found: Hallucination) -> str:
    if not found.decided:
        if found.undecided:
            return f"no judge decided {counted(found.undecided, 'faithfulness assertion')}"
        return "no semantic assertion is tagged faithfulness"
    told = f"{found.failed:,} of {counted(found.decided, 'faithfulness assertion')} failed"
    return f"{told}; {found.undecided:,} undecided" if found.undecided else told


def cell_text(cell: Cell, *, root: bool) -> str:
    """``3/40 8% *``: failures, decided results, their share, and whether most failures of the
    case began here; a dot without failures, blank where nothing was decided."""
    if not cell.evaluated:
        return ""
    if not cell.failures:
        return "·"
    return f"{cell.failures:,}/{cell.evaluated:,} {share_text(cell)}{' *' if root else ''}"


def share_text(cell: Cell) -> str:
    """``8%``; never 0 % while there is a failure, never 100 % while there is a pass."""
    if not cell.evaluated:
        return ""
    rounded = round(100 * cell.failures / cell.evaluated)
    if cell.failures and not rounded:
        return "<1%"
    if rounded == 100 and cell.failures < cell.evaluated:
        return ">99%"
    return f"{rounded}%"


def listed(words: Sequence[str], most: int = 3) -> str:
    """The first of some words, and how many more there are."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more:,} more" if more > 0 else "")
