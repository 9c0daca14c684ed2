"""What all formats do to a finished list of spans: classify each, then check how they hang.

Classification reads the attributes of ``model.kinds.PEEKED`` and nothing else. Links are
checked without recursion; no span is ever dropped or moved here.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from tracedesk.model.kinds import PEEKED, kind_of, names_of
from tracedesk.model.links import NO_PARENT, parents_of
from tracedesk.model.trace import Kind, Trace, TraceWarning

SKIPPED_ATTRIBUTE = "n8n.node.status"
"""Its value ``skipped`` marks a node that was reported but never ran (ingestion spec 14.4)."""

LINK_CODES = frozenset({"orphan_parent", "parent_cycle", "negative_duration"})
"""Warnings of ``check_links``: true of a whole trace, so dropped and redone when parts merge."""

MAX_WARNINGS_EACH = 20
"""Spans named per warning code; the rest are counted in one more warning."""

_MAX_KNOWN = 4096


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What ingest finds out about a span from its attributes."""

    kind: Kind
    label: str
    aliases: tuple[str, ...]
    skipped: bool


Peek = msgspec.defstruct(
    "Peek",
    [(f"a{i}", Any, None) for i in range(len(PEEKED))],
    rename={f"a{i}": name for i, name in enumerate(PEEKED)},
    frozen=True,
    gc=False,
)
"""Decodes only the attributes that ``classify`` reads; all others are skipped unread."""

NOTHING_PEEKED = (None,) * len(PEEKED)

_known: dict[tuple[str, Any], Facts] = {}


def classify(name: str, values: Any) -> Facts:
    """Facts of the span ``name`` whose ``PEEKED`` attributes have these values: a tuple, or a
    ``Peek``.

    Spans of one program repeat themselves, so answers are remembered (at most 4,096).
    """
    try:
        known = _known.get((name, values))
    except TypeError:  # an attribute value that is a list or object
        return _facts(name, _by_name(values).get)
    if known is None:
        known = _facts(name, _by_name(values).get)
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        _known[name, values] = known
    return known


def classify_by(name: str, get: Callable[[str], Any]) -> Facts:
    """Facts of a span whose attributes are looked up one by one (absent = None)."""
    return classify(name, tuple(map(get, PEEKED)))


def _by_name(values: Any) -> dict[str, Any]:
    each = values if isinstance(values, tuple) else msgspec.structs.astuple(values)
    return dict(zip(PEEKED, each, strict=True))


def _facts(name: str, get: Callable[[str], Any]) -> Facts:
    kind = kind_of(get)
    label, aliases = names_of(name, kind, get)
    return Facts(kind, label, aliases, get(SKIPPED_ATTRIBUTE) == "skipped")


def warn_each(trace: Trace, code: str, spans: Iterable[tuple[str | None, str]]) -> None:
    """One warning a span, up to ``MAX_WARNINGS_EACH``, then one that counts the rest."""
    left = 0
    for position, (span, message) in enumerate(spans):
        if position < MAX_WARNINGS_EACH:
            trace.warn(code, message, span)
        else:
            left += 1
    if left:
        trace.warn(code, f"and {left} more spans with the same deviation")


def check_links(trace: Trace) -> None:
    """Warn of orphans, parent cycles and spans that end before they start. Idempotent."""
    if trace.warnings:
        trace.warnings = [w for w in trace.warnings if w.code not in LINK_CODES]
    spans = trace.spans
    parents, heads = parents_of(spans)
    in_cycle = frozenset(heads)
    orphans = [
        span
        for index, (span, parent) in enumerate(zip(spans, parents, strict=True))
        if parent == NO_PARENT and span.parent_id is not None and index not in in_cycle
    ]
    backwards = [
        span
        for span in spans
        if span.end_ns is not None and span.start_ns is not None and span.end_ns < span.start_ns
    ]
    if orphans:
        told = [(s.span_id, f"parent {s.parent_id!r} was not received") for s in orphans]
        warn_each(trace, "orphan_parent", told)
    if heads:
        cut = [spans[i] for i in heads]
        told = [(s.span_id, f"is its own ancestor by {s.parent_id!r}") for s in cut]
        warn_each(trace, "parent_cycle", told)
    if backwards:
        told = [(s.span_id, "ends before it starts; it has no duration") for s in backwards]
        warn_each(trace, "negative_duration", told)


def unique_warnings(warnings: Iterable[TraceWarning]) -> list[TraceWarning]:
    """The same warnings, repeats left out."""
    return list(dict.fromkeys(warnings))
