"""Deciding a written assertion on a built trace, read by the real rules."""

from collections.abc import Callable
from typing import Any

import pytest

from tracedesk.assertions import Settings, compile_assertion, evaluate
from tracedesk.model.trace import Span, Trace
from tracedesk.model.verdict import Outcome, Verdict
from tracedesk.reading import read
from tracedesk.testing import make_trace

Decide = Callable[..., Verdict]


@pytest.fixture
def decide() -> Decide:
    """``decide(assertion, *spans_or_trace, settings=…)``; problems of loading are the verdict's.

    Whatever is decided must name evidence, and a pass must have inspected something.
    """

    def run(assertion: Any, *spans: Span | Trace, settings: Settings = Settings()) -> Verdict:
        trace = spans[0] if isinstance(spans[0], Trace) else make_trace(*spans)
        compiled, _ = compile_assertion(assertion)
        verdict = evaluate(compiled, trace, read(trace), settings, line=7)
        assert verdict.line == 7
        assert verdict.reason
        if verdict.outcome.decided:
            assert verdict.evidence
            assert verdict.score == (verdict.outcome is Outcome.PASS)
            assert verdict.stage
        if verdict.outcome is Outcome.PASS:
            support = verdict.support
            assert support.spans or support.calls or support.chars
        assert (verdict.missing_kind is not None) == (verdict.outcome is Outcome.MISSING)
        return verdict

    return run


@pytest.fixture
def problems() -> Callable[[Any], list[tuple[str, tuple[Any, ...], str | None]]]:
    """Code, path and suggestion of every problem of a written assertion."""

    def run(assertion: Any) -> list[tuple[str, tuple[Any, ...], str | None]]:
        return [(p.code, p.path, p.suggestion) for p in compile_assertion(assertion)[1]]

    return run
