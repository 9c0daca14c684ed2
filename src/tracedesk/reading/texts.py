"""Response, input and system text of canonical and OTLP traces: sources in order, each tried
on all candidates before the next. A blank value is a hit only when nothing has text.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial

from tracedesk.model.links import NO_PARENT
from tracedesk.model.reading import Source, Text
from tracedesk.model.trace import Kind, Status
from tracedesk.reading import n8n_spans
from tracedesk.reading.events import EVENT_SOURCES, event_messages
from tracedesk.reading.messages import Said, assistant_text, input_text, said
from tracedesk.reading.tables import ALL, CANONICAL, GAPS
from tracedesk.reading.tables.convention import Field
from tracedesk.reading.tables.readers import completion, indexed_messages, prompt, system
from tracedesk.reading.view import View

Found = tuple[str, Source] | None

LOOKS_LIKE = {
    "response": ("response", "answer", "reply", "completion", "output", "result"),
    "input": ("question", "query", "prompt", "input", "user_message", "request"),
}
"""Words in attribute names that suggest a text; for the hint beside a blank."""

_LOOKED_AT = 5
_CONVERSATIONS = 12

NOT_TEXTS = ("gen_ai.request.", "gen_ai.response.", "gen_ai.usage.", "http.", "url.")
"""Attribute families that describe a request or response without holding its text."""


class Search:
    """Remembers the first blank hit and what was tried."""

    def __init__(self) -> None:
        self.blank: Found = None
        self.tried: list[str] = []

    def accept(self, found: Found) -> Found:
        """The finding if it has text; a blank one is kept for the end."""
        if found is None or found[0].strip():
            return found
        self.blank = self.blank or found
        return None


RESPONSE_GAPS = tuple(field for table in GAPS for field in table.response)
INPUT_GAPS = tuple(field for table in GAPS for field in table.input)


def response_text(view: View) -> Text:
    """The agent's answer (ingestion spec 14.2)."""
    fields = (*_mapped(view, "response", completion), *CANONICAL.response)
    return _text(view, "response", fields, RESPONSE_GAPS, n8n_spans.response, assistant_text)


def input_of(view: View) -> Text:
    """The latest user input (ingestion spec 14.3)."""
    fields = (*_mapped(view, "input", prompt), *CANONICAL.input)
    return _text(view, "input", fields, INPUT_GAPS, n8n_spans.trigger_input, input_text)


def _text(
    view: View,
    role: str,
    canonical: tuple[Field, ...],
    gaps: tuple[Field, ...],
    n8n: Callable[[View], Found],
    pick: Callable[[list[Said]], str | None],
) -> Text:
    order = view.response_order if role == "response" else view.input_order
    search = Search()
    found = _by_fields(view, canonical, order, search)
    if found is None:
        search.tried.append("n8n.node.output")
        found = search.accept(n8n(view))
    if found is None:
        found = _by_fields(view, gaps, order, search)
    if found is None:
        found = _by_events(view, role, order, pick, search)
    found = found or search.blank
    if found is None:
        return Text(tried=tuple(dict.fromkeys(search.tried)), nearest=_nearest(view, role))
    return Text(text=found[0], source=found[1])


def _by_fields(
    view: View,
    fields: tuple[Field, ...],
    order: Callable[[Iterable[int]], Iterable[int]],
    search: Search,
) -> Found:
    present = view.present
    search.tried += [field.attribute for field in fields]
    for field in fields:
        candidates = present.get(field.attribute)
        if candidates is None:
            continue
        for index in order(candidates):
            span, seen = view.spans[index], view.seen[index]
            if (
                (field.roots_only and not view.is_root(index))
                or (field.kinds and span.kind not in field.kinds)
                or any(name in seen for name in field.unless)
            ):
                continue
            text = field.read(seen[field.attribute], partial(getattr, span, "attributes"))
            if text is not None:
                found = search.accept((text, Source(span.span_id, field.attribute, field.rule)))
                if found is not None:
                    return found
    return None


def _mapped(view: View, role: str, read: Callable[..., str | None]) -> tuple[Field, ...]:
    return tuple(
        Field(attribute, read, f"mapped to {role} in the settings")
        for attribute, mapped_role in view.settings.roles
        if mapped_role == role
    )


def _by_events(
    view: View,
    role: str,
    order: Callable[[Iterable[int]], Iterable[int]],
    pick: Callable[[list[Said]], str | None],
    search: Search,
) -> Found:
    search.tried += EVENT_SOURCES[role]
    speakers = [
        i
        for i, span in enumerate(view.spans)
        if (view.ai[i] or span.kind is Kind.AGENT or view.parents[i] == NO_PARENT)
        and span.status is not Status.SKIPPED
    ]
    for index in order(speakers):
        span = view.spans[index]
        messages, name = event_messages(span.events, role)
        text = pick(messages) if messages else None
        if text is not None:
            found = search.accept((text, Source(span.span_id, name, f"span event {name}")))
            if found is not None:
                return found
    return None


def system_text(view: View, conversation: list[Said], spoken: Source | None) -> Text:
    """The system prompt: instructions by attribute, else the system message of the input."""
    search = Search()
    fields = (*_mapped(view, "system", system), *CANONICAL.system)
    found = _by_fields(view, fields, view.input_order, search)
    if found is not None:
        return Text(text=found[0], source=found[1])
    for message in conversation:
        if message.role == "system" and message.text and message.text.strip():
            return Text(text=message.text, source=spoken)
    return Text(tried=tuple(search.tried))


def conversation(view: View, deciding: str | None) -> tuple[list[Said], Source | None]:
    """Messages into and out of the deciding AI span, and where they came from.

    The span that gave the response comes first, then the latest AI spans.
    """
    ai = view.latest((i for i, is_ai in enumerate(view.ai) if is_ai), _CONVERSATIONS)
    if deciding is not None:
        first = next((i for i, s in enumerate(view.spans) if s.span_id == deciding), None)
        if first is not None:
            ai = [first, *(i for i in ai if i != first)]
    for index in ai:
        messages, place = _messages_of(view, index)
        if messages:
            return messages, Source(view.spans[index].span_id, place, "messages of the AI span")
    return [], None


def _messages_of(view: View, index: int) -> tuple[list[Said], str]:
    seen, span = view.seen[index], view.spans[index]
    for table in ALL:
        found: list[Said] = []
        places = []
        for attribute in (*table.messages_in, *table.messages_out):
            if seen.get(attribute) is not None:
                found += said(seen[attribute])
                places.append(attribute)
        for prefix, infix in table.indexed_messages:
            if any(name.startswith(prefix) for name in seen):
                found += indexed_messages(span.attributes, prefix, infix)
                places.append(prefix)
        if found:
            return found, places[0]
    messages, name = event_messages(span.events, "all")
    return messages, name


def _nearest(view: View, role: str) -> str | None:
    """An attribute no table knows whose name suggests the text; roots and AI spans only."""
    spans = view.spans
    likely = view.roots[:_LOOKED_AT]
    likely += [i for i in range(max(0, len(spans) - _LOOKED_AT), len(spans)) if view.ai[i]]
    best, best_rank = None, len(LOOKS_LIKE[role])
    for index in likely:
        for name, value in spans[index].attributes.items():
            rank = _suggestion(role, name)
            if rank < best_rank and isinstance(value, str) and value.strip():
                best, best_rank = name, rank
    return best


@lru_cache(maxsize=4096)
def _suggestion(role: str, name: str) -> int:
    """How well an attribute name suggests a text: 0 is best, the word count is not at all."""
    words, lower = LOOKS_LIKE[role], name.lower()
    if name.startswith(NOT_TEXTS):
        return len(words)
    return next((rank for rank, word in enumerate(words) if word in lower), len(words))
