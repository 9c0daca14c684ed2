"""Request bodies: collected and inflated under one limit (ingestion spec 2 and 5).

The limit holds while reading and while inflating, so neither an endless body nor a small
bomb ever fills the memory.
"""

import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tracedesk.endpoint.errors import Disconnected, Refused, invalid, too_large
from tracedesk.formats.errors import Fault

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_GZIP = 31
"""zlib's window bits for a gzip header and nothing else."""
_CHUNK = 1 << 20


async def collect(receive: Receive, limit: int) -> bytes:
    """The whole body as sent. Raises Refused (413) over ``limit`` bytes, Disconnected when the
    client goes away before the end."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        if not message.get("more_body", False):
            if not chunks:
                return bytes(chunk)
            chunks.append(chunk)
            return b"".join(chunks)
        chunks.append(chunk)


def check_encoding(encoding: str) -> bool:
    """Is the body gzipped? Raises Refused (400) for any encoding but gzip and identity."""
    named = encoding.strip().lower()
    if named in ("", "identity"):
        return False
    if named in ("gzip", "x-gzip"):
        return True
    raise invalid(
        Fault("Content-Encoding", f"{encoding!r} is not supported, only gzip is", location="header")
    )


def inflate(body: bytes, limit: int) -> bytes:
    """Inflate one or several gzip members. Raises Refused: 413 over ``limit`` bytes, 400 for a
    stream that is damaged, ends early, or is followed by anything but zero padding."""
    out: list[bytes] = []
    room = limit
    rest = body
    while True:
        member = zlib.decompressobj(_GZIP)
        try:
            while not member.eof:
                chunk = member.decompress(rest, min(room + 1, _CHUNK))
                rest = member.unconsumed_tail
                room -= len(chunk)
                if room < 0:
                    raise too_large(limit)
                out.append(chunk)
                if not chunk and not rest and not member.eof:
                    raise _bad_gzip("the gzip stream ends too early")
        except zlib.error as error:
            raise _bad_gzip(f"the body is not valid gzip: {error}") from None
        rest = member.unused_data
        if not rest.strip(b"\0"):
            return b"".join(out)
        if not rest.startswith(b"\x1f\x8b"):
            raise _bad_gzip("the gzip stream is followed by something else")


def _bad_gzip(message: str) -> Refused:
    return Refused(400, "VALIDATION_ERROR", message, [Fault("", message, type="gzip")])
