"""Refusals: every way a request can end without being accepted (ingestion spec 4.2)."""

from collections.abc import Sequence

from tracedesk.formats.errors import Fault, FormatError


class Refused(Exception):  # noqa: N818
    """Ends a request with ``status`` and a JSON error; nothing was stored."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Sequence[Fault] = (),
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers
        self.agent_id = ""
        """The agent it was meant for, once that is known; for the ledger."""


def invalid(fault: Fault) -> Refused:
    """400 for one fault."""
    return Refused(400, "VALIDATION_ERROR", str(fault), [fault])


def invalid_body(error: FormatError) -> Refused:
    """400 for all faults of a body."""
    more = len(error.faults) - 1
    message = str(error) + (f" (and {more} more)" if more else "")
    return Refused(400, "VALIDATION_ERROR", message, error.faults)


def too_large(limit: int) -> Refused:
    """413. Clients look for the words "payload too large"."""
    return Refused(
        413,
        "PAYLOAD_TOO_LARGE",
        f"payload too large: the decompressed body is over {limit / 2**20:g} MiB",
    )


def unauthorized(message: str, kind: str) -> Refused:
    """401; ``kind`` is ``MISSING_API_KEY`` or ``INVALID_API_KEY``."""
    fault = Fault(path="x-api-key", msg=message, type=kind, location="header")
    return Refused(401, "UNAUTHORIZED", message, [fault])


def unavailable(message: str) -> Refused:
    """503 for a store that cannot take anything now."""
    return Refused(503, "STORE_UNAVAILABLE", message, headers=[(b"retry-after", b"2")])


def busy(
    why: str = "too many traces are waiting to be stored; nothing of this request was stored, send"
    " it again in a moment",
) -> Refused:
    """503 for a write queue that stayed full, and for whatever else there is too much of."""
    return Refused(503, "SERVICE_BUSY", why, headers=[(b"retry-after", b"1")])


def timed_out(patience_s: float) -> Refused:
    """408 for a client that does not go on with its request."""
    return Refused(
        408,
        "REQUEST_TIMEOUT",
        f"the request was not complete after {patience_s:g} s; nothing of it was stored",
    )
