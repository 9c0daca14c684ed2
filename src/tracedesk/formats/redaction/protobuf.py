"""OTLP/protobuf: secrets taken out of the messages where they stand.

A message is changed in place and written anew only when something was redacted.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError

from tracedesk.formats.errors import Fault, FormatError
from tracedesk.formats.redaction.rules import ROOT, Rules, States
from tracedesk.formats.redaction.settings import REDACTED
from tracedesk.formats.redaction.values import Walk


def redact_protobuf(body: bytes, rules: Rules, *, logs: bool) -> tuple[bytes, int]:
    """The body of an export request of spans or of ``logs``, and how many of its values were
    redacted. Raises FormatError when it is none."""
    request = _request(logs)
    try:
        request.ParseFromString(body)
    except DecodeError:
        fault = Fault("", "is not an OTLP export request in protobuf", type="protobuf")
        raise FormatError(fault) from None
    walk = _MessageWalk(rules)
    for sender in request.resource_logs if logs else request.resource_spans:
        walk.attributes(sender.resource.attributes)
        for group in sender.scope_logs if logs else sender.scope_spans:
            walk.attributes(group.scope.attributes)
            if logs:
                for record in group.log_records:
                    walk.record(record)
            else:
                for span in group.spans:
                    walk.span(span)
    return (request.SerializeToString(), walk.redacted) if walk.redacted else (body, 0)


def _request(logs: bool) -> Any:
    if logs:
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

        return logs_service_pb2.ExportLogsServiceRequest()
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

    return trace_service_pb2.ExportTraceServiceRequest()


class _MessageWalk(Walk):
    """A walk through messages; their texts are walked as those of any other body."""

    def span(self, span: Any) -> None:
        self.attributes(span.attributes)
        for part in (*span.events, *span.links):
            self.attributes(part.attributes)
        self._text_field(span.status, "message", ROOT)

    def record(self, record: Any) -> None:
        self.attributes(record.attributes)
        if record.HasField("body"):
            below, secret = self._step(ROOT, "body")
            self._any(record.body, below, secret)

    def attributes(self, entries: Iterable[Any], states: States = ROOT) -> None:
        for entry in entries:
            below, secret = self._step(states, entry.key)
            self._any(entry.value, below, secret)

    def _any(self, value: Any, states: States, secret: bool) -> None:
        which = value.WhichOneof("value")
        if which is None:
            return
        if secret:
            if which != "string_value" or value.string_value != REDACTED:
                value.string_value = REDACTED
                self.redacted += 1
        elif which == "string_value":
            self._text_field(value, which, states)
        elif which == "kvlist_value":
            self.attributes(value.kvlist_value.values, states)
        elif which == "array_value":
            for item in value.array_value.values:
                self._any(item, states, secret=False)
        elif which == "bytes_value":
            self._bytes_field(value, states)

    def _text_field(self, message: Any, field: str, states: States) -> None:
        text = getattr(message, field)
        walked = self.text(text, states)
        if walked is not text:
            setattr(message, field, walked)

    def _bytes_field(self, value: Any, states: States) -> None:
        try:
            text = value.bytes_value.decode()
        except UnicodeDecodeError:
            return
        walked = self.text(text, states)
        if walked is not text:
            value.bytes_value = walked.encode()
