"""A client process that floods an endpoint: raw sockets, prepared bytes, nothing but counting.

``python flood.py PORT CLIENTS SECONDS FILE``: FILE holds the requests, each preceded by its
length (4 bytes). Prints JSON: replies, refusals, seconds, CPU seconds.
"""

import asyncio
import itertools
import json
import struct
import sys
import time
from pathlib import Path

import uvloop


class Client(asyncio.Protocol):
    """Keep-alive: sends the next request when the reply to the last one is complete."""

    def __init__(self, requests: list[bytes], counts: list[int], stop_at: float) -> None:
        self.requests = itertools.cycle(requests)
        self.counts = counts
        self.stop_at = stop_at
        self.closed = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        if time.perf_counter() > self.stop_at:
            self.transport.close()
            return
        self.transport.write(next(self.requests))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.counts[head[9:10] != b"2"] += 1
        self.buffer = b""
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def flood(port: int, clients: int, seconds: float, requests: list[bytes]) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    counts = [0, 0]
    start, cpu = time.perf_counter(), time.process_time()
    made = [
        await loop.create_connection(
            lambda at=at: Client(requests[at:] + requests[:at], counts, start + seconds),
            "127.0.0.1",
            port,
        )
        for at in range(clients)
    ]
    for _, client in made:
        await client.closed
    return {
        "accepted": counts[0],
        "refused": counts[1],
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
    }


def unpacked(data: bytes) -> list[bytes]:
    requests, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("!I", data, at)
        requests.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return requests


def packed(requests: list[bytes]) -> bytes:
    return b"".join(struct.pack("!I", len(request)) + request for request in requests)


if __name__ == "__main__":
    port, clients, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    requests = unpacked(Path(sys.argv[4]).read_bytes())
    print(json.dumps(uvloop.run(flood(port, clients, seconds, requests))))
