"""Work that is shared out over processes, which inherit everything that was read before."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_work: Callable[[int], object] | None = None
"""What the processes do; they are forked while it is set, so it need not be sent to them."""


def spread(work: Callable[[int], T], shares: int) -> list[T]:
    """``work(0)``, ``work(1)``, … each in a process of its own; what they return is pickled.

    Raises what the work raises. Must be called before any thread was started. Where processes
    cannot be forked, this one does everything.
    """
    global _work
    if "fork" not in multiprocessing.get_all_start_methods():
        return [work(share) for share in range(shares)]
    _work = work
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(shares, mp_context=context) as pool:
            return list(pool.map(_do, range(shares)))  # type: ignore[arg-type]
    finally:
        _work = None


def _do(share: int) -> object:
    assert _work is not None, "set before the processes were forked"
    return _work(share)
