"""A whole request without its secrets, as it is going to be stored.

Bytes in which nothing was found come back as they are. A body that cannot be walked to its
end is refused, so nothing unseen is ever stored.
"""

from collections.abc import Mapping
from typing import Any

from tracedesk.formats.detect import check_json, is_protobuf, read_request
from tracedesk.formats.errors import Fault, FormatError
from tracedesk.formats.otlp_logs import LOGS_PATH
from tracedesk.formats.redaction.glance import glance
from tracedesk.formats.redaction.rules import ROOT, Rules
from tracedesk.formats.redaction.settings import RedactionSettings
from tracedesk.formats.redaction.values import Walk, names_in
from tracedesk.model import jsontext

KEPT_HEADERS = frozenset({"content-type", "content-encoding", "x-request-id"})
"""Headers without which a stored request could not be read again."""

_BOM = b"\xef\xbb\xbf"


class Redactor:
    """Takes secrets out of requests, and out of values that are shown or exported. Immutable:
    any thread may use it."""

    def __init__(self, settings: RedactionSettings) -> None:
        self.settings = settings
        self._rules = Rules(settings)
        self._worth_a_walk = glance(settings)

    def body(self, path: str, body: bytes, content_type: str) -> tuple[bytes, int]:
        """The inflated body of a request to ``path`` without its secrets, the same object when
        it has none, and how many values were redacted. Raises FormatError when it cannot be
        read: with every fault, as reading it would."""
        if not self._worth_a_walk(body):
            return body, 0
        if is_protobuf(content_type):
            try:
                from tracedesk.formats.redaction.protobuf import redact_protobuf

                return redact_protobuf(body, self._rules, logs=path == LOGS_PATH)
            except FormatError:
                read_request(path, body, content_type)
                raise
        try:
            text = body.removeprefix(_BOM)
            value = jsontext.parse(text)
        except ValueError as error:
            read_request(path, body, content_type)  # whatever is wrong is told as ever
            raise FormatError(Fault("", f"cannot be searched for secrets: {error}")) from None
        walk = Walk(self._rules)
        walked = walk.level(value, "body")
        if walked is value and walk.names == names_in(text):
            return body, 0
        check_json(body)  # written anew it would be JSON, whatever it was
        return jsontext.dump(walked).encode(), walk.redacted

    def headers(self, headers: Mapping[str, str]) -> tuple[dict[str, str], int]:
        """Headers (lower-case names) without their secrets, and how many were redacted."""
        walk = Walk(self._rules)
        kept = {}
        for name, value in headers.items():
            below, secret = self._rules.step(ROOT, name)
            if name in KEPT_HEADERS:
                kept[name] = value
            else:
                kept[name] = walk.hidden(value) if secret else walk.text(value, below)
        return kept, walk.redacted

    def masked(self, value: Any) -> Any:
        """A decoded value without its secrets, for display and export; never changed in place."""
        return Walk(self._rules).value(value)
