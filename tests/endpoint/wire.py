"""Requests and replies as bytes, over plain sockets."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Endpoint = Any

BODY = json.dumps({"spans": [{"span_id": "r", "name": "Root"}]}).encode()


def post(body: bytes = BODY, *headers: bytes, version: bytes = b"1.1") -> bytes:
    lines = [b"POST /traces HTTP/" + version, b"Host: localhost", *headers]
    if not any(header.lower().startswith(b"transfer-encoding") for header in headers):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@contextmanager
def connected(endpoint: Endpoint) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=30) as made:
        yield made


def to_the_end(made: socket.socket) -> bytes:
    received = b""
    while chunk := made.recv(65536):
        received += chunk
    return received


def until(made: socket.socket, end: bytes) -> bytes:
    received = b""
    while end not in received:
        chunk = made.recv(65536)
        if not chunk:
            raise ConnectionError(f"the connection ended: {received!r}")
        received += chunk
    return received


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
