"""No circles: what was painted and what was done is let go at once, not left to the collector.

A desk collects old garbage seldom, since every key would wait meanwhile. Textual leaves two kinds
of objects behind that hold themselves, so that nothing but a collection would free them: lines
that are painted uncut, a megabyte of them every four seconds while traces come in, and workers
that are done.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from textual.strip import Strip
from textual.worker import Worker

_divide = Strip.divide


def avoid_circles() -> None:
    """Have lines not remember themselves, from now on and in the whole process."""
    Strip.divide = divide  # type: ignore[method-assign, assignment]


def divide(strip: Strip, cuts: Iterable[int]) -> Sequence[Strip]:
    """``Strip.divide``, which keeps what it returned: where nothing is cut, that is the strip."""
    inside = [cut for cut in cuts if cut <= strip.cell_length]
    return [strip] if inside == [strip.cell_length] else _divide(strip, inside)


def let_go(worker: Worker[Any]) -> None:
    """Part a worker from the task that ran it, whose context holds the worker; nothing unless it
    is done."""
    if worker.is_finished:
        worker._task = None
