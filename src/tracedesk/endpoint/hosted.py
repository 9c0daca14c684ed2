"""What is taken here and refused by the hosted product, as far as a request's head tells.

Tolerated, each is a warning on the trace, so that nobody learns it only after changing the
URL; with ``strict_canonical`` it is the refusal that the hosted product gives. What bodies
deviate in is judged where they are read, by the same setting.
"""

from tracedesk.endpoint.errors import Refused, invalid
from tracedesk.formats.detect import is_protobuf
from tracedesk.formats.errors import Fault
from tracedesk.model.trace import TraceWarning

CODE = "hosted_refuses"
"""Warning code of what is taken here only."""

_OURS = "/v1/"
"""Paths that SDKs append by themselves; the hosted product has none of them."""
_JSON = "application/json"
_GZIPPED = "application/octet-stream"
"""What some clients call gzipped JSON, here as there."""


GRPC = TraceWarning(
    CODE,
    "OTLP over gRPC is taken here only; for the hosted product set"
    " OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json",
)


def check_grpc() -> None:
    """Raises Refused, 404: the hosted product does not listen for gRPC (strict)."""
    raise Refused(404, "NOT_FOUND", f"{GRPC.message} (refused by strict_canonical)")


def check_path(path: str) -> None:
    """Raises Refused, 404, for a path that the hosted product does not have (strict)."""
    if path.startswith(_OURS):
        raise Refused(404, "NOT_FOUND", f"{_no_such_path(path)} (refused by strict_canonical)")


def check_content_type(content_type: str, *, gzipped: bool) -> None:
    """Raises Refused, 400, for a type that the hosted product does not read (strict)."""
    if problem := _odd_content_type(content_type, gzipped=gzipped):
        fault = f"{problem} (refused by strict_canonical)"
        raise invalid(Fault("Content-Type", fault, location="header"))


def tolerated(path: str, content_type: str, *, gzipped: bool) -> tuple[TraceWarning, ...]:
    """What of this head the hosted product would refuse."""
    if content_type == _JSON and not path.startswith(_OURS):
        return ()
    problem = _odd_content_type(content_type, gzipped=gzipped)
    told = [f"Content-Type {problem}"] if problem else []
    if path.startswith(_OURS):
        told.append(_no_such_path(path))
    return tuple(TraceWarning(CODE, message) for message in told)


def _no_such_path(path: str) -> str:
    return (
        f"the hosted product has no {path}; set OTEL_EXPORTER_OTLP_TRACES_ENDPOINT to the whole"
        " URL of /public/traces"
    )


def _odd_content_type(content_type: str, *, gzipped: bool) -> str:
    """Why the hosted product does not read a body of this type; blank when it does."""
    named = content_type.partition(";")[0].strip().lower()
    if named == _JSON or (gzipped and named == _GZIPPED):
        return ""
    if is_protobuf(content_type):
        return (
            f"{named} is read here only; for the hosted product set"
            " OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json"
        )
    given = f"{named!r} is read as JSON here only" if named else "is missing"
    return f"{given}; the hosted product takes {_JSON}"
