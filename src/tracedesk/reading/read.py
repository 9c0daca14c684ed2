"""Trace in, ``Reading`` out: deterministic, linear, iterative, and it never raises."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from tracedesk.model import jsontext
from tracedesk.model.reading import Background, Call, Reading, Recorded, Text, Usage
from tracedesk.model.trace import Format, Span, Trace
from tracedesk.reading import custom, facts, flowise, n8n, older, texts
from tracedesk.reading.calls import calls_of
from tracedesk.reading.executed import with_executed
from tracedesk.reading.expressions import unresolved
from tracedesk.reading.recorded import CAPTURED
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.usage import usage_of
from tracedesk.reading.view import View


class Rules(msgspec.Struct, frozen=True):
    """How one older format reads what its spans do not tell by themselves."""

    response: Callable[[Trace, ReadingSettings], Text]
    input: Callable[[Trace], Text]
    usage: Callable[[Trace], Usage]


OLDER: dict[Format, Rules] = {
    Format.CUSTOM: Rules(custom.response, custom.input_of, custom.usage),
    Format.N8N_OPTIMIZED: Rules(n8n.response, n8n.input_of, n8n.usage),
    Format.N8N_MANUAL: Rules(n8n.response, n8n.input_of, n8n.usage),
    Format.N8N_NATIVE: Rules(n8n.response, n8n.input_of, n8n.usage),
    Format.FLOWISE: Rules(flowise.response, flowise.input_of, flowise.usage),
}
"""Reading rules by format of ``data`` bodies; these read other keys than spans do."""


UNRESOLVED = "unresolved_expression"
NESTED = "nested_usage"
_WARNED = 20
"""Nodes that are warned of, at most."""


_SMALL = 64
"""Spans of a trace that is quicker to look at twice than its background is to keep ready."""


def read(trace: Trace, settings: ReadingSettings = ReadingSettings()) -> Reading:
    """Read response, input, calls, usage and the other facts, each with its source."""
    view = View(trace, settings)
    calls = calls_of(view)
    _flag_unresolved(trace, calls)
    if trace.format.legacy:
        return _read_older(view, calls, OLDER.get(trace.format, OLDER[Format.CUSTOM]))
    response = texts.response_text(view)
    usage = usage_of(view)
    _flag_nested(trace, usage)
    return Reading(
        response=response,
        input=texts.input_of(view),
        calls=with_executed(view, calls),
        usage=usage,
        http_status=facts.http_status(view),
        duration_ms=facts.duration(view),
        status=facts.trace_status(view),
        has_structure=bool(calls) or any(not span.synthetic for span in trace.spans),
        recorded_views=_views(trace, response, _root_attributes(view)),
        recorded_background=background(trace, settings, response)
        if len(trace.spans) <= _SMALL
        else Recorded.known(_background(view, response)),
    )


def _read_older(view: View, calls: tuple[Call, ...], rules: Rules) -> Reading:
    trace, settings = view.trace, view.plan.settings
    response = rules.response(trace, settings)
    return Reading(
        response=response,
        input=rules.input(trace),
        calls=calls,
        usage=rules.usage(trace),
        http_status=facts.http_status(view),
        duration_ms=facts.duration(view),
        status=facts.trace_status(view),
        has_structure=_has_structure(trace),
        recorded_views=_views(trace, response, None),
        recorded_background=background(trace, settings, response),
    )


def background(trace: Trace, settings: ReadingSettings, response: Text) -> Recorded:
    """The ``Background`` of a response that was read; looked for when asked."""
    return Recorded("", (trace, settings, response), _look_back)


def _look_back(source: tuple[Trace, ReadingSettings, Text]) -> tuple[Background, str]:
    trace, settings, response = source
    if trace.format.legacy:
        spoken = older.conversation(trace)
        messages = tuple(message.message() for message in spoken[0])
        return Background(
            older.system_of(trace, spoken), messages, *older.model_of(trace)
        ), CAPTURED
    return _background(View(trace, settings), response), CAPTURED


def _background(view: View, response: Text) -> Background:
    deciding = response.source.span if response.source is not None else None
    said, spoken = texts.conversation(view, deciding)
    messages = tuple(message.message() for message in said)
    return Background(texts.system_text(view, said, spoken), messages, *facts.model_of(view))


def _flag_unresolved(trace: Trace, calls: tuple[Call, ...]) -> None:
    """Warn, once a node, of parameters whose n8n expressions stay as they are (spec 12.4)."""
    left = [c for c in calls if c.parameters is not None and unresolved(c.parameters)]
    if left:
        known = {w.span for w in trace.warnings if w.code == UNRESOLVED}
        for call in left[:_WARNED]:
            if call.id not in known:
                told = f"parameters of {call.label} hold an expression that was not resolved"
                trace.warn(UNRESOLVED, told, call.id)


def _flag_nested(trace: Trace, usage: Usage) -> None:
    """Warn of tokens that may be counted twice (spec 16.4)."""
    if usage.nested and not any(w.code == NESTED for w in trace.warnings):
        trace.warn(NESTED, "tokens are summed over a span and one above it; the sum may be double")


def _has_structure(trace: Trace) -> bool:
    """Any node, or a tool list, even an empty one (assertion spec 1.1)."""
    if any(not span.synthetic for span in trace.spans):
        return True
    data = trace.data
    return isinstance(data, dict) and any(
        isinstance(data.get(key), list)
        for key in ("tool_calls", "usedTools", "agentFlowExecutedData", "nodes")
    )


_JSON_STARTS = frozenset('{["-0123456789tfn')
_ROOTS = 100
"""Roots whose attributes json_match sees; the first root wins."""


def _root_attributes(view: View) -> Recorded | None:
    if not view.roots:
        return None
    return Recorded("", [view.spans[i] for i in view.roots[:_ROOTS]], _attributes)


def _attributes(roots: list[Span]) -> tuple[dict[str, Any], str]:
    attributes: dict[str, Any] = {}
    for span in reversed(roots):
        attributes.update(span.attributes)
    return attributes, CAPTURED


def _views(
    trace: Trace, response: Text, attributes: Recorded | None
) -> tuple[tuple[str, Recorded], ...]:
    """What json_match reads under ``auto``, in order; views that do not exist are left out."""
    views: list[tuple[str, Recorded]] = []
    if response.text is not None and response.text.lstrip()[:1] in _JSON_STARTS:
        with suppress(ValueError):
            views.append(("response", Recorded.known(jsontext.parse(response.text))))
    if trace.format.legacy:
        views.append(("data", Recorded.known(trace.data)))
    if attributes is not None:
        views.append(("attributes", attributes))
    views.append(("metadata", Recorded("", None, None, trace.metadata, CAPTURED)))
    return tuple(views)
