"""The application behind the endpoint: a tiny route table around the intake.

The head of a request is judged before its body is read. A small POST is read, queued and
answered by plain calls, without a task; everything else runs as one. Whatever goes wrong is
answered in JSON and never ends the server.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import msgspec

from tracedesk.endpoint import hosted, openapi, replies
from tracedesk.endpoint.bodies import check_encoding
from tracedesk.endpoint.errors import Refused, invalid, too_large, unavailable
from tracedesk.endpoint.guard import Guard
from tracedesk.endpoint.intake import (
    Intake,
    Prepared,
    Request,
    is_large,
    not_stored,
    secret_header,
)
from tracedesk.endpoint.keys import Access, AgentsById, KeyRing
from tracedesk.endpoint.ledger import READING, note_refusal
from tracedesk.endpoint.replies import Reply
from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.endpoint.turns import Handler, Head, Respond
from tracedesk.formats.errors import Fault
from tracedesk.query.text import iso
from tracedesk.store.database import Store
from tracedesk.store.errors import StoreError
from tracedesk.store.incoming import Receipt
from tracedesk.store.rows import TraceRow

__all__ = ["EndpointSettings", "make_app"]

log = logging.getLogger(__name__)

Headers: TypeAlias = dict[bytes, bytes]
Describe: TypeAlias = Callable[[TraceRow], Mapping[str, Any] | bytes]

INGEST_PATHS = frozenset({"/public/traces", "/traces", "/v1/traces", "/v1/logs", "/v1/metrics"})
LIST_PATH = "/public/traces"
ONE_PATH = "/public/traces/"
HEALTH_PATH = "/health"
OPENAPI_PATH = "/openapi.json"

LIST_LIMIT = 100
LIST_LIMIT_MOST = 1_000


def make_app(
    settings: EndpointSettings, store: Store, agents: AgentsById, describe: Describe
) -> "Endpoint":
    """The endpoint over one store.

    ``agents`` gives the configured agents by id at any time; ``describe`` gives the JSON object
    of ``GET /public/traces/{id}`` and is called in a worker thread.
    """
    return Endpoint(settings, store, agents, describe)


class Endpoint:
    """Answers requests; used by one event loop. Make it with ``make_app``."""

    def __init__(
        self, settings: EndpointSettings, store: Store, agents: AgentsById, describe: Describe
    ) -> None:
        self.settings = settings
        self.max_body_bytes = settings.max_body_bytes
        self._store = store
        self._describe = describe
        self._guard = Guard(settings)
        self._strict = settings.strict_canonical
        self._openapi = openapi.of_settings(settings)
        self._keys = KeyRing(store, agents, demanded=settings.keys_demanded)
        self._agents = agents
        self._intake = Intake(settings, store, agents)
        self._tasks: set[asyncio.Task[None]] = set()
        self._inbox: list[tuple[_Post, Respond]] = []

    def admit(self, head: Head) -> Handler | Reply:
        """Judge a request by its head: who shall have its body, or the reply."""
        headers = head.headers
        try:
            self._guard.check(
                headers.get(b"host"), headers.get(b"origin"), headers.get(b"sec-fetch-site")
            )
            return self._route(head)
        except Exception as error:
            return self._failed(head.path, error, counted=head.method not in READING)

    def refuse(self, error: Refused) -> Reply:
        """The reply to a request that the connection itself refuses."""
        note_refusal(self._store, error)
        return replies.refused(error)

    def _failed(self, path: str, error: Exception, *, counted: bool, size: int = 0) -> Reply:
        """The reply to what went wrong. ``counted``: it was sent to be stored."""
        if not isinstance(error, Refused):
            log.error("a request to %s failed", path, exc_info=error)
            error = Refused(500, "INTERNAL_SERVER_ERROR", "the endpoint failed on this request")
        if counted:
            note_refusal(self._store, error, size)
        return replies.refused(error)

    def _not_taken(self, request: Request, error: Exception) -> Reply:
        return self._failed(request.path, error, counted=True, size=len(request.body))

    def _route(self, head: Head) -> Handler | Reply:
        method, path, headers = head.method, head.path, head.headers
        if path != "/":
            path = path.rstrip("/")
        if path in INGEST_PATHS:
            if self._strict:
                hosted.check_path(path)
            if method == "POST":
                return self._admit_post(path, headers)
            if method == "GET" and path == LIST_PATH:
                return self._task(path, lambda _: self._list(head))
            raise _wrong_method(method, path, "GET, POST" if path == LIST_PATH else "POST")
        if path == HEALTH_PATH:
            return self._health(method, headers)
        if path == OPENAPI_PATH:
            if method not in ("GET", "HEAD"):
                raise _wrong_method(method, path, "GET, HEAD")
            return Reply(200, self._openapi)
        if path.startswith(ONE_PATH):
            if method == "GET":
                return self._task(path, lambda _: self._one(path.removeprefix(ONE_PATH), headers))
            raise _wrong_method(method, path, "GET")
        raise Refused(
            404, "NOT_FOUND", f"there is nothing at {path}; traces are posted to {LIST_PATH}"
        )

    def _task(
        self,
        path: str,
        answer: Callable[[bytes], Coroutine[Any, Any, Reply]],
        failed: Callable[[Exception], Reply] | None = None,
    ) -> Handler:
        """A handler that runs a coroutine; ``failed`` makes the reply to its exception."""

        async def run(body: bytes, respond: Respond) -> None:
            try:
                reply = await answer(body)
            except Exception as error:
                reply = failed(error) if failed else self._failed(path, error, counted=False)
            respond(reply)

        def handle(body: bytes, respond: Respond) -> None:
            task = asyncio.get_running_loop().create_task(run(body, respond))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return handle

    # -- taking in ---------------------------------------------------------------------

    def _admit_post(self, path: str, headers: Headers) -> Handler:
        access = self._keys.access(headers.get(b"x-api-key"))
        encoding = headers.get(b"content-encoding")
        length = headers.get(b"content-length", b"")
        gzipped = encoding is not None and check_encoding(encoding.decode("latin-1"))
        if length.isdigit() and int(length) > self.max_body_bytes:
            raise too_large(self.max_body_bytes)
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        if self._strict:
            hosted.check_content_type(content_type, gzipped=gzipped)
        request = Request(
            path=path,
            headers=_kept_headers(headers),
            content_type=content_type,
            gzipped=gzipped,
            request_id=_request_id(headers),
            body=b"",
            tolerated=hosted.tolerated(path, content_type, gzipped=gzipped),
        )
        return _Post(self, request, access)

    def take_in(self, post: "_Post", respond: Respond) -> None:
        """Store what the request brings, then respond."""
        if is_large(post.request):
            self._take_in_later(post, respond)
            return
        self._inbox.append((post, respond))
        if len(self._inbox) == 1:
            asyncio.get_running_loop().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """Give the writer everything that was received since the loop last looked at its
        sockets: waking its thread for each request would cost both a fight for the interpreter,
        and bodies are read faster one after the other."""
        inbox, self._inbox = self._inbox, []
        outbox = [
            submit
            for post, respond in inbox
            if (submit := self._prepared(post, respond)) is not None
        ]
        if not outbox:
            return
        try:
            taken = self._store.writer.post([(each.prepared.items, each.settle) for each in outbox])
        except StoreError as error:
            for each in outbox:
                each.settle((), error)
            return
        for each in outbox[taken:]:
            self._take_in_later(each.post, each.respond)

    def _prepared(self, post: "_Post", respond: Respond) -> "_Submit | None":
        """What there is to store; None when the request is answered already."""
        try:
            prepared = self._intake.prepare(post.request, post.access)
        except Exception as error:
            respond(self._not_taken(post.request, error))
            return None
        if not prepared.items:
            respond(prepared.answer(()))
            return None
        return _Submit(self, post, prepared, respond)

    def _take_in_later(self, post: "_Post", respond: Respond) -> None:
        """For what is large, and for what waits for room in the queue."""
        request = post.request
        accept = self._intake.accept(request, post.access)
        handle = self._task(request.path, lambda _: accept, partial(self._not_taken, request))
        handle(b"", respond)

    # -- giving out --------------------------------------------------------------------

    def _health(self, method: str, headers: Headers) -> Reply:
        if method not in ("GET", "HEAD"):
            raise _wrong_method(method, HEALTH_PATH, "GET, HEAD")
        if b"x-api-key" in headers:
            self._keys.access(headers[b"x-api-key"])
        return Reply(200, b'{"status":"ok"}')

    async def _list(self, head: Head) -> Reply:
        access = self._keys.access(head.headers.get(b"x-api-key"))
        query = parse_qs(head.query, keep_blank_values=True)
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


class _Post(msgspec.Struct, gc=False):
    """Has the head of a request and waits for its body."""

    endpoint: Endpoint
    request: Request
    access: Access

    def __call__(self, body: bytes, respond: Respond) -> None:
        self.request.body = body
        self.endpoint.take_in(self, respond)


class _Submit(msgspec.Struct, gc=False):
    """A request on its way into the store."""

    endpoint: Endpoint
    post: _Post
    prepared: Prepared
    respond: Respond

    def settle(self, receipts: Sequence[Receipt], error: StoreError | None) -> None:
        """Answer, after the commit."""
        try:
            if error is not None:
                raise not_stored(error, self.prepared)
            reply = Intake.answer(self.prepared, receipts)
        except Exception as problem:
            reply = self.endpoint._not_taken(self.post.request, problem)
        self.respond(reply)


def _listed(row: TraceRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "platformId": row.agent_id,
        "externalId": row.external_id,
        "status": row.shown_status,
        "format": row.format,
        "createdAt": iso(row.received_ns),
        "updatedAt": iso(row.updated_ns),
    }


async def _in_thread(read: Callable[[], Any]) -> Any:
    try:
        return await asyncio.get_running_loop().run_in_executor(None, read)
    except StoreError as error:
        raise unavailable(str(error)) from error


def _number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    if name not in query:
        return default
    text = " ".join(query[name])
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
    return None if value is None else _text(value).strip() or None


def _kept_headers(headers: Headers) -> dict[str, str]:
    """The headers that are stored with a request."""
    try:
        return {name: value.decode() for key, value in headers.items() if (name := _kept(key))}
    except UnicodeDecodeError:
        return {name: _text(value) for key, value in headers.items() if (name := _kept(key))}


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
