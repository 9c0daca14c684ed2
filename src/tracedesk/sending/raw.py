"""Kept requests as files: one body is its very bytes, several are saved requests one a line or
a file a part. ``import`` and ``send`` read all of these again.
"""

import base64
from collections.abc import Iterator, Sequence

import msgspec

from tracedesk.sending.curl import part_name
from tracedesk.sending.outgoing import Outgoing


def raw_lines(requests: Sequence[Outgoing]) -> bytes:
    """Saved requests with their headers, JSON lines; bodies as base64, so byte for byte."""
    return b"".join(map(_line, requests))


def raw_parts(requests: Sequence[Outgoing]) -> Iterator[tuple[str, bytes]]:
    """File name and bytes of each part."""
    for number, request in enumerate(requests, 1):
        yield part_name(number, request), request.body


def _line(request: Outgoing) -> bytes:
    saved = {
        "method": "POST",
        "path": request.path,
        "headers": request.headers,
        "body_base64": base64.b64encode(request.body).decode(),
    }
    return msgspec.json.encode({"request": saved}) + b"\n"
