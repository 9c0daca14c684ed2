"""token_limit: tokens used by the whole trace (assertion spec 6.7)."""

from collections.abc import Sequence
from typing import Any, Final

from tracedesk.assertions.cautions import about_usage
from tracedesk.assertions.fields import Field, number
from tracedesk.assertions.finding import RUNTIME, Finding, missing
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.limits import Bound, need_one, shares_in_words, worst
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.assertions.tree_index import SLOWEST
from tracedesk.model.reading import Usage
from tracedesk.model.verdict import MISSING, Evidence, Support
from tracedesk.query.problems import Place, Report

_PARTS: Final = {
    "max_tokens": "total",
    "max_input_tokens": "input",
    "max_output_tokens": "output",
    "max_reasoning_tokens": "reasoning",
}
"""Field and the part of the usage that it bounds."""

_SHARES = 10
"""Contributing spans that are listed, the greatest first."""


class TokenLimit:
    """A compiled token_limit."""

    def __init__(self, bounds: Sequence[Bound]) -> None:
        self.bounds = tuple(bounds)

    def evaluate(self, index: TraceIndex) -> Finding:
        usage = index.reading.usage
        read = [(bound, getattr(usage, _PARTS[bound.field])) for bound in self.bounds]
        outcome = worst([bound.outcome(actual) for bound, actual in read])
        if outcome is MISSING:
            unknown = ", ".join(bound.what for bound, actual in read if actual is None)
            reason = f"this trace does not report {unknown}; send gen_ai.usage.* attributes"
            return missing(reason, "no_usage", stage=RUNTIME, cautions=about_usage(usage))
        known = [(bound, actual) for bound, actual in read if actual is not None]
        broken = [(bound, actual) for bound, actual in known if not bound.holds(actual)]
        shown = broken or known
        return Finding(
            outcome=outcome,
            reason="; ".join([bound.margin(actual) for bound, actual in shown])
            + (_most(usage, index) if broken else ""),
            code="out_of_bounds" if broken else "within_bounds",
            expected={bound.field: bound.limit for bound in self.bounds},
            actual={bound.field: actual for bound, actual in known},
            differences=tuple(
                [bound.difference(a, f"$.usage.{_PARTS[bound.field]}") for bound, a in broken]
            ),
            evidence=index.once(_violated if broken else _decided),
            cautions=about_usage(usage),
            support=Support(spans=max(1, len(usage.spans))),
            stage=RUNTIME,
        )


def _most(usage: Usage, index: TraceIndex) -> str:
    if len(usage.spans) < 2:
        return ""
    most = sorted(usage.spans, key=lambda share: -share[1])[:SLOWEST]
    return shares_in_words((index.label_of(span), tokens) for span, tokens in most)


def _evidence(usage: Usage, role: str) -> tuple[Evidence, ...]:
    shares = sorted(usage.spans, key=lambda share: -share[1])[:_SHARES]
    found = tuple(Evidence(span, "span", "$", role) for span, _ in shares)
    return found or (Evidence(None, "trace", "$", role),)


def _decided(index: TraceIndex) -> tuple[Evidence, ...]:
    return _evidence(index.reading.usage, "decided")


def _violated(index: TraceIndex) -> tuple[Evidence, ...]:
    return _evidence(index.reading.usage, "violated")


def build(values: dict[str, Any], place: Place, report: Report) -> TokenLimit | None:
    """Build from read fields."""
    if not need_one(values, tuple(_PARTS), place, report):
        return None
    return TokenLimit(
        [
            Bound(field, f"{part} tokens", "", values[field])
            for field, part in _PARTS.items()
            if values[field] is not None
        ]
    )


KIND: Final = Kind(
    target="token_limit",
    fields=(
        Field(
            "max_tokens",
            number(),
            "total, inclusive",
            aliases=("max_total_tokens", "limit", "value"),
        ),
        Field("max_input_tokens", number(), "inclusive"),
        Field("max_output_tokens", number(), "inclusive"),
        Field("max_reasoning_tokens", number(), "inclusive"),
    ),
    build=build,
    stage=RUNTIME,
    doc="tokens used by the whole trace",
)
