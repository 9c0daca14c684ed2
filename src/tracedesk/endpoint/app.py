"""The ASGI application: a tiny route table around the intake.

A POST touches no framework object: the headers are walked once, the body is collected, and
the reply is bytes. Whatever goes wrong is answered in JSON and never ends the server.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from tracedesk.endpoint import replies
from tracedesk.endpoint.bodies import Receive, check_encoding, collect
from tracedesk.endpoint.errors import Disconnected, Refused, invalid, too_large, unavailable
from tracedesk.endpoint.guard import Guard
from tracedesk.endpoint.intake import Intake, Reply, Request, secret_header
from tracedesk.endpoint.keys import Access, AgentsById, KeyRing
from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.formats.errors import Fault
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.rows import TraceRow

__all__ = ["EndpointSettings", "make_app"]

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = dict[bytes, bytes]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Describe = Callable[[TraceRow], Mapping[str, Any] | bytes]

INGEST_PATHS = frozenset({"/public/traces", "/traces", "/v1/traces"})
LIST_PATH = "/public/traces"
ONE_PATH = "/public/traces/"
HEALTH_PATH = "/health"

MAX_REQUEST_ID = 255
LIST_LIMIT = 100
LIST_LIMIT_MOST = 1_000


def make_app(
    settings: EndpointSettings, store: Store, agents: AgentsById, describe: Describe
) -> App:
    """The endpoint over one store.

    ``agents`` gives the configured agents by id at any time; ``describe`` gives the JSON object
    of ``GET /public/traces/{id}`` and is called in a worker thread.
    """
    return _Endpoint(settings, store, agents, describe)


class _Endpoint:
    def __init__(
        self, settings: EndpointSettings, store: Store, agents: AgentsById, describe: Describe
    ) -> None:
        self._limit = settings.max_body_bytes
        self._store = store
        self._describe = describe
        self._guard = Guard(settings)
        self._keys = KeyRing(store, agents, demanded=settings.keys_demanded)
        self._agents = agents
        self._intake = Intake(settings, store, agents)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers: Headers = dict(scope["headers"])
        extra: tuple[tuple[bytes, bytes], ...] = ()
        try:
            self._guard.check(
                headers.get(b"host"), headers.get(b"origin"), headers.get(b"sec-fetch-site")
            )
            reply = await self._answer(scope, headers, receive)
        except Disconnected:
            return
        except Refused as error:
            reply = Reply(error.status, replies.refused(error))
            extra = tuple(error.headers)
        except Exception:
            log.exception("a request to %s failed", scope["path"])
            ours = Refused(500, "INTERNAL_SERVER_ERROR", "the endpoint failed on this request")
            reply = Reply(500, replies.refused(ours))
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [
                    (b"content-type", reply.content_type),
                    (b"content-length", b"%d" % len(reply.body)),
                    *extra,
                ],
            }
        )
        await send({"type": "http.response.body", "body": reply.body})

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive) -> Reply:
        method, path = scope["method"], scope["path"]
        if path != "/":
            path = path.rstrip("/")
        if path in INGEST_PATHS and method == "POST":
            return await self._ingest(path, headers, receive)
        if path == HEALTH_PATH:
            return self._health(method, headers)
        if path in INGEST_PATHS:
            if method == "GET" and path == LIST_PATH:
                return await self._list(scope, headers)
            raise _wrong_method(method, path, "GET, POST" if path == LIST_PATH else "POST")
        if path.startswith(ONE_PATH):
            if method == "GET":
                return await self._one(path.removeprefix(ONE_PATH), headers)
            raise _wrong_method(method, path, "GET")
        raise Refused(
            404, "NOT_FOUND", f"there is nothing at {path}; traces are posted to {LIST_PATH}"
        )

    async def _ingest(self, path: str, headers: Headers, receive: Receive) -> Reply:
        access = self._keys.access(headers.get(b"x-api-key"))
        gzipped = check_encoding(headers.get(b"content-encoding", b"").decode("latin-1"))
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._limit:
            raise too_large(self._limit)
        request = Request(
            path=path,
            headers={name: _text(value) for key, value in headers.items() if (name := _kept(key))},
            content_type=headers.get(b"content-type", b"").decode("latin-1"),
            gzipped=gzipped,
            request_id=_request_id(headers),
            body=await collect(receive, self._limit),
        )
        return await self._intake.accept(request, access)

    def _health(self, method: str, headers: Headers) -> Reply:
        if method not in ("GET", "HEAD"):
            raise _wrong_method(method, HEALTH_PATH, "GET")
        if b"x-api-key" in headers:
            self._keys.access(headers[b"x-api-key"])
        return Reply(200, b'{"status":"ok"}')

    async def _list(self, scope: Scope, headers: Headers) -> Reply:
        access = self._keys.access(headers.get(b"x-api-key"))
        query = parse_qs(scope["query_string"].decode("latin-1"))
        agent_id = self._listed_agent(query.get("platformId", [""])[0], access)
        limit = min(_number(query, "limit", LIST_LIMIT), LIST_LIMIT_MOST)
        offset = _number(query, "offset", 0)
        rows = await _in_thread(
            lambda: self._store.rows(agent_id=agent_id, offset=offset, limit=limit)
        )
        return Reply(200, replies.found([_listed(row) for row in rows]))

    def _listed_agent(self, asked: str, access: Access) -> str:
        if not asked:
            if access.single is None:
                raise invalid(Fault("platformId", "is required", location="query"))
            return access.single.id
        if agent := access.agent(asked):
            return agent.id
        if any(agent_id.lower() == asked.lower() for agent_id in self._agents()):
            raise Refused(403, "FORBIDDEN", "this key may not read the traces of that agent")
        raise Refused(404, "PLATFORM_NOT_FOUND", f"no agent has the id {asked}")

    async def _one(self, trace_id: str, headers: Headers) -> Reply:
        access = self._keys.access(headers.get(b"x-api-key"))
        row = await _in_thread(lambda: self._store.row(trace_id.lower()))
        if row is None:
            raise Refused(404, "TRACE_NOT_FOUND", f"no trace has the id {trace_id}")
        if not access.everyone and access.agent(row.agent_id) is None:
            raise Refused(403, "FORBIDDEN", "this key may not read the traces of that agent")
        described = await _in_thread(lambda: self._describe(row))
        return Reply(200, replies.found(described))


def _listed(row: TraceRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "platformId": row.agent_id,
        "externalId": row.external_id,
        "status": row.shown_status,
        "format": row.format,
        "createdAt": replies.iso(row.received_ns),
        "updatedAt": replies.iso(row.updated_ns),
    }


async def _in_thread(read: Callable[[], Any]) -> Any:
    try:
        return await asyncio.get_running_loop().run_in_executor(None, read)
    except StoreError as error:
        raise unavailable(str(error)) from error


def _number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [""])[0]
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise invalid(Fault(name, "must be a whole number", location="query"))
    return int(text)


def _wrong_method(method: str, path: str, allowed: str) -> Refused:
    return Refused(
        405,
        "METHOD_NOT_ALLOWED",
        f"{method} is not possible on {path}; use {allowed}",
        headers=[(b"allow", allowed.encode())],
    )


def _request_id(headers: Headers) -> str | None:
    value = headers.get(b"x-request-id")
    if value is None or not (text := _text(value).strip()):
        return None
    if len(text) > MAX_REQUEST_ID:
        fault = f"must not be longer than {MAX_REQUEST_ID} characters"
        raise invalid(Fault("x-request-id", fault, location="header"))
    return text


def _text(value: bytes) -> str:
    """A header's value; clients that send more than ASCII send UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


@lru_cache(maxsize=256)
def _kept(name: bytes) -> str:
    """The name of a header that is stored with the request; blank for one that is not."""
    text = name.decode("latin-1")
    return "" if secret_header(text) else text
