"""What passes between a connection and the application: the head of a request, its turn to
be answered, the first bytes of a reply.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias
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
        "bodiless", "chunks", "claim", "complete", "encoded", "expects", "handler", "keep_alive",
        "length", "patience", "reply", "sent", "size",
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
        self.expects = False
        """Does the client wait to be told to go on before it sends the body?"""
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


def begun(
    app: Application, parser: Any, url: bytes, headers: dict[bytes, bytes], twice: bytes
) -> Turn:
    """The turn of a request whose head the parser has read; ``twice`` is a header that was sent
    twice and may not be, or blank."""
    method = parser.get_method().decode("ascii")
    target = target_of(url)
    if target is None:
        admitted: Handler | Reply = app.refuse(malformed("the request target is not valid"))
    elif twice:
        said = f"the header {twice.decode('latin-1')} was sent twice"
        admitted = app.refuse(malformed(said))
    else:
        admitted = app.admit(Head(method, target[0], target[1], headers))
    keep_alive = parser.should_keep_alive() and parser.get_http_version() == "1.1"
    turn = Turn(admitted, keep_alive=keep_alive, bodiless=method == "HEAD")
    turn.encoded = b"content-encoding" in headers
    turn.expects = (
        b"expect" in headers
        and headers[b"expect"].lower() == b"100-continue"
        and parser.get_http_version() != "1.0"  # which knows no interim replies
    )
    length = headers.get(b"content-length", b"")
    turn.length = int(length) if length.isdigit() else 0
    return turn


_OFFER = frozenset((b"connection", b"upgrade", b"http2-settings"))


def declined(parser: Any, url: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    """The head of a request without the offer to go on in another protocol, which Java's client
    makes with its first one (HTTP/2). httptools would take the body for that protocol."""
    version = parser.get_http_version().encode()
    lines = [b"%b %b HTTP/%b" % (parser.get_method(), url, version)]
    lines += [b"%b: %b" % each for each in headers.items() if each[0] not in _OFFER]
    if b"close" in headers.get(b"connection", b"").lower():
        lines.append(b"connection: close")
    return b"\r\n".join([*lines, b"", b""])


def malformed(message: str, status: int = 400) -> Refused:
    return Refused(status, "VALIDATION_ERROR", message)


def wire(reply: Reply, *, keep_alive: bool, bodiless: bool) -> bytes:
    """A reply as it is sent; ``bodiless``, as to HEAD, without the body whose length it tells."""
    body = reply.body
    start = _start(reply.status, reply.content_type, keep_alive)
    extra = b"".join([b"%b: %b\r\n" % each for each in reply.headers]) if reply.headers else b""
    sent = b"" if bodiless else body
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (start, extra, len(body), sent)


@lru_cache(maxsize=256)
def _start(status: int, content_type: bytes, keep_alive: bool) -> bytes:
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
