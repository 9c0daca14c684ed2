"""What is sent: a kept request, body byte for byte, with the headers that are its own.

Left out are headers that only described the connection it came by; keys were never kept.
"""

import gzip
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import msgspec

from tracedesk.formats.detect import is_protobuf
from tracedesk.formats.saved_request import LOGS_PATH, OTLP_PATH, PUSH_PATH

if TYPE_CHECKING:
    from tracedesk.formats.saved import SavedRequest
    from tracedesk.store.rows import StoredRequest

CONNECTION_HEADERS = frozenset(
    {"host", "content-length", "connection", "keep-alive", "transfer-encoding", "te", "trailer"}
    | {"upgrade", "expect", "accept-encoding", "content-encoding", "origin", "referer"}
    | {"x-tracedesk-transport"}
)
"""True of the connection a request came by, not of the request (lower case)."""

KNOWN_PATHS = frozenset({PUSH_PATH, "/traces", OTLP_PATH, LOGS_PATH})
"""A request imported from elsewhere may name any path; an endpoint has only these."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class UnreachableError(Exception):
    """An endpoint could not be asked; the text says why and where."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One request to be sent."""

    path: str
    """Where it was posted to; a URL with a path of its own overrides it."""
    headers: dict[str, str]
    body: bytes
    """Inflated."""
    gzipped: bool = False
    """Sent packed with gzip, as it came."""
    label: str = ""
    """What a message calls it, such as ``part 1 of 2``."""

    def header(self, name: str) -> str | None:
        """A header by its lower-case name, None when absent."""
        return next((v for k, v in self.headers.items() if k.lower() == name), None)

    @property
    def protobuf(self) -> bool:
        return is_protobuf(self.header("content-type") or "")

    @property
    def wire(self) -> bytes:
        """The bytes that go over the wire."""
        return gzip.compress(self.body, mtime=0) if self.gzipped else self.body

    def with_headers(self, changed: Mapping[str, str]) -> "Outgoing":
        """The same with further or other headers; names are compared without case."""
        names = {name.lower() for name in changed}
        kept = {k: v for k, v in self.headers.items() if k.lower() not in names}
        return msgspec.structs.replace(self, headers={**kept, **changed})


def of_stored(requests: "Iterable[StoredRequest]") -> list[Outgoing]:
    """The requests of one stored trace, in the order they arrived."""
    kept = list(requests)
    return [
        Outgoing(
            path=_path(request.path),
            headers=_own(request.headers),
            body=request.body,
            gzipped=_gzipped(request.headers),
            label=f"part {number} of {len(kept)}" if len(kept) > 1 else "request",
        )
        for number, request in enumerate(kept, 1)
    ]


def of_saved(request: "SavedRequest") -> Outgoing:
    """A request read from a file."""
    headers = _own(request.headers)
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = request.content_type
    return Outgoing(
        path=_path(request.path), headers=headers, body=request.body, label=request.where
    )


def target(to: str, path: str) -> str:
    """The URL for a request that was posted to ``path``.

    A bare address takes the request's own path; a URL with a path is taken at its word, but
    for OTLP logs, which go to the ``/v1/logs`` beside it.
    """
    parts = urlsplit(to)
    given = parts.path.rstrip("/")
    if path == LOGS_PATH and given != LOGS_PATH:
        above = given.removesuffix(OTLP_PATH) if given.endswith(OTLP_PATH) else ""
        return urlunsplit(parts._replace(path=above + LOGS_PATH))
    return urlunsplit(parts._replace(path=parts.path if given else path))


def _path(path: str) -> str:
    return path if path in KNOWN_PATHS else PUSH_PATH


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers to send again; a file may hold some that no request can have."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in CONNECTION_HEADERS and sendable(name, value)
    }


def sendable(name: str, value: str) -> bool:
    """Can a request have this header?"""
    return bool(_TOKEN.fullmatch(name)) and value.replace("\t", " ").isprintable()


def _gzipped(headers: Mapping[str, str]) -> bool:
    encodings = [v for k, v in headers.items() if k.lower() == "content-encoding"]
    return any(encoding.strip().lower() in ("gzip", "x-gzip") for encoding in encodings)
