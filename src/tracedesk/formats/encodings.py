"""Content encodings of kept bodies, inflated without ever holding much more than allowed."""

import gzip
import io
import zlib


class EncodingError(ValueError):
    """A body that is not what its ``Content-Encoding`` says, in words."""


def inflate(wire: bytes, encoding: str, limit: int) -> bytes:
    """The body behind a ``Content-Encoding``; reading stops just beyond ``limit`` bytes, so a
    longer result means that the body is too large. Raises EncodingError."""
    try:
        match encoding.strip().lower():
            case "" | "identity":
                return wire
            case "gzip" | "x-gzip":
                return gzip.GzipFile(fileobj=io.BytesIO(wire)).read(limit + 1)
            case "deflate":
                return _deflate(wire, limit)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise EncodingError(f"damaged {encoding}: {error}") from None
    raise EncodingError(f"unknown Content-Encoding {encoding!r}; gzip, deflate or none")


def _deflate(wire: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj()
    body = inflater.decompress(wire, limit + 1)
    if not inflater.eof and len(body) <= limit:
        raise EOFError("the body ends too early")
    return body
