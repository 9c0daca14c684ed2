"""Response, input and system text of canonical and OTLP traces: sources in order, each tried
on all candidates before the next. A blank value is a hit only when nothing has text.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import msgspec

from tracedesk.model.peek import eventful, opened
from tracedesk.model.reading import Source, Text
from tracedesk.model.trace import Format, Kind
from tracedesk.reading import n8n_spans
from tracedesk.reading.events import each_message
from tracedesk.reading.messages import Said, assistant_text, input_text
from tracedesk.reading.plan import N8N_OUTPUT, Rows
from tracedesk.reading.tables.readers import assistant, indexed_messages, user
from tracedesk.reading.view import View

Found = tuple[str, Source] | None

LOOKS_LIKE = {
    "response": ("response", "answer", "reply", "completion", "output", "result"),
    "input": ("question", "query", "prompt", "input", "user_message", "request"),
    "system": ("system", "instruction", "persona"),
    "model": ("model", "engine", "deployment"),
    "http_status": ("status_code", "http_status", "statuscode"),
    "usage": ("token", "usage"),
    "tool_arguments": ("argument", "args", "param", "input"),
    "tool_result": ("result", "output", "return", "response"),
}
"""Words in attribute names that suggest a role; for the hint beside a blank."""

_LOOKED_AT = 5
_CONVERSATIONS = 12

NOT_TEXTS = ("gen_ai.request.", "gen_ai.response.", "gen_ai.usage.", "http.", "url.")
"""Attribute families that describe a request or response without holding its text."""


PICKS: dict[Callable[..., str | None], Callable[[list[Said]], str | None]] = {
    assistant: assistant_text,
    user: input_text,
}
"""Readers of whole messages and what they pick; messages are parsed once a span."""


class Search(msgspec.Struct):
    """Remembers the first blank hit."""

    blank: Found = None

    def accept(self, found: Found) -> Found:
        """The finding if it has text; a blank one is kept for the end."""
        if found is None or found[0].strip():
            return found
        self.blank = self.blank or found
        return None


def response_text(view: View) -> Text:
    """The agent's answer (ingestion spec 14.2)."""
    plan = view.plan
    found = _text(view, plan.response, plan.response_gaps, n8n_spans.response, assistant_text)
    return found or _blank(view, "response", plan.response_tried)


def input_of(view: View) -> Text:
    """The latest user input (ingestion spec 14.3)."""
    plan = view.plan
    found = _text(view, plan.input, plan.input_gaps, n8n_spans.trigger_input, input_text)
    return found or _blank(view, "input", plan.input_tried)


def _text(
    view: View,
    rows: Rows,
    gaps: Rows,
    n8n: Callable[[View], Found],
    pick: Callable[[list[Said]], str | None],
) -> Text | None:
    search = Search()
    found = _by_fields(view, rows, search)
    if found is None and N8N_OUTPUT in view.names:
        found = search.accept(n8n(view))
    if found is None:
        found = _by_fields(view, gaps, search)
    if found is None and view.eventful:
        found = _by_events(view, rows.role, pick, search)
    found = found or search.blank
    return None if found is None else Text(*found)


def _blank(view: View, role: str, tried: tuple[str, ...]) -> Text:
    name, span = nearest(view, role)
    return Text(tried=tried, nearest=name, nearest_span=span)


def _by_fields(view: View, rows: Rows, search: Search) -> Found:
    for field, order in view.form.candidates(rows):
        pick = PICKS.get(field.read)
        for index in view.in_order(order):
            span = view.spans[index]
            if pick is None:
                value = view.seen[index][field.attribute]
                text = field.read(value, partial(getattr, span, "attributes"))
            else:
                text = pick(view.said(index, field.attribute))
            if text is not None:
                found = search.accept((text, Source(span.span_id, field.attribute, field.rule)))
                if found is not None:
                    return found
    return None


def _by_events(
    view: View, role: str, pick: Callable[[list[Said]], str | None], search: Search
) -> Found:
    speakers = [
        i
        for i in view.eventful
        if view.is_ai(i) or view.spans[i].kind is Kind.AGENT or view.is_root(i)
    ]
    for index in view.in_order(view.form.order(role, speakers)):
        span = view.spans[index]
        told = list(each_message(span.events, role))
        text = pick([message for message, _ in told]) if told else None
        if text is not None:
            holding = (name for message, name in reversed(told) if message.text == text)
            name = next(holding, told[-1][1])
            found = search.accept((text, Source(span.span_id, name, f"span event {name}")))
            if found is not None:
                return found
    return None


def system_text(view: View, conversation: list[Said], spoken: Source | None) -> Text:
    """The system prompt: instructions by attribute, else the system message of the input."""
    rows = view.plan.system
    found = _by_fields(view, rows, Search())
    if found is not None:
        return Text(*found)
    for message in conversation:
        if message.role == "system" and message.text and message.text.strip():
            return Text(text=message.text, source=spoken)
    return Text(tried=rows.attributes)


def conversation(view: View, deciding: str | None) -> tuple[list[Said], Source | None]:
    """Messages into and out of the deciding AI span, and where they came from.

    The span that gave the response comes first, then the latest AI spans.
    """
    if not view.with_messages():
        return [], None
    first = None if deciding is None else view.index_of(deciding)
    for index in _speakers(view, first):
        messages, place = _messages_of(view, index)
        if messages:
            return messages, Source(view.spans[index].span_id, place, "messages of the AI span")
    return [], None


def _speakers(view: View, first: int | None) -> Iterator[int]:
    if first is not None:
        yield first
    speaking = [i for i in view.speakers if i != first]
    if speaking:
        yield from view.latest(speaking, _CONVERSATIONS)


def _messages_of(view: View, index: int) -> tuple[list[Said], str]:
    span = view.spans[index]
    for attributes, indexed in view.shapes[index].messages:
        found: list[Said] = []
        for attribute in attributes:
            found += view.said(index, attribute)
        for prefix, infix in indexed:
            found += indexed_messages(span.attributes, prefix, infix)
        if found:
            return found, attributes[0] if attributes else indexed[0][0]
    if not eventful(span):
        return [], ""
    told = list(each_message(span.events, "all"))
    # the first event names them: system messages come first
    return [message for message, _ in told], told[0][1] if told else ""


def nearest(view: View, role: str) -> tuple[str | None, str | None]:
    """An attribute no table knows whose name suggests a role, and its span; roots and AI spans
    only."""
    spans, wanted = view.spans, view.plan.wanted
    likely = view.roots[:_LOOKED_AT]
    likely += [i for i in range(max(0, len(spans) - _LOOKED_AT), len(spans)) if view.is_ai(i)]
    found = []
    # A canonical payload tells all its names at a peek, OTLP ones only the wanted.
    quick = view.trace.format is Format.CANONICAL
    for place, index in enumerate(likely):
        attributes = view.seen[index] if quick else spans[index].attributes
        for rank, name in suggestions(role, tuple(attributes)):
            value = opened(attributes[name])
            if name not in wanted and isinstance(value, str) and value.strip():
                found.append((rank, place, name, spans[index].span_id))
                break
    return min(found)[2:] if found else (None, None)


@lru_cache(maxsize=4096)
def suggestions(role: str, names: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Those of the names that suggest a text, best first, each with its rank from 0."""
    ranked = [(_suggestion(role, name), at, name) for at, name in enumerate(names)]
    none = len(LOOKS_LIKE[role])
    return tuple((rank, name) for rank, _, name in sorted(ranked) if rank < none)


def _suggestion(role: str, name: str) -> int:
    """How well an attribute name suggests a text: 0 is best, the word count is not at all."""
    words, lower = LOOKS_LIKE[role], name.lower()
    if name.startswith(NOT_TEXTS):
        return len(words)
    return next((rank for rank, word in enumerate(words) if word in lower), len(words))
