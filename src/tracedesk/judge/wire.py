"""The connection to an OpenAI-compatible server, with a bound on what it may answer.

A judgement is some hundred bytes. A server that sends without end must not fill the memory of
the desk while its time runs, nor may a short answer unfold to a long one.
"""

from collections.abc import AsyncIterator

try:
    import httpx2 as http
except ImportError:  # older libraries of providers speak through its predecessor
    import httpx as http  # type: ignore[no-redef]

LONGEST_ANSWER_BYTES = 4 * 2**20
_KIB = 2**10


class TooLongError(Exception):
    """The server answered more than a judgement can have."""


class PackedError(Exception):
    """The server answered in a compression that it was not asked for."""


def bounded_client(timeout_s: float) -> http.AsyncClient:
    """A client that asks for plain answers and reads so much of them at most. Redirects are not
    followed: the key belongs to the server that is configured, and to no other."""
    return http.AsyncClient(
        timeout=timeout_s,
        follow_redirects=False,
        event_hooks={"request": [_ask_plainly], "response": [_bound]},
    )


async def _ask_plainly(request: http.Request) -> None:
    request.headers["Accept-Encoding"] = "identity"


async def _bound(response: http.Response) -> None:
    packed = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise PackedError(f"the answer is packed as {packed!r}, which was not asked for")
    assert isinstance(response.stream, http.AsyncByteStream), "of an asynchronous client"
    response.stream = _BoundedStream(response.stream)


class _BoundedStream(http.AsyncByteStream):
    def __init__(self, stream: http.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = LONGEST_ANSWER_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise TooLongError(f"the answer has more than {LONGEST_ANSWER_BYTES // _KIB} KiB")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
