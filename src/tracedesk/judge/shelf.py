"""Where answers and spending are kept between runs, as the judge sees it.

An answer is kept as JSON of a ``Sample``. One that cannot be read back is as good as none:
the judge is then asked again. That asking failed is kept beside the answers, for those who do
not ask: what failed is not the same as what nobody asked.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from tracedesk.model.judgement import Failure, Sample


class _Failed(msgspec.Struct, frozen=True):
    """Asking failed; kept in the place of an answer, as which it cannot be read."""

    failure: Failure


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Sample).decode
_decode_failed = msgspec.json.Decoder(_Failed).decode


class Shelf(Protocol):
    """Keeps opaque answers by key, and calls and USD by day."""

    def answers(self, key: str) -> list[bytes]:
        """Oldest first."""

    def keep(self, key: str, model: str, answers: Sequence[bytes]) -> None:
        """Add answers."""

    def claim(self, key: str, owner: str, for_s: float) -> bool:
        """Have a question to oneself for so long; False while another owner has it. One that is
        not released lapses, so that whoever ends in the middle of it holds nobody up for long."""

    def release(self, key: str, owner: str) -> None:
        """End a claim, once the answers are kept."""

    def spent(self, day: str) -> tuple[int, float]:
        """Calls and USD of a day."""

    def spend(self, day: str, calls: int, usd: float) -> None:
        """Add to a day."""


class MemoryShelf:
    """A shelf that lasts as long as the process."""

    def __init__(self) -> None:
        self._answers: dict[str, list[bytes]] = {}
        self._spent: dict[str, tuple[int, float]] = {}

    def answers(self, key: str) -> list[bytes]:
        return list(self._answers.get(key, ()))

    def keep(self, key: str, model: str, answers: Sequence[bytes]) -> None:
        self._answers.setdefault(key, []).extend(answers)

    def claim(self, key: str, owner: str, for_s: float) -> bool:
        return True  # nobody else knows of it

    def release(self, key: str, owner: str) -> None:
        """Nothing is held."""

    def spent(self, day: str) -> tuple[int, float]:
        return self._spent.get(day, (0, 0.0))

    def spend(self, day: str, calls: int, usd: float) -> None:
        before = self.spent(day)
        self._spent[day] = (before[0] + calls, before[1] + usd)


def samples_of(answers: Sequence[bytes]) -> tuple[Sample, ...]:
    """The samples that can be read."""
    found = []
    for answer in answers:
        try:
            sample = _decode(answer)
        except msgspec.DecodeError:
            continue
        if 0.0 <= sample.score <= 1.0:
            found.append(sample)
    return tuple(found)


def kept(samples: Sequence[Sample]) -> list[bytes]:
    """The samples as they are kept."""
    return [_encode(sample) for sample in samples]


def failure_of(answers: Sequence[bytes]) -> Failure | None:
    """Why asking failed, when that is what happened last."""
    try:
        return _decode_failed(answers[-1]).failure if answers else None
    except msgspec.DecodeError:
        return None


def kept_failure(failure: Failure) -> bytes:
    """The failure as it is kept."""
    return _encode(_Failed(failure))
