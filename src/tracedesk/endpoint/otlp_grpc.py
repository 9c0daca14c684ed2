"""OTLP over gRPC, beside HTTP: the same keys, limits, intake, and reply after the commit.

Messages stay bytes until the intake reads them. grpcio is an extra: only this module imports
it, and only when it is called for.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

from tracedesk.endpoint import hosted
from tracedesk.endpoint.errors import Refused, busy, invalid, too_large
from tracedesk.endpoint.intake import (
    MAX_REQUEST_ID,
    METRICS_PATH,
    OTLP_PATH,
    Intake,
    Request,
    secret_header,
)
from tracedesk.endpoint.keys import Access, AgentsById, KeyRing
from tracedesk.endpoint.ledger import note_refusal
from tracedesk.endpoint.room import SMALL, Room
from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.formats.detect import PROTOBUF
from tracedesk.formats.errors import Fault
from tracedesk.formats.otlp_logs import LOGS_PATH
from tracedesk.store.database import Store

if TYPE_CHECKING:
    import grpc

log = logging.getLogger(__name__)

INSTALL = "OTLP over gRPC needs grpcio: pip install 'tracedesk[grpc]'"

_COLLECTOR = "opentelemetry.proto.collector"
SERVICES = {
    f"{_COLLECTOR}.trace.v1.TraceService": OTLP_PATH,
    f"{_COLLECTOR}.logs.v1.LogsService": LOGS_PATH,
    f"{_COLLECTOR}.metrics.v1.MetricsService": METRICS_PATH,
}
"""Service whose ``Export`` is called → path that the same message would be posted to."""

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "UNIMPLEMENTED",
    413: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""HTTP status of a refusal → gRPC status. Exporters send again after UNAVAILABLE only."""

TRANSPORT_HEADER = "x-tracedesk-transport"
"""Kept with a request that came by gRPC, whose other headers are made up to fit it."""

THREADS = 8
"""Requests received, read and stored at the same time; further ones wait unread. So beside the
bytes that ``room`` grants, at most so many messages wait in memory."""
GRACE_S = 5.0
"""How long a stop waits for requests in flight."""
SLACK = 1 << 20
"""Bytes beyond the limit that are still received, so that the refusal is in our words."""


class GrpcUnavailableError(Exception):
    """gRPC cannot be served here; the text says why and what to do."""


def installed() -> bool:
    """Is grpcio there? Looks without importing it."""
    return find_spec("grpc") is not None


class GrpcServer:
    """Serves OTLP over gRPC in threads of its own. ``start`` once, ``stop`` once."""

    def __init__(
        self,
        settings: EndpointSettings,
        store: Store,
        agents: AgentsById,
        room: Room | None = None,
    ) -> None:
        """``room`` is that of the HTTP server beside it; None: one of its own."""
        self._settings = settings
        self.room = room or Room(settings.held_bytes)
        self._store = store
        self._intake = Intake(settings, store, agents)
        self._keys = KeyRing(store, agents, demanded=settings.keys_demanded)
        self._keys_lock = threading.Lock()
        self._server: grpc.Server | None = None
        self._threads: ThreadPoolExecutor | None = None

    def start(self, host: str, port: int) -> str:
        """Listen; port 0 takes any free one. Returns the address as clients write it.

        Raises GrpcUnavailableError when grpcio is missing or the port is taken.
        """
        # its C core would otherwise print warnings over the screen
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        try:
            import grpc
        except ImportError:
            raise GrpcUnavailableError(INSTALL) from None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tracedesk-grpc")
        most = self._settings.max_body_bytes + SLACK
        server = grpc.server(
            self._threads,
            handlers=[
                grpc.method_handlers_generic_handler(
                    service, {"Export": grpc.unary_unary_rpc_method_handler(self._export(path))}
                )
                for service, path in SERVICES.items()
            ],
            options=[
                ("grpc.max_receive_message_length", most),
                ("grpc.so_reuseport", 0),  # else two programs could share the port unawares
            ],
        )
        name = f"[{host}]" if ":" in host and "[" not in host else host or "0.0.0.0"
        try:
            bound = server.add_insecure_port(f"{name}:{port}")
        except RuntimeError:
            self._threads.shutdown(wait=False)
            raise GrpcUnavailableError(
                f"OTLP over gRPC is off: port {port} is taken by another program, see grpc under"
                " [endpoint] in tracedesk.toml"
            ) from None
        server.start()
        self._server = server
        here = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(name, name)
        return f"{here}:{bound}"

    def stop(self) -> None:
        """Answer what is in flight, then close all connections."""
        if self._server is not None:
            self._server.stop(GRACE_S).wait()
        if self._threads is not None:
            self._threads.shutdown()

    def _export(self, path: str) -> "Callable[[bytes, grpc.ServicerContext], bytes]":
        """The ``Export`` of one signal: bytes in, bytes of the export response out."""

        def export(message: bytes, context: "grpc.ServicerContext") -> bytes:
            try:
                return self._take_in(path, message, _metadata(context))
            except Refused as refused:
                error = refused
            except Exception:
                log.exception("a gRPC request for %s failed", path)
                error = Refused(500, "INTERNAL_SERVER_ERROR", "the endpoint failed on this request")
            note_refusal(self._store, error, len(message))
            _refuse(context, error)

        return export

    def _take_in(self, path: str, message: bytes, metadata: Mapping[str, str]) -> bytes:
        if self._settings.strict_canonical:
            hosted.check_grpc()
        access = self._access(metadata.get("x-api-key"))
        if len(message) > self._settings.max_body_bytes:
            raise too_large(self._settings.max_body_bytes)
        request = Request(
            path=path,
            headers=_kept(metadata),
            content_type=PROTOBUF,
            gzipped=False,
            request_id=_request_id(metadata),
            body=message,
            tolerated=(hosted.GRPC,),
        )
        with self._held(len(message)):
            return self._intake.store(self._intake.prepare(request, access)).body

    @contextlib.contextmanager
    def _held(self, size: int) -> Iterator[None]:
        """Room for a message of ``size`` bytes, from before it is decoded to its reply. Raises
        Refused (503) when there is none for ``patience_s``."""
        if size <= SMALL:
            yield
            return
        granted = threading.Event()
        claim = self.room.claim(size, granted.set)
        try:
            if not claim.granted and not granted.wait(self._settings.patience_s):
                raise busy()
            yield
        finally:
            self.room.give_back(claim)

    def _access(self, key: str | None) -> Access:
        with self._keys_lock:
            return self._keys.access(None if key is None else key.encode())


def _metadata(context: "grpc.ServicerContext") -> dict[str, str]:
    """What came with the message, names in lower case; binary entries are left out."""
    sent = context.invocation_metadata()
    return {name: value for name, value in sent if isinstance(value, str)}


def _kept(metadata: Mapping[str, str]) -> dict[str, str]:
    """Headers to store: those of a post of the same message, and how it came."""
    told = {name: value for name, value in metadata.items() if not secret_header(name)}
    return {**told, "content-type": PROTOBUF, TRANSPORT_HEADER: "grpc"}


def _request_id(metadata: Mapping[str, str]) -> str | None:
    text = metadata.get("x-request-id", "").strip()
    if len(text) > MAX_REQUEST_ID:
        fault = f"must not be longer than {MAX_REQUEST_ID} characters"
        raise invalid(Fault("x-request-id", fault, location="metadata"))
    return text or None


def _refuse(context: "grpc.ServicerContext", error: Refused) -> NoReturn:
    """End the call with the status of a refusal and its message."""
    import grpc

    context.abort(grpc.StatusCode[STATUS.get(error.status, "UNKNOWN")], error.message)
    raise AssertionError("abort raises")
