"""cost_limit: what the trace cost, as reported or computed from the user's prices (spec 7.7).

No price is built in: a used model without one makes the cost unknown, never zero.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from tracedesk.assertions.fields import Field, choice, number
from tracedesk.assertions.finding import RUNTIME, Finding, missing
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.limits import Bound
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.trace import Span, Status
from tracedesk.model.verdict import Caution, Evidence, Outcome, Support
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import as_number

SOURCES: Final = ("auto", "reported", "computed")
REPORTED: Final = ("gen_ai.usage.cost", "gen_ai.usage.cost_usd", "llm.usage.cost")
"""Attributes that report a cost in USD; the first present on a span counts."""

_SHARES = 3
"""Contributing spans named in the reason, the dearest first."""


class Share(msgspec.Struct, frozen=True):
    """What one place contributed."""

    usd: float
    label: str
    evidence: Evidence


class CostLimit:
    """A compiled cost_limit."""

    def __init__(self, max_usd: float, source: str) -> None:
        self.source = source
        self.bound = Bound("max_usd", "cost", "USD", max_usd)

    def evaluate(self, index: TraceIndex) -> Finding:
        found = "reported"
        shares: list[Share] | str = "reported costs were not asked for"
        if self.source != "computed":
            shares = reported(index)
        if isinstance(shares, str) and self.source != "reported":
            found = "computed"
            computed_shares = computed(index)
            if isinstance(computed_shares, str) and self.source == "auto":
                computed_shares = f"{shares}; {computed_shares}"
            shares = computed_shares
        if isinstance(shares, str):
            return missing(shares, "no_cost", stage=RUNTIME)
        cautions = _nested(shares, index) if found == "reported" else _partial(index)
        total = round(sum(share.usd for share in shares), 9)
        holds = self.bound.holds(total)
        role = "decided" if holds else "violated"
        dearest = sorted(shares, key=lambda share: -share.usd)
        parts = ", ".join(f"{s.label} {s.usd:g}" for s in dearest[:_SHARES])
        return Finding(
            outcome=Outcome.PASS if holds else Outcome.FAIL,
            reason=f"{self.bound.margin(total)} ({parts})",
            code="within_bounds" if holds else "out_of_bounds",
            expected=self.bound.limit,
            actual=total,
            differences=() if holds else (self.bound.difference(total, "$"),),
            evidence=tuple(msgspec.structs.replace(s.evidence, role=role) for s in dearest),
            cautions=cautions,
            support=Support(spans=max(1, len(shares))),
            stage=RUNTIME,
        )


def _nested(shares: Iterable[Share], index: TraceIndex) -> tuple[Caution, ...]:
    """A summed cost inside another one may be part of it."""
    spans = {share.evidence.span for share in shares}
    seen: set[str] = set()  # what lies above those was walked already
    for span in spans:
        above = index.parents.get(span or "")
        while above is not None and above not in seen:
            if above in spans:
                message = "a summed cost lies inside another one, so it may count twice"
                return (Caution("nested_usage", message),)
            seen.add(above)
            above = index.parents.get(above)
    return ()


def _partial(index: TraceIndex) -> tuple[Caution, ...]:
    if not index.reading.usage.partial:
        return ()
    return (Caution("partial_usage", "some model spans report no usage, so they cost nothing"),)


def _first(attributes: Mapping[str, Any], names: Iterable[str]) -> tuple[str, float] | None:
    for name in names:
        value = as_number(attributes.get(name))
        if value is not None:
            return name, value
    return None


def _executed(index: TraceIndex) -> list[Span]:
    return [span for span in index.spans if span.status is not Status.SKIPPED]


def reported(index: TraceIndex) -> list[Share] | str:
    """The root's reported cost, else the sum over descendants, else ``metadata.cost_usd``."""
    known = {span.span_id for span in index.spans}
    roots: list[Share] = []
    below: list[Share] = []
    for span in _executed(index):
        found = _first(span.attributes, REPORTED)
        if found is not None:
            name, usd = found
            share = Share(usd, span.label, Evidence(span.span_id, "attributes", f'$["{name}"]'))
            root = span.parent_id is None or span.parent_id not in known
            (roots if root else below).append(share)
    shares = roots or below
    if shares:
        return shares
    in_body = as_number(index.trace.metadata.get("cost_usd"))
    if in_body is not None:
        return [Share(in_body, "metadata", Evidence(None, "metadata", "$.cost_usd"))]
    return f"no cost is reported; send {REPORTED[0]} or metadata.cost_usd"


def computed(index: TraceIndex) -> list[Share] | str:
    """Tokens of each model span × the user's price of its model."""
    prices = index.settings.prices
    uses = _uses(index)
    if not uses:
        return "no span reports both a model and its tokens, so no cost can be computed"
    shares = []
    for span, model, tokens_in, tokens_out in uses:
        price = prices.get(model)
        if price is None:
            return f"no price is configured for model '{model}'; add it under [prices]"
        usd = (tokens_in * price.input + tokens_out * price.output) / 1_000_000
        shares.append(Share(usd, f"{span.label} ({model})", Evidence(span.span_id, "span")))
    return shares


def _uses(index: TraceIndex) -> list[tuple[Span, str, float, float]]:
    """Spans with a model and tokens; one that has such a descendant only repeats it."""
    from tracedesk.reading.tables import ALL

    models = [name for table in ALL for name in table.model]
    inputs = [name for table in ALL if table.tokens for name in table.tokens.input]
    outputs = [name for table in ALL if table.tokens for name in table.tokens.output]
    found: dict[str, tuple[Span, str, float, float]] = {}
    for span in _executed(index):
        attributes = span.attributes
        model = next((m for name in models if isinstance(m := attributes.get(name), str)), None)
        used = _first(attributes, inputs), _first(attributes, outputs)
        if model is not None and used != (None, None):
            tokens_in, tokens_out = (0.0 if part is None else part[1] for part in used)
            found[span.span_id] = (span, model, tokens_in, tokens_out)
    above: set[str] = set()
    for span_id in found:
        parent = index.parents.get(span_id)
        while parent is not None and parent not in above:  # what lies above those is there too
            above.add(parent)
            parent = index.parents.get(parent)
    return [use for span_id, use in found.items() if span_id not in above]


def build(values: dict[str, Any], place: Place, report: Report) -> CostLimit:
    """Build from read fields."""
    return CostLimit(values["max_usd"], values["source"])


KIND: Final = Kind(
    target="cost_limit",
    fields=(
        Field("max_usd", number(), "inclusive", required=True),
        Field("source", choice(SOURCES), "where the cost comes from", default="auto"),
    ),
    build=build,
    stage=RUNTIME,
    doc="what the trace cost, in USD",
)
