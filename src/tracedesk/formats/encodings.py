"""Content encodings of kept bodies, inflated without ever holding much more than allowed."""

import gzip
import io
import zlib
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


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


def unpacked(plain: io.BufferedReader) -> io.BufferedReader:
    """The content of an opened file, whatever it is packed with: gzip, zstd or nothing.

    Reading it raises EncodingError (zstd), or what ``gzip`` raises, when it is damaged.
    """
    head = plain.peek(4)[:4]
    if head.startswith(GZIP_MAGIC):
        return io.BufferedReader(gzip.GzipFile(fileobj=plain))
    if head == ZSTD_MAGIC:
        return io.BufferedReader(_ZstdFile(plain))
    return plain


def unzstd(packed: bytes, limit: int) -> bytes:
    """The content of zstd frames, at most just beyond ``limit`` bytes. Raises EncodingError."""
    return _ZstdFile(io.BytesIO(packed)).read(limit + 1) or b""


class _ZstdFile(io.RawIOBase):
    """zstd frames read as one stream."""

    def __init__(self, packed: BinaryIO) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._stream = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        try:
            return self._stream.readinto(buffer)
        except self._error as error:
            raise EncodingError(f"damaged zstd: {error}") from None
