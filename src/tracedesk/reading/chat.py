"""What every model call of a trace heard and said, each message with the place it came from.

Results stand at the calls that asked for them, be they told by a later message or by the span
of the tool. What a call repeats of an earlier one is counted, not copied. Never raises.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from tracedesk.model.links import NO_PARENT
from tracedesk.model.peek import eventful, opened
from tracedesk.model.reading import Call, Reading, Text
from tracedesk.model.trace import Span, Trace
from tracedesk.reading import older
from tracedesk.reading.chat_calls import Asked, Asking, Saying, Tools, joined, results_of
from tracedesk.reading.chat_parts import entries, media, text_path, thoughts
from tracedesk.reading.events import each_message
from tracedesk.reading.messages import Said, said
from tracedesk.reading.plan import Messages, Rows
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.tables.convention import Field
from tracedesk.reading.tables.readers import indexed_messages
from tracedesk.reading.view import View

MAX_CALLS = 1_000
"""Model calls that are read; each repeats what was said before it."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One model call: what it was told, and what it said."""

    start_ns: int | None = None

    number: int = 0
    """From 1, in order of time; 0 for what no model call says: tools that no message asked for,
    what the trace was given, and spans around other model calls."""
    span: str | None = None
    heard: tuple[Saying, ...] = ()
    spoke: tuple[Saying, ...] = ()
    same: int = 0
    """How many of the first messages heard are those of another call."""
    as_in: int = 0
    """The number of that call."""


class Chat(msgspec.Struct, frozen=True):
    """The conversation of a trace."""

    exchanges: tuple[Exchange, ...] = ()
    """Model calls in order of time."""
    outer: tuple[Exchange, ...] = ()
    """Spans around model calls that repeat messages of theirs."""
    left_out: int = 0
    """Model calls beyond ``MAX_CALLS``."""


def chat_of(trace: Trace, reading: Reading, settings: ReadingSettings = ReadingSettings()) -> Chat:
    """The conversation of a trace; of one whose model calls hold no messages, what was read as
    input, calls and response."""
    view = View(trace, settings)
    inner, outer, left_out = ([], [], 0) if trace.format.legacy else _model_calls(view)
    tools = Tools(view, reading)
    if not inner:
        return Chat((_as_read(trace, reading, tools),))
    heard = {i: _heard(view, i) for i in (*inner, *outer)}
    spoke = {i: _spoke(view, i) for i in (*inner, *outer)}
    results = results_of([*heard.values(), *spoke.values()])
    made = []
    for number, index in (*enumerate(inner, 1), *((0, index) for index in outer)):
        met: Counter[Asking] = Counter()
        made.append(
            Exchange(
                number=number,
                start_ns=view.spans[index].start_ns,
                span=view.spans[index].span_id,
                heard=tuple(joined(heard[index], results, tools, met)),
                spoke=tuple(joined(spoke[index], results, tools, met)),
            )
        )
    calls, around = list(_compared(made[: len(inner)])), made[len(inner) :]
    loose = [_ran(tools, call) for call in tools.unasked()]
    in_time = sorted((*calls, *loose), key=_start)
    told = (*_given(reading, calls), *in_time, *_gave(reading, calls))
    return Chat(told, tuple(around), left_out)


def _start(exchange: Exchange) -> tuple[bool, int]:
    return exchange.start_ns is None, exchange.start_ns or 0


def _ran(tools: Tools, call: Call) -> Exchange:
    """A tool call that no message asked for."""
    saying = Saying("tool", None, call.arguments_place, call.span, calls=(tools.ran(call),))
    return Exchange(start_ns=call.start_ns, span=call.span, spoke=(saying,))


def _given(reading: Reading, calls: Sequence[Exchange]) -> list[Exchange]:
    """What the trace was given, where no model call tells it."""
    if any(saying.role == "user" for call in calls for saying in call.heard):
        return []
    heard = _read_text(reading.input, "user")
    return [Exchange(heard=tuple(heard))] if heard else []


def _gave(reading: Reading, calls: Sequence[Exchange]) -> list[Exchange]:
    """The response of the trace, where no model call says it."""
    wanted = (reading.response.text or "").strip()
    if not wanted or any(s.text and wanted == s.text.strip() for c in calls for s in c.spoke):
        return []
    return [Exchange(spoke=tuple(_read_text(reading.response, "assistant")))]


# -- which spans are model calls ---------------------------------------------------------


def _model_calls(view: View) -> tuple[list[int], list[int], int]:
    """Innermost model calls in order of time, AI spans around them, and how many are left out."""
    speaking = [i for i, shape in enumerate(view.shapes) if shape.ai and not shape.skipped]
    speaking = [i for i in speaking if view.shapes[i].messages or _says(view, i)]
    above: set[int] = set()
    for index in speaking:
        parent = view.parents[index]
        while parent != NO_PARENT and parent not in above:
            above.add(parent)
            parent = view.parents[parent]
    inner = [i for i in speaking if i not in above]
    inner.sort(key=lambda i: (view.spans[i].start_ns is None, view.spans[i].start_ns or 0, i))
    outer = [i for i in speaking if i in above]
    return inner[:MAX_CALLS], outer[:MAX_CALLS], max(0, len(inner) - MAX_CALLS)


def _says(view: View, index: int) -> bool:
    """True for a span that holds a text without a list of messages, or speaks in events."""
    return (
        bool(eventful(view.spans[index]))
        or next(_fields(view, index, view.plan.response), None) is not None
        or next(_fields(view, index, view.plan.input), None) is not None
    )


# -- the messages of one span ------------------------------------------------------------


def _heard(view: View, index: int) -> list[Saying]:
    span = view.spans[index]
    found = _listed(view, index, view.shapes[index].told)
    if not found:
        found = _text(view, index, (view.plan.input, view.plan.input_gaps), "user")
    if not found and eventful(span):
        found = list(_evented(span, "input"))
    if not any(saying.role == "system" for saying in found):
        found = _text(view, index, (view.plan.system,), "system") + found
    return found


def _spoke(view: View, index: int) -> list[Saying]:
    span = view.spans[index]
    found = _listed(view, index, view.shapes[index].spoken)
    if not any((saying.text or "").strip() for saying in found):
        found = _text(view, index, (view.plan.response, view.plan.response_gaps), "assistant") + [
            saying for saying in found if saying.calls or saying.media or saying.results
        ]
    if not found and eventful(span):
        found = list(_evented(span, "response"))
    return found


def _listed(view: View, index: int, conventions: Messages) -> list[Saying]:
    """The messages in the attributes of the first convention that holds any."""
    span = view.spans[index]
    for attributes, indexed in conventions:
        found: list[Saying] = []
        for attribute in attributes:
            found += _of_value(view.seen[index][attribute], attribute, span.span_id)
        for prefix, infix in indexed:
            found += [
                _saying(one, f"{prefix}{at}", span.span_id)
                for at, one in enumerate(indexed_messages(span.attributes, prefix, infix))
            ]
        if found:
            return found
    return []


def _of_value(value: Any, place: str, span: str | None) -> Iterator[Saying]:
    for path, entry in entries(opened(value)):
        found = said([entry])
        for one in found:
            beside = f"{place} {path}{text_path(entry)}"
            yield _saying(one, beside, span, tuple(media(entry)), thoughts(entry))


def _saying(
    one: Said, place: str, span: str | None, shown: tuple[str, ...] = (), thought: str = ""
) -> Saying:
    calls = tuple(Asked(call.name, call.arguments, call.id) for call in one.requests)
    role = one.role
    if role == "other":
        role = "assistant" if calls else "tool" if one.results else role
    text = None if one.results and role == "tool" else one.text
    return Saying(role, text, place, span, calls, one.results, shown, thought)


def _text(view: View, index: int, rows: Sequence[Rows], role: str) -> list[Saying]:
    """The first text that table rows read from one span, as a message."""
    span = view.spans[index]
    for each in rows:
        for field in _fields(view, index, each):
            text = field.read(
                view.seen[index][field.attribute], partial(getattr, span, "attributes")
            )
            if text is not None and text.strip():
                return [Saying(role, text, field.attribute, span.span_id)]
    return []


def _fields(view: View, index: int, rows: Rows) -> Iterator[Field]:
    """The table rows that may read one span."""
    shape = view.shapes[index]
    for field in rows.fields:
        if (
            field.attribute in shape.names
            and (not field.kinds or shape.kind in field.kinds)
            and shape.names.isdisjoint(field.unless)
            and (not field.roots_only or view.is_root(index))
        ):
            yield field


def _evented(span: Span, role: str) -> Iterator[Saying]:
    for one, name in each_message(span.events, role):
        yield _saying(one, f"event {name}", span.span_id)


def _as_read(trace: Trace, reading: Reading, tools: Tools) -> Exchange:
    """One exchange of what the rules read: the conversation if there is one, else input, tool
    calls and response."""
    if trace.format.legacy:
        listed, source = older.conversation(trace)
        if listed and source is not None:
            sayings = [
                _saying(one, f"{source.place}[{at}]", source.span) for at, one in enumerate(listed)
            ]
            told = results_of([sayings])
            together = list(joined(sayings, told, tools, Counter()))
            together[-1:-1] = _unasked(tools)
            last = 1 if together and together[-1].role == "assistant" else 0
            cut = len(together) - last
            return Exchange(
                number=1, span=source.span, heard=tuple(together[:cut]), spoke=tuple(together[cut:])
            )
    heard = [*_read_text(reading.system, "system"), *_read_text(reading.input, "user")]
    spoke = [*_unasked(tools), *_read_text(reading.response, "assistant")]
    return Exchange(number=1, heard=tuple(heard), spoke=tuple(spoke))


def _unasked(tools: Tools) -> list[Saying]:
    ran = tuple(tools.ran(call) for call in tools.unasked())
    return [Saying("tool", None, "", calls=ran)] if ran else []


def _read_text(found: Text, role: str) -> list[Saying]:
    if found.text is None or found.source is None:
        return []
    return [Saying(role, found.text, found.source.place, found.source.span)]


# -- what is repeated --------------------------------------------------------------------


def _compared(exchanges: Sequence[Exchange]) -> Iterator[Exchange]:
    """The exchanges, each knowing how much of its beginning an earlier one has said already."""
    seen: dict[int, int] = {}
    for exchange in exchanges:
        same = as_in = state = 0
        states = []
        for at, saying in enumerate((*exchange.heard, *exchange.spoke), 1):
            state = hash((state, saying.likeness))
            states.append(state)
            if at <= len(exchange.heard) and state in seen:
                same, as_in = at, seen[state]
        seen.update(dict.fromkeys(states, exchange.number))
        yield msgspec.structs.replace(exchange, same=same, as_in=as_in)
