"""What a caller hands to the writer, and what it gets back."""

from typing import Literal

import msgspec

from tracedesk.model.trace import Trace


class Incoming(msgspec.Struct, kw_only=True):
    """One trace, or one part of an OTLP trace, on its way into the store.

    Incomings of one submit that share the same ``body`` object share one stored request.
    """

    trace: Trace
    agent_id: str
    external_id: str | None = None
    mode: Literal["create", "replace", "merge"] = "create"
    """``create``: a new trace, ``external_id`` is only shown. ``replace``: create, or
    replace whole by (agent, external id). ``merge``: OTLP, by (agent, trace id)."""
    routed_by: str
    method: str = "POST"
    path: str = "/public/traces"
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """Without keys and cookies: they are stored as given."""
    body: bytes
    """As received, inflated."""
    resources: tuple[int, ...] | None = None
    """OTLP: which ``resourceSpans`` entries of the body belong to the trace."""
    received_ns: int
    dropped: tuple[tuple[str, int], ...] = ()
    """What of the request is not kept, such as spans without an id, and how many. On one
    incoming of a request only."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one ``Incoming``, known once it is committed."""

    id: str
    number: int
    created: bool
    """False when an existing trace was replaced, merged into or left as it was."""
    revision: int
    external_id: str | None
    created_ns: int
    updated_ns: int
    status: str
    """``completed`` or ``failed``, by the span statuses alone."""
