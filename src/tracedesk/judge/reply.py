"""What passes between whoever asks and whoever speaks to a model."""

from typing import Protocol

import msgspec

from tracedesk.model.judgement import Sample


class Reply(msgspec.Struct, frozen=True):
    """One sample and what it took."""

    sample: Sample
    calls: int
    usd: float


class RefusedError(Exception):
    """No sample. ``transient``: it may go well another time, after ``retry_after`` seconds if
    the server named some. ``calls`` were made all the same, for ``usd``."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        transient: bool = False,
        retry_after: float | None = None,
        calls: int = 1,
        usd: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.transient, self.retry_after = transient, retry_after
        self.calls, self.usd = calls, usd


class Provider(Protocol):
    """A model ready to be asked, within one event loop."""

    async def ask(self, prompt: str) -> Reply:
        """One sample. Raises RefusedError."""

    async def close(self) -> None:
        """Close the connections."""
