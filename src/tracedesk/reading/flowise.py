"""Reading of Flowise prediction responses (ingestion spec 13)."""

from collections.abc import Iterable, Mapping
from typing import Any

from tracedesk.model import jsontext
from tracedesk.model.built import Built
from tracedesk.model.reading import Source, Text, Usage
from tracedesk.model.trace import Kind, Span, Trace
from tracedesk.reading import custom
from tracedesk.reading.messages import input_text, said
from tracedesk.reading.settings import ReadingSettings
from tracedesk.reading.usage import Count, added, count_in


def response(trace: Trace, settings: ReadingSettings) -> Text:
    """``text``, ``json``, the last entry's content, then the common keys; a blank ``text``
    counts only when nothing later has text."""
    data = trace.data if isinstance(trace.data, Mapping) else {}
    blank = None
    for found in _candidates(trace, data):
        if found.text and found.text.strip():
            return found
        blank = blank or (found if found.text is not None else None)
    return blank or Text(tried=("data.text", "data.json", "data.output.content", "common keys"))


def _candidates(trace: Trace, data: Mapping[str, Any]) -> Iterable[Text]:
    text = data.get("text")
    if isinstance(text, str):
        yield Text(text=text, source=Source(None, "$.data.text", "text"))
    if data.get("json") is not None:
        dumped = jsontext.dump(data["json"])
        yield Text(text=dumped, source=Source(None, "$.data.json", "json"))
    for span in reversed(_entries(trace)):
        content = _below(span, "output", "content")
        if isinstance(content, str):
            place = f"{span.place}.data.output.content"
            yield Text(text=content, source=Source(span.span_id, place, "last executed node"))
            break
    for key in custom.RESPONSE_KEYS:
        value = data.get(key)
        if isinstance(value, str):
            yield Text(text=value, source=Source(None, f"$.data.{key}", f"common key {key}"))


def _entries(trace: Trace) -> list[Span]:
    return [s for s in trace.spans if isinstance(s.payload, Built) and s.kind is not Kind.TOOL]


def _below(span: Span, *path: str) -> Any:
    value: Any = span.attributes.get("data")
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def input_of(trace: Trace) -> Text:
    """``question``, else the first entry's question or latest user message."""
    data = trace.data if isinstance(trace.data, Mapping) else {}
    question = data.get("question")
    if isinstance(question, str) and question.strip():
        return Text(text=question, source=Source(None, "$.data.question", "question"))
    for span in _entries(trace)[:1]:
        place = f"{span.place}.data.input"
        asked = _below(span, "input", "question")
        if isinstance(asked, str) and asked.strip():
            source = Source(span.span_id, f"{place}.question", "first node's question")
            return Text(text=asked, source=source)
        text = input_text(said(_below(span, "input", "messages")))
        if text is not None:
            source = Source(span.span_id, f"{place}.messages", "first node's latest user message")
            return Text(text=text, source=source)
    if isinstance(question, str):
        return Text(text=question, source=Source(None, "$.data.question", "question"))
    return Text(tried=("data.question", "first node's question", "first node's messages"))


def usage(trace: Trace) -> Usage:
    """The sum of each entry's own ``usageMetadata``, as given.

    An agent that called tools reports its last model call, with a total of something else. Where
    that total does not add up and the earlier calls stand in the node's messages, the calls are
    added up instead.
    """
    return custom.node_usage(trace, _all_calls)


def _all_calls(span: Span, reported: Count) -> Count:
    earlier = [
        found[0]
        for message in _this_turn(_below(span, "input", "messages"))
        if isinstance(message, Mapping) and (found := count_in(message)) is not None
    ]
    known = (reported.input or 0) + (reported.output or 0)
    if not earlier or reported.total is None or reported.total == known:
        return reported
    last = Count(reported.input, reported.output, None, reported.reasoning)
    return added([*earlier, last])


def _this_turn(messages: Any) -> list[Any]:
    """The messages after the user's last one: what came before was counted in its own run."""
    listed = messages if isinstance(messages, list) else []
    for index in range(len(listed) - 1, -1, -1):
        if isinstance(listed[index], Mapping) and listed[index].get("role") == "user":
            return listed[index + 1 :]
    return listed
