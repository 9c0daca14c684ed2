"""What reading a file gives: requests as they would have been received, and faults.

Both know where they come from: file, line where a file has one entry a line, and place in
the document.
"""

import msgspec

MAX_BODY_BYTES = 30 * 1024 * 1024
"""Largest body after inflating, as at the endpoint (ingestion spec 5)."""

PUSH_PATH = "/public/traces"
OTLP_PATH = "/v1/traces"
LOGS_PATH = "/v1/logs"

SOURCE_HEADER = "x-tracedesk-source"
"""Names the tool whose export a body was converted from."""


class SavedRequest(msgspec.Struct, kw_only=True):
    """One request as it was, or would have been, sent."""

    method: str = "POST"
    path: str = PUSH_PATH
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """As saved, without keys and without what only described the wire bytes."""
    body: bytes
    """Inflated."""
    source: str
    """The file, as it was named."""
    line: int | None = None
    """Line in the file, from 1, where the file holds one entry a line."""
    place: str = ""
    """Where in the document it stood, such as ``requests[2]``; blank when it was all of it."""

    @property
    def where(self) -> str:
        """File, line and place, for messages."""
        return _where(self.source, self.line, self.place)

    def header(self, name: str) -> str | None:
        """A header by name in any case, None when absent."""
        wanted = name.lower()
        return next((v for k, v in self.headers.items() if k.lower() == wanted), None)

    @property
    def content_type(self) -> str:
        """``Content-Type``, ``application/json`` when the request does not say."""
        return self.header("content-type") or "application/json"


class SavedFault(msgspec.Struct, frozen=True):
    """A file, line or entry that could not be read."""

    source: str
    line: int | None
    message: str

    def __str__(self) -> str:
        return f"{_where(self.source, self.line)}: {self.message}"


def _where(source: str, line: int | None, place: str = "") -> str:
    text = source if line is None else f"{source}:{line}"
    return f"{text}: {place}" if place else text


class UnreadableError(Exception):
    """What is wrong with one file or entry; becomes the message of a fault."""


class TestCasesError(Exception):
    """Test cases where traces were expected; in a folder they are passed over."""

    __test__ = False


def too_large(what: str, limit: int) -> str:
    """The message for something beyond ``limit`` bytes."""
    return f"the {what} is larger than {limit / 1024 / 1024:g} MiB"
