"""Encoded request bodies: recognised, and inflated under a limit (ingestion spec 2 and 5).

The limit holds while inflating, so a small bomb never fills the memory.
"""

import zlib

from tracedesk.endpoint.errors import Refused, invalid, too_large
from tracedesk.formats.errors import Fault

_GZIP = 31
"""zlib's window bits for a gzip header and nothing else."""
_CHUNK = 1 << 20


def check_encoding(encoding: str) -> bool:
    """Is the body gzipped? Raises Refused (400) for any encoding but gzip and identity."""
    named = encoding.strip().lower()
    if named in ("", "identity"):
        return False
    if named == "gzip":
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
