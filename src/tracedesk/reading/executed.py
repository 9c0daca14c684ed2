"""Tools known from messages only: a model asked, and a later message carries the result, so the
tool was executed. Where a span reports the same execution, that span is the one call.

Requests that nothing answered stay requests. Results of earlier conversations, which no model
of this trace asked for, are not calls of this trace.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from tracedesk.model import jsontext
from tracedesk.model.links import NO_PARENT
from tracedesk.model.peek import eventful, opened
from tracedesk.model.reading import NOT_RECORDED, Call, Recorded
from tracedesk.model.trace import Kind
from tracedesk.reading.events import each_message
from tracedesk.reading.messages import Said
from tracedesk.reading.plan import TOOL_CALL_IDS
from tracedesk.reading.recorded import read_value
from tracedesk.reading.tables.readers import indexed_messages
from tracedesk.reading.tool_parts import Requested, Returned
from tracedesk.reading.view import View

_TOOL, _UNCTION = re.compile(rb"tool").search, re.compile(rb"unction").search
"""One of them stands in every encoded message that asks for a tool or answers one. Two plain
searches: together they would be ten times slower."""


class Asked(msgspec.Struct, frozen=True):
    """A request and the span of the model that made it."""

    request: Requested
    index: int


class Answered(msgspec.Struct, frozen=True):
    """A result and the span whose messages carry it."""

    result: Returned
    index: int
    place: str


def with_executed(view: View, calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The calls of the spans, and those that only messages tell of, in order."""
    speakers = view.speakers
    if not speakers:
        return calls
    asked = _asked(view, speakers)
    if asked:
        asked = _unreported(view, calls, asked)
    if not asked:
        return calls
    answers = _answers(view, speakers, asked)
    return _merged(view, calls, answers) if answers else calls


def _asked(view: View, speakers: list[int]) -> list[Asked]:
    """Every request once, in the order of asking; a model's own span before what wraps it."""
    found: dict[Any, Asked] = {}
    for index in _models_first(view, speakers):
        for message, _ in _messages(view, index, spoken=True):
            for number, request in enumerate(message.requests):
                key = request.id or (index, number, request.name)
                found.setdefault(key, Asked(request, index))
    return list(found.values())


def _models_first(view: View, indexes: list[int]) -> list[int]:
    if len(indexes) == 1:
        return indexes
    spans, model = view.spans, Kind.MODEL
    return sorted(indexes, key=lambda i: (spans[i].kind is not model, spans[i].start_ns or 0, i))


def _by_time(view: View, indexes: Iterable[int]) -> list[int]:
    return sorted(indexes, key=lambda i: (view.spans[i].start_ns or 0, i))


def _messages(view: View, index: int, *, spoken: bool) -> Iterator[tuple[Said, str]]:
    """What the model of a span said, or was told, that mentions tools; and its place."""
    seen, span = view.seen[index], view.spans[index]
    shape = view.shapes[index]
    for attributes, indexed in shape.spoken if spoken else shape.told:
        for attribute in attributes:
            if view.heard(index, attribute) or _mentions_tool(seen[attribute]):
                for message in view.said(index, attribute):
                    yield message, attribute
        for prefix, infix in indexed:
            for message in indexed_messages(span.attributes, prefix, infix):
                yield message, prefix.rstrip(".")
    if view.eventful and eventful(span):
        for message, name in each_message(span.events, "response" if spoken else "input"):
            yield message, f"event {name}"


def _mentions_tool(value: Any) -> bool:
    """False when the encoded messages certainly hold no request and no result."""
    if value.__class__ is msgspec.Raw:
        return _TOOL(value) is not None or _UNCTION(value) is not None
    return not isinstance(value, str) or "tool" in value or "unction" in value


def _unreported(view: View, calls: tuple[Call, ...], asked: list[Asked]) -> list[Asked]:
    """The requests that no tool span reports: by call id, then by name and equal arguments,
    then by name where the span recorded no arguments. Each span reports one."""
    tools = [call for call in calls if call.tool]
    if not tools:
        return asked
    ids = {call.id: _call_id(view, call) for call in tools}
    by_id = {call_id: call for call in tools if (call_id := ids[call.id]) is not None}
    used = {by_id[a.request.id].id for a in asked if a.request.id in by_id}
    left = [a for a in asked if a.request.id not in by_id]
    for same in (_arguments_key, lambda _: b""):
        free: dict[tuple[str, bool, bytes], deque[Call]] = {}
        for call in tools:
            captured = call.arguments_state == "captured"
            if call.id not in used and captured == (same is _arguments_key):
                key = same(call.arguments)
                for name in call.names:
                    free.setdefault((name, ids[call.id] is None, key), deque()).append(call)
        left = [a for a in left if not _taken(a.request, same(a.request.arguments), free, used)]
    return left


def _taken(
    request: Requested,
    key: bytes,
    free: dict[tuple[str, bool, bytes], deque[Call]],
    used: set[str],
) -> bool:
    """Takes a span that reports the request, if one is free. Two ids that differ are two calls."""
    for without_id in (True, False) if request.id is None else (True,):
        waiting = free.get((request.name, without_id, key), ())
        while waiting:
            call = waiting.popleft()
            if call.id not in used:  # it may wait under several names
                used.add(call.id)
                return True
    return False


def _arguments_key(arguments: Any) -> bytes:
    """Equal for equal JSON values: key order and ``1`` against ``1.0`` do not matter, nor does
    an empty object against none."""
    return msgspec.json.encode(_whole(arguments) or {}, order="deterministic", enc_hook=str)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {str(key): _whole(inner) for key, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value


def _call_id(view: View, call: Call) -> str | None:
    index = view.index_of(call.id)
    shape = view.shapes[index]
    for name in TOOL_CALL_IDS:
        if name in shape.names:
            value = opened(view.seen[index][name])
            if isinstance(value, str) and value:
                return value
    return None


def _answers(view: View, speakers: list[int], asked: list[Asked]) -> list[tuple[Asked, Answered]]:
    """Requests with their results; a result counts once, where it is first told."""
    by_id = {a.request.id: a for a in asked if a.request.id is not None}
    nameless = _by_name([a for a in asked if a.request.id is None])
    retold: set[tuple[str, str, int]] = set()
    found: dict[int, tuple[Asked, Answered]] = {}
    for index in _by_time(view, speakers):
        here: Counter[tuple[str, str]] = Counter()
        for message, place in _messages(view, index, spoken=False):
            for result in message.results:
                if result.id is not None:
                    a = by_id.get(result.id)
                else:
                    a = _open(view, nameless, result, index, here, retold)
                if a is not None and a.index != index:
                    found.setdefault(id(a), (a, Answered(result, index, place)))
    return [found[id(a)] for a in asked if id(a) in found]


def _by_name(asked: list[Asked]) -> dict[str, deque[Asked]]:
    named: dict[str, deque[Asked]] = {}
    for a in asked:
        named.setdefault(a.request.name, deque()).append(a)
    return named


def _open(
    view: View,
    nameless: dict[str, deque[Asked]],
    result: Returned,
    index: int,
    here: "Counter[tuple[str, str]]",
    retold: set[tuple[str, str, int]],
) -> Asked | None:
    """The first open earlier request for a tool that a result without an id can answer. The
    same history is told again to each later model, so its n-th like result counts once."""
    name = result.name or ""
    waiting = nameless.get(name)
    if waiting is None:
        return None
    like = (name, jsontext.dump(result.value))
    here[like] += 1
    key = (*like, here[like])
    if key in retold or not waiting:
        return None
    asked, told = view.spans[waiting[0].index].start_ns or 0, view.spans[index].start_ns or 0
    if (asked, waiting[0].index) >= (told, index):
        return None
    retold.add(key)
    return waiting.popleft()


def _merged(
    view: View, calls: tuple[Call, ...], answers: list[tuple[Asked, Answered]]
) -> tuple[Call, ...]:
    """The new calls before the span that carries their result; a plain span of the tool's name
    is the call itself."""
    wanted = {a.request.name for a, _ in answers}
    plain: dict[str, deque[Call]] = {}
    for call in calls:
        if call.label in wanted and not call.tool and _is_plain(view, call):
            plain.setdefault(call.label, deque()).append(call)
    told: dict[str, list[Call]] = {}
    instead: dict[str, Call] = {}
    ids = {span.span_id for span in view.spans}
    taken: Counter[str] = Counter()
    for a, answered in answers:
        if plain.get(a.request.name):
            same = plain[a.request.name].popleft()
            instead[same.id] = _as_tool(same, a, answered)
            continue
        call = _call(view, a, answered, taken, ids)
        told.setdefault(call.span, []).append(call)
    merged: list[Call] = []
    for call in calls:
        merged += told.get(call.id, ())
        merged.append(instead.get(call.id, call))
    return tuple(
        call if call.order == order else replace(call, order=order)
        for order, call in enumerate(merged)
    )


def _is_plain(view: View, call: Call) -> bool:
    index = view.index_of(call.id)
    return view.spans[index].kind is Kind.NODE and not view.is_ai(index)


def _as_tool(call: Call, a: Asked, answered: Answered) -> Call:
    """A plain span that messages show to be a tool."""
    return replace(
        call,
        tool=True,
        given=call.given if call.arguments_state == "captured" else _given(a, answered),
        gave=call.gave if call.output_state == "captured" else _gave(answered),
    )


def _given(a: Asked, answered: Answered) -> Recorded:
    if a.request.arguments is None:
        return NOT_RECORDED
    value, state = read_value(a.request.arguments)
    return Recorded.known(value, state, answered.place)


def _gave(answered: Answered) -> Recorded:
    if answered.result.value is None:
        return NOT_RECORDED
    return Recorded.known(answered.result.value, place=answered.place)


def _call(view: View, a: Asked, answered: Answered, taken: "Counter[str]", ids: set[str]) -> Call:
    asking, holder = view.spans[a.index], view.spans[answered.index]
    above = view.parents[a.index]
    base = f"{holder.span_id}#{a.request.id or a.request.name}"
    taken[base] += 1
    call_id = base if taken[base] == 1 else f"{base}.{taken[base]}"
    while call_id in ids:
        call_id += "'"
    ids.add(call_id)
    return Call(
        id=call_id,
        tool=True,
        label=a.request.name,
        given=_given(a, answered),
        gave=_gave(answered),
        status="error" if answered.result.failed else "ok",
        parent=asking.span_id if above == NO_PARENT else view.spans[above].span_id,
        start_ns=asking.end_ns,
        shown_by=holder.span_id,
    )
