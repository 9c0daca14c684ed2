"""Messages of a conversation, with each tool's result at the call that asked for it: told by a
later message, else by the span of the tool.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tracedesk.model import jsontext
from tracedesk.model.peek import opened
from tracedesk.model.reading import Call, Reading
from tracedesk.reading.messages import parsed
from tracedesk.reading.plan import TOOL_CALL_IDS
from tracedesk.reading.tool_parts import Returned
from tracedesk.reading.view import View

_SEPARATORS = re.compile(r"[\s_\-]+")

Asking = tuple[str | None, str, str]
"""Id, name and arguments of a request."""


class Asked(msgspec.Struct, frozen=True):
    """A tool that a message asks for, and what came back."""

    name: str
    arguments: Any
    id: str | None = None
    result: Any = None
    known: bool = False
    """True when ``result`` was found; it may be None."""
    failed: bool = False
    message: str = ""
    """Why it failed, as the tool's span says."""
    span: str | None = None
    """Id of the span of the tool."""
    place: str = ""
    """Where the result stands."""


class Saying(msgspec.Struct, frozen=True):
    """One message, with its place."""

    role: str
    text: str | None
    place: str
    """Attribute, or event, and below it the JSONPath: ``gen_ai.input.messages $[2].content``."""
    span: str | None = None
    calls: tuple[Asked, ...] = ()
    results: tuple[Returned, ...] = ()
    """Results that belong to no call at hand."""
    media: tuple[str, ...] = ()
    """Images, files and the like, by name and size."""
    thoughts: str = ""
    """Reasoning that came with it."""

    @property
    def likeness(self) -> Any:
        """Equal for messages that say the same, wherever they stand."""
        calls = tuple((call.name, dumped(call.arguments)) for call in self.calls)
        results = tuple(dumped(result.value) for result in self.results)
        return self.role, (self.text or "").strip(), calls, results, self.media


class Tools:
    """The tool calls that spans report, found by the id of the request, else by name and
    arguments."""

    def __init__(self, view: View, reading: Reading) -> None:
        self.taken: set[str] = set()
        """Ids of calls that some message asked for."""
        self._by_id: dict[str, Call] = {}
        self._by_name: dict[str, list[Call]] = {}
        self._found: dict[tuple[tuple[str | None, str, str], int], Call | None] = {}
        tools = {call.id: call for call in reading.calls if call.tool and call.shown_by is None}
        self._ran = list(tools.values())
        for index, span in enumerate(view.spans if tools else ()):
            call = tools.get(span.span_id)
            if call is None:
                continue
            self._by_name.setdefault(_folded(call.label), []).append(call)
            for name in TOOL_CALL_IDS:
                known = opened(view.seen[index].get(name))
                if isinstance(known, str) and known:
                    self._by_id.setdefault(known, call)
                    break

    def of(self, call: Asked, met: Counter[Asking]) -> Call | None:
        """The span's call of a request; asked again it is the same one. ``met`` counts equal
        requests of one conversation: the second takes the second span."""
        asking = (call.id, call.name, dumped(call.arguments))
        key = asking, met[asking]
        met[asking] += 1
        if key not in self._found:
            found = self._by_id.get(call.id or "") or self._alike(call)
            self._found[key] = found
            if found is not None:
                self.taken.add(found.id)
        return self._found[key]

    def unasked(self) -> list[Call]:
        """Calls of spans that no message asked for, in order."""
        return [call for call in self._ran if call.id not in self.taken]

    def _alike(self, call: Asked) -> Call | None:
        """The first call of that name with these arguments that no other request has taken."""
        wanted = parsed(call.arguments)
        for ran in self._by_name.get(_folded(call.name), ()):
            alike = ran.arguments_state != "captured" or ran.arguments == wanted
            if alike and ran.id not in self.taken:
                return ran
        return None

    def ran(self, call: Call) -> Asked:
        """A call that a span reports, as if a message had asked for it."""
        return Asked(
            call.label,
            call.arguments,
            result=call.output,
            known=call.output_state == "captured",
            failed=call.status == "error",
            message=call.status_message,
            span=call.span,
            place=call.output_place,
        )


def results_of(lists: Iterable[Sequence[Saying]]) -> dict[str, tuple[Returned, str]]:
    """Every result that some message carries, by the id of its call, with its place."""
    found: dict[str, tuple[Returned, str]] = {}
    for sayings in lists:
        for saying in sayings:
            for result in saying.results:
                if result.id is not None:
                    found.setdefault(result.id, (result, saying.place))
    return found


def joined(
    sayings: Sequence[Saying],
    told: Mapping[str, tuple[Returned, str]],
    tools: Tools,
    met: Counter[Asking],
) -> Iterator[Saying]:
    """The messages with results at their calls; those that only carried such results go.
    ``met`` counts the requests of the conversation so far."""
    asked = {call.id for saying in sayings for call in saying.calls if call.id is not None}
    nameless = _without_ids(sayings)
    for at, saying in enumerate(sayings):
        if saying.calls:
            calls = []
            for which, call in enumerate(saying.calls):
                found = told.get(call.id) if call.id is not None else nameless.get((at, which))
                calls.append(_answered(call, found, tools.of(call, met)))
            saying = msgspec.structs.replace(saying, calls=tuple(calls))
        if saying.results:
            mine = {id(found[0]) for found in nameless.values()}
            left = tuple(r for r in saying.results if r.id not in asked and id(r) not in mine)
            empty = not left and not saying.calls and not (saying.text or "").strip()
            if empty and not saying.media:
                continue
            saying = msgspec.structs.replace(saying, results=left)
        yield saying


def _without_ids(sayings: Sequence[Saying]) -> dict[tuple[int, int], tuple[Returned, str]]:
    """Results without an id, for calls without one: the next of the same name, in order."""
    waiting: list[tuple[tuple[int, int], str]] = []
    found: dict[tuple[int, int], tuple[Returned, str]] = {}
    for at, saying in enumerate(sayings):
        for result in saying.results:
            if result.id is None:
                fitting = (w for w in waiting if result.name is None or w[1] == result.name)
                if (first := next(fitting, None)) is not None:
                    waiting.remove(first)
                    found[first[0]] = (result, saying.place)
        waiting += [((at, n), c.name) for n, c in enumerate(saying.calls) if c.id is None]
    return found


def _answered(call: Asked, told: tuple[Returned, str] | None, ran: Call | None) -> Asked:
    if ran is not None:
        call = msgspec.structs.replace(
            call, span=ran.span, failed=ran.status == "error", message=ran.status_message
        )
    if told is not None:
        result, place = told
        failed = call.failed or result.failed
        return msgspec.structs.replace(
            call, result=result.value, known=True, failed=failed, place=place
        )
    if ran is not None and ran.output_state == "captured":
        return msgspec.structs.replace(call, result=ran.output, known=True, place=ran.output_place)
    return call


def _folded(name: str) -> str:
    """A tool's name as it compares: letter case, blanks, underscores and hyphens apart."""
    return _SEPARATORS.sub(" ", name.strip().casefold())


def dumped(value: Any) -> str:
    try:
        return jsontext.dump(parsed(value))
    except (TypeError, ValueError, RecursionError):
        return str(value)
