"""What can be configured about the endpoint."""

import msgspec

from tracedesk.formats.redaction.settings import Redaction

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class EndpointSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The ``[endpoint]`` settings, as far as the application itself needs them."""

    host: str = "127.0.0.1"
    """The address the server is bound to. Any but a loopback address demands keys."""
    require_key: bool = False
    strict_canonical: bool = False
    """Refuse what the hosted product refuses: OLD ``data`` bodies (ingestion spec C8), fields
    that are not as documented (C18), protobuf and other types than JSON, ``/v1/`` paths."""
    max_body_bytes: int = 30 << 20
    """Largest inflated body (ingestion spec 5)."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides the loopback ones by which clients may address the endpoint."""
    route_by_workflow: bool = False
    """Let ``metadata.workflowId`` route canonical bodies too (ingestion spec 8, step 3)."""
    redaction: Redaction = msgspec.field(default_factory=Redaction)
    """Takes secrets out of requests before they are stored; may be configured anew at any time."""
    patience_s: float = 5.0
    """How long a request waits for room in the write queue, or for its body in memory, before
    it is told to come back."""
    held_bytes: int = 128 << 20
    """Most bytes of bodies in memory at once, from the first that are received to the reply;
    small bodies do not count (``room.SMALL``)."""
    request_s: float = 30.0
    """How long a client may take to send the head of a request, or pause in its body."""
    idle_s: float = 75.0
    """A connection on which nothing happens for so long is closed. Longer than the pause of a
    batch exporter, so that it never meets a closing connection."""

    @property
    def loopback(self) -> bool:
        """True when only this machine can reach the endpoint."""
        return self.host in LOOPBACK or self.host.startswith("127.")

    @property
    def keys_demanded(self) -> bool:
        """True when a request without a key is refused."""
        return self.require_key or not self.loopback
