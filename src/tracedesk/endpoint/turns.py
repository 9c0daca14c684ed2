"""What passes between a connection and the application: the head of a request, its turn to
be answered, the first bytes of a reply.
"""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol, TypeAlias
from urllib.parse import unquote

import httptools
import msgspec

from tracedesk.endpoint.errors import Refused
from tracedesk.endpoint.replies import Reply
from tracedesk.endpoint.room import Claim
from tracedesk.endpoint.settings import EndpointSettings

Respond: TypeAlias = Callable[[Reply], None]
Handler: TypeAlias = Callable[[bytes, Respond], None]
"""Takes the body; calls ``Respond`` exactly once, now or later, on the same loop."""


class Head(msgspec.Struct, gc=False):
    """A request without its body."""

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    """By lower-case name; of a repeated header the last."""


class Application(Protocol):
    """What answers requests. Neither method raises."""

    settings: EndpointSettings

    def admit(self, head: Head) -> Handler | Reply:
        """Whoever shall have the body, or the reply when the head alone decides."""

    def refuse(self, error: Refused) -> Reply:
        """The reply to a request that was refused outside of the application."""


class Turn:
    """One request and where it stands."""

    __slots__ = (
        "bodiless", "chunks", "claim", "complete", "encoded", "handler", "keep_alive", "length",
        "patience", "reply", "sent", "size",
    )  # fmt: skip

    def __init__(self, admitted: Handler | Reply, *, keep_alive: bool, bodiless: bool) -> None:
        self.handler: Handler | None = None
        self.reply: Reply | None = None
        if isinstance(admitted, Reply):
            self.reply = admitted
        else:
            self.handler = admitted
        self.keep_alive = keep_alive
        self.bodiless = bodiless
        self.chunks: list[bytes] = []
        self.size = 0
        self.length = 0
        """Bytes that are announced; 0 when they are not."""
        self.encoded = False
        self.claim: Claim | None = None
        """The room that the body takes, or waits for."""
        self.patience: asyncio.TimerHandle | None = None
        """Ends the waiting."""
        self.complete = False
        self.sent = False

    @property
    def crowded_out(self) -> bool:
        """Is there no room for it yet?"""
        return self.claim is not None and not self.claim.granted


def malformed(message: str, status: int = 400) -> Refused:
    return Refused(status, "VALIDATION_ERROR", message)


@lru_cache(maxsize=256)
def status_line(status: int, content_type: bytes, keep_alive: bool) -> bytes:
    closing = b"" if keep_alive else b"connection: close\r\n"
    phrase = HTTPStatus(status).phrase.encode()
    return b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\n%b" % (status, phrase, content_type, closing)


@lru_cache(maxsize=256)
def target_of(url: bytes) -> tuple[str, str] | None:
    """Path and query of a request target; None when it is none."""
    try:
        parsed = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return None
    path = (parsed.path or b"/").decode("latin-1")
    return unquote(path) if "%" in path else path, (parsed.query or b"").decode("latin-1")
