"""The walk through decoded values. Nothing is changed in place: what holds no secret comes
back as the same object, so that untouched bytes can be kept.

JSON that is carried as text is a value like any other: read, redacted, written back.
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tracedesk.formats.redaction.rules import LISTED, ROOT, TRANSPARENT, Rules, States
from tracedesk.formats.redaction.settings import REDACTED
from tracedesk.model import jsontext

DEEPEST = jsontext.MAX_DEPTH
"""A text that lies deeper than this, through all texts within texts, is hidden whole when it
carries JSON: a walk never goes deeper than twice as many levels."""

_LIKE_JSON = re.compile(r'[\s"\\]*[\[{]')
"""The beginning of an object or list, perhaps written as text once or more times over."""
_NAMED = re.compile(
    r"""["']([^"'\\]{1,200})\\*["']\s*:(?:\s*\\*["']([^"'\\]{1,200})\\*["']\s*,)?"""
)
"""Names in something like an object: of JSON that was cut off, or of a language's own; and the
text beside each, which in ``{"name": …, "value": …}`` is the name."""
_WRAPPINGS = TRANSPARENT | LISTED

VALUES: Final = ""
"""A level: from here on, everything goes by the rules."""

LEVELS: dict[str, dict[str, str]] = {
    "body": {
        **dict.fromkeys(("spans",), "span"),
        **dict.fromkeys(("resourceSpans", "resource_spans"), "sender"),
        **dict.fromkeys(("resourceLogs", "resource_logs"), "sender"),
        **dict.fromkeys(("data", "metadata", "externalMetadata"), VALUES),
        **dict.fromkeys(("platformId", "externalId", "status"), VALUES),
    },
    "sender": {
        "resource": "described",
        **dict.fromkeys(("scopeSpans", "scope_spans", "scopeLogs", "scope_logs"), "group"),
        **dict.fromkeys(("instrumentationLibrarySpans", "instrumentation_library_spans"), "group"),
    },
    "group": {
        **dict.fromkeys(
            ("scope", "instrumentationLibrary", "instrumentation_library"), "described"
        ),
        **dict.fromkeys(("spans", "logRecords", "log_records"), "span"),
    },
    "span": {
        **dict.fromkeys(("events", "links"), "described"),
        **dict.fromkeys(("name", "eventName", "event_name", "kind", "status"), VALUES),
        **dict.fromkeys(("traceId", "trace_id", "spanId", "span_id"), VALUES),
        **dict.fromkeys(("parentSpanId", "parent_span_id", "attributes"), VALUES),
        **dict.fromkeys(("startTimeUnixNano", "start_time_unix_nano"), VALUES),
        **dict.fromkeys(("endTimeUnixNano", "end_time_unix_nano"), VALUES),
        **dict.fromkeys(("timeUnixNano", "time_unix_nano"), VALUES),
        **dict.fromkeys(("observedTimeUnixNano", "observed_time_unix_nano"), VALUES),
    },
    "described": {
        **dict.fromkeys(("name", "version", "attributes"), VALUES),
        **dict.fromkeys(("timeUnixNano", "time_unix_nano"), VALUES),
        **dict.fromkeys(("traceId", "trace_id", "spanId", "span_id"), VALUES),
    },
}
"""The bones of a body: at each level the keys whose value is never replaced, whatever the
rules say, since the trace would fall apart; and the level that lies below each."""


class Walk:
    """One walk under some rules; ``redacted`` counts the values that were replaced."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._step = rules.step
        self._by_type: dict[type, Callable[[Any, States, int], Any]] = {
            str: self.text,
            dict: self._object,
            list: self._list,
        }
        self.redacted = 0
        self.names = 0
        """Names of the objects that were walked through, for the search for repeated ones."""

    def level(self, value: Any, level: str, states: States = ROOT, depth: int = 0) -> Any:
        """``value`` as it stands at this level of a body."""
        if level == VALUES:
            return self.value(value, states, depth)
        if isinstance(value, list):
            items = [self.level(item, level, states, depth + 1) for item in value]
            return items if any(map(operator.is_not, items, value)) else value
        if not isinstance(value, dict):
            return self.value(value, states, depth)
        self.names += len(value)
        bones = LEVELS[level]
        changed: dict[str, Any] = {}
        for key, item in value.items():
            below, secret = self._step(states, key)
            bone = bones.get(key)
            if bone:
                walked = self.level(item, bone, below, depth + 1)
            elif secret and bone is None:
                walked = self.hidden(item)
            elif (walk := self._by_type.get(type(item))) is not None:
                walked = walk(item, below, depth + 1)
            else:
                continue
            if walked is not item:
                changed[key] = walked
        return {**value, **changed} if changed else value

    def value(self, value: Any, states: States = ROOT, depth: int = 0) -> Any:
        """``value`` without its secrets."""
        walk = self._by_type.get(type(value))
        return value if walk is None else walk(value, states, depth)

    def _list(self, value: list[Any], states: States, depth: int) -> list[Any]:
        changed: dict[int, Any] = {}
        for at, item in enumerate(value):
            walk = self._by_type.get(type(item))
            if walk is not None and (walked := walk(item, states, depth + 1)) is not item:
                changed[at] = walked
        return [changed.get(at, item) for at, item in enumerate(value)] if changed else value

    def _object(self, value: dict[str, Any], states: States, depth: int) -> dict[str, Any]:
        self.names += len(value)
        pair = _pair(value) if "value" in value else None
        changed: dict[str, Any] = {}
        for key, item in value.items():
            below, secret = self._step(states, key)
            if key == "value" and pair is not None:
                named, named_secret = self._step(states, pair)
                below, secret = (*below, *named), secret or named_secret
            if secret:
                walked = self.hidden(item)
            elif (walk := self._by_type.get(type(item))) is not None:
                walked = walk(item, below, depth + 1)
            else:
                continue
            if walked is not item:
                changed[key] = walked
        return {**value, **changed} if changed else value

    def hidden(self, value: Any) -> Any:
        """What stands in the place of a secret. An absent value stays absent, and an OTLP value
        stays one."""
        wrapped = isinstance(value, dict) and not _WRAPPINGS.isdisjoint(value)
        hidden: Any = {"stringValue": REDACTED} if wrapped else REDACTED
        if value is None or value == {} or value == hidden:
            return value
        self.redacted += 1
        return hidden

    def text(self, text: str, states: States = ROOT, depth: int = 0) -> str:
        """A text without the secrets of the JSON it carries. One that only looks like an object
        (it was cut off, or written by another language) is hidden whole when it names one."""
        if text[:1].isalnum() or not _LIKE_JSON.match(text):
            return text
        try:
            value = jsontext.parse(text)
        except ValueError:
            return self._unreadable(text, states)
        if depth > DEEPEST:
            return self._hidden_text()
        inner = Walk(self._rules)
        walked = inner.value(value, states, depth + 1)
        if walked is value and inner.names == names_in(text.encode("utf-8", "replace")):
            return text
        self.redacted += inner.redacted
        return jsontext.dump(walked)

    def _unreadable(self, text: str, states: States) -> str:
        names = (name for either in _NAMED.findall(text) for name in either if name)
        if any(self._step(states, name)[1] for name in names):
            return self._hidden_text()
        return text

    def _hidden_text(self) -> str:
        self.redacted += 1
        return REDACTED


def names_in(text: bytes) -> int:
    """How many names the objects of a JSON text have, repeated ones too: of a name that is
    repeated in its object, reading sees the last, but the text holds them all."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(text.split(b'"')[::2]).count(b":")


def _pair(value: Mapping[str, Any]) -> str | None:
    """The name in ``{"key": …, "value": …}`` or ``{"name": …, "value": …}``, which is how OTLP
    writes attributes and others headers."""
    name = value.get("key", value.get("name"))
    return name if isinstance(name, str) else None
