"""A trace as it was kept with its reading: what verdicts ask of its spans is there, all else is
found in the received bodies when something asks for it. Most assertions never do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, overload

import msgspec

from tracedesk.model.peek import eventful, peek
from tracedesk.model.trace import Event, Kind, Resource, Span, Status, Trace


class KeptSpan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A ``Span`` without its payload."""

    span_id: str
    name: str
    parent_id: str | None
    start_ns: int | None
    end_ns: int | None
    status: Status
    status_message: str
    kind: Kind
    label: str
    aliases: tuple[str, ...]
    exception: bool
    synthetic: bool
    resource: int
    place: str


_fields_of = attrgetter(*KeptSpan.__struct_fields__)


class Original:
    """The trace as its bodies make it. Used by one thread."""

    __slots__ = ("_assemble", "_known", "_size", "void")

    def __init__(self, assemble: Callable[[], Trace | None], size: int) -> None:
        """``assemble`` gives None when the bodies of that revision cannot be had; ``size`` is
        how many spans were kept. Raises nothing that ``assemble`` does not raise."""
        self._assemble = assemble
        self._size = size
        self._known: Trace | None = None
        self.void = False
        """Something was asked that could not be found as it was kept; whatever was found with
        the help of that is worth nothing."""

    @property
    def trace(self) -> Trace | None:
        if self._known is None and not self.void:
            found = self._assemble()
            if found is None or len(found.spans) != self._size:
                self.void = True
            else:
                self._known = found
        return self._known

    def let_go(self) -> None:
        """Hold the bodies no longer; they are fetched again when something asks."""
        self._known = None

    def span(self, index: int) -> Span:
        """A span with its payload; a blank one when the original is void."""
        found = self.trace
        return _BLANK if found is None else found.spans[index]


_BLANK = Span(span_id="", name="")


class _Payload:
    """What of a span was not kept."""

    __slots__ = ("_index", "_original")

    def __init__(self, original: Original, index: int) -> None:
        self._original = original
        self._index = index

    def attributes(self) -> dict[str, Any]:
        return self._original.span(self._index).attributes

    def events(self) -> list[Event]:
        return self._original.span(self._index).events

    def links(self) -> list[dict[str, Any]]:
        return self._original.span(self._index).links

    def peek(self, wanted: frozenset[str]) -> Mapping[str, Any]:
        return peek(self._original.span(self._index), wanted)

    def eventful(self) -> bool:
        return eventful(self._original.span(self._index))


class Resources(Sequence[Resource]):
    """The resources of the original."""

    __slots__ = ("_original",)

    def __init__(self, original: Original) -> None:
        self._original = original

    def _all(self) -> list[Resource]:
        found = self._original.trace
        return [] if found is None else found.resources

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, at: int) -> Resource: ...
    @overload
    def __getitem__(self, at: slice) -> list[Resource]: ...

    def __getitem__(self, at: int | slice) -> Resource | list[Resource]:
        return self._all()[at]

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._all())


def kept_span(span: Span) -> KeptSpan:
    """What is kept of a span."""
    return KeptSpan(*_fields_of(span))


def span_of(kept: KeptSpan, original: Original, index: int) -> Span:
    """The span again; whoever asks for its attributes or events has the original assembled."""
    return Span(
        span_id=kept.span_id,
        name=kept.name,
        parent_id=kept.parent_id,
        start_ns=kept.start_ns,
        end_ns=kept.end_ns,
        status=kept.status,
        status_message=kept.status_message,
        kind=kept.kind,
        label=kept.label,
        aliases=kept.aliases,
        exception=kept.exception,
        synthetic=kept.synthetic,
        resource=kept.resource,
        place=kept.place,
        payload=_Payload(original, index),
    )
