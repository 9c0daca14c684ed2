"""no_errors and no_ignored_error: spans that failed, and what was done about it (spec 7.4)."""

from collections.abc import Sequence
from typing import Any, Final

from tracedesk.assertions.fields import BOOLEAN, TEXT, Field, choice, integer, list_of
from tracedesk.assertions.finding import (
    RUNTIME,
    THE_TRACE,
    VACUOUS,
    WHEN_ABSENT,
    Finding,
    absent,
    missing,
    no_structure,
    plural,
)
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.scope import named_spans, read_names, scope_of
from tracedesk.assertions.selectors import SELECTOR, Selector
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.trace import Span, Status
from tracedesk.model.verdict import Caution, Evidence, Outcome, Support
from tracedesk.query.names import NameTest, fold
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import as_number, shorten

_STATUS_CODES = ("http.response.status_code", "http.status_code")
_EVERYTHING = Selector((), False, None)


class NoErrors:
    """A compiled no_errors."""

    def __init__(self, values: dict[str, Any], ignore: Sequence[NameTest]) -> None:
        self.max_errors: int = values["max_errors"]
        self.select: Selector = values["select"] or _EVERYTHING
        self.http_errors: bool = values["http_errors"]
        self.ignore = tuple(ignore)

    def evaluate(self, index: TraceIndex) -> Finding:
        if not index.spans:
            return no_structure(RUNTIME)
        selection = self.select.select(index)
        if not selection.rows:
            reason = f"no span is selected ({selection.elimination})"
            return missing(reason, "nothing_selected", VACUOUS, stage=RUNTIME)
        of_row = index.row_spans
        spans = [of_row[row] for row in selection.rows]
        ignored = named_spans(self.ignore, spans, index) if self.ignore else set()
        suspects = spans
        if not self.http_errors:
            error = Status.ERROR
            suspects = [span for span in spans if span.status is error]
        bad = [(s, why) for s in suspects if s.span_id not in ignored and (why := self._wrong(s))]
        fails = len(bad) > self.max_errors
        evidence = tuple(
            Evidence(span.span_id, "span", "$.status", "violated" if fails else "inspected")
            for span, _ in bad
        )
        statuses = [span.status for span in spans]
        silent = Status.OK not in statuses and Status.ERROR not in statuses
        message = "no span reports a status; unset counts as success"
        return Finding(
            outcome=Outcome.FAIL if fails else Outcome.PASS,
            reason=self._reason(bad, len(spans), len(ignored)),
            code="errors" if fails else "no_errors",
            expected=f"at most {plural(self.max_errors, 'error')}",
            actual=len(bad),
            evidence=evidence or THE_TRACE,
            cautions=(Caution("no_status_reported", message),) if silent else (),
            support=Support(spans=len(spans)),
            stage=RUNTIME,
        )

    def _wrong(self, span: Span) -> str:
        """Why a span counts as an error; blank when it does not."""
        if span.status is Status.ERROR:
            return span.failure or "error"
        if self.http_errors:
            for name in _STATUS_CODES:
                code = as_number(span.attributes.get(name))
                if code is not None and code >= 400:
                    return f"HTTP {code:g}"
        return ""

    def _reason(self, bad: Sequence[tuple[Span, str]], count: int, ignored: int) -> str:
        left_out = f", {ignored} ignored" if ignored else ""
        if not bad:
            return f"no error among {plural(count, 'span')}{left_out}"
        shown = ", ".join(f"{span.label} ({shorten(why, 80)})" for span, why in bad[:3])
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        allowed = f", {self.max_errors} allowed" if self.max_errors else ""
        return f"{plural(len(bad), 'error')}{allowed}{left_out}: {shown}{more}"


class NoIgnoredError:
    """A compiled no_ignored_error."""

    def __init__(self, when_absent: str) -> None:
        self.when_absent = when_absent

    def evaluate(self, index: TraceIndex) -> Finding:
        if not index.reading.has_structure and not index.calls:
            return no_structure(RUNTIME)
        scope = scope_of(index, "tool", None, RUNTIME)
        assert not isinstance(scope, Finding), "only a selector can select nothing"
        ordered = scope.calls
        if not ordered:
            return absent(self.when_absent, "no tool was called", index, stage=RUNTIME)
        siblings: dict[str | None, list[Call]] = {}
        for call in ordered:
            siblings.setdefault(call.parent, []).append(call)
        ignored = [pair for group in siblings.values() for pair in _ignored(group)]
        failed = sum(call.status == "error" for call in ordered)
        words = f"{plural(failed, 'failed tool call')} among {len(ordered)}"
        words += ", each retried or the last" if failed else ""
        if ignored:
            first, then = ignored[0]
            words = f"{first.label} failed and was not retried; {then.label} was called next"
            words += f" ({plural(len(ignored), 'ignored error')})" if len(ignored) > 1 else ""
        return Finding(
            outcome=Outcome.FAIL if ignored else Outcome.PASS,
            reason=words,
            code="ignored_error" if ignored else "no_ignored_error",
            evidence=tuple(
                Evidence(call.span, "span", "$.status", "violated")
                for pair in ignored
                for call in pair
            )
            or tuple(Evidence(call.span, "span", "$.status", "inspected") for call in ordered),
            cautions=scope.cautions(),
            support=index.support,
            stage=RUNTIME,
        )


def _ignored(group: Sequence[Call]) -> list[tuple[Call, Call]]:
    """Failed calls after which others were called, but never the same tool again."""
    found: list[tuple[Call, Call]] = []
    later: set[str] = set()
    after: Call | None = None
    for call in reversed(group):
        name = fold(call.label, tool=True)
        if call.status == "error" and after is not None and name not in later:
            found.append((call, after))
        later.add(name)
        after = call
    return found[::-1]


def build_no_errors(values: dict[str, Any], place: Place, report: Report) -> NoErrors:
    """Build from read fields."""
    ignore = read_names(values["ignore"], "substring", (*place, "ignore"), report)
    return NoErrors(values, ignore)


def build_no_ignored_error(values: dict[str, Any], place: Place, report: Report) -> NoIgnoredError:
    """Build from read fields."""
    return NoIgnoredError(values["when_absent"])


KINDS: Final = (
    Kind(
        target="no_errors",
        fields=(
            Field("max_errors", integer(), "errors that are tolerated", default=0),
            Field("select", SELECTOR, "which spans; all when empty"),
            Field("ignore", list_of(TEXT), "names whose errors do not count", default=()),
            Field("http_errors", BOOLEAN, "also status codes of 400 and more", default=False),
        ),
        build=build_no_errors,
        stage=RUNTIME,
        doc="no span failed",
    ),
    Kind(
        target="no_ignored_error",
        fields=(
            Field("when_absent", choice(WHEN_ABSENT), "when no tool was called", default="missing"),
        ),
        build=build_no_ignored_error,
        stage=RUNTIME,
        doc="every failed tool call was retried or was the last",
    ),
)
