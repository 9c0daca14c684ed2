"""One trace as the JSON object that ``show --json`` and the endpoint's reply both carry."""

from typing import TYPE_CHECKING, Any

from tracedesk.model.judgement import judged_document
from tracedesk.model.reading import Call, Number, Reading, Text, Usage
from tracedesk.model.trace import Span, Status, Trace
from tracedesk.model.tree import SpanTree
from tracedesk.model.verdict import CaseVerdict, Verdict
from tracedesk.query.text import iso

if TYPE_CHECKING:
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.store.rows import TraceRow

CALL_STATUS_SKIPPED = "skipped"


def trace_document(
    row: "TraceRow",
    trace: Trace,
    tree: SpanTree,
    reading: Reading,
    agent_name: str,
    verdicts: "TraceVerdicts | None",
) -> dict[str, Any]:
    """The object of the command-line spec, section "show --json". Spans in tree pre-order."""
    return {
        "id": row.id,
        "platformId": row.agent_id,
        "agent": agent_name,
        "externalId": row.external_id,
        "format": str(row.format),
        "status": reading.status,
        "revision": row.revision,
        "createdAt": iso(row.received_ns),
        "updatedAt": iso(row.updated_ns),
        "spanCount": row.span_count,
        "errorCount": row.error_count,
        **({"mark": row.mark, "note": row.mark_note} if row.mark else {}),
        "metadata": trace.metadata,
        "warnings": [
            {"code": w.code, "message": w.message, "span": w.span} for w in trace.warnings
        ],
        "reading": reading_document(reading),
        "spans": [span_document(trace.spans[index]) for index in tree.order],
        "evaluation": evaluation_document(verdicts),
    }


def reading_document(reading: Reading) -> dict[str, Any]:
    tools_of: dict[str | None, list[str]] = {}
    for call in reading.tool_calls:
        tools_of.setdefault(call.parent, []).append(call.span)
    return {
        "response": _text(reading.response),
        "input": _text(reading.input),
        "toolCalls": [
            {**_call(call), "output": call.output, "span": call.span, "parent": call.parent}
            for call in reading.tool_calls
        ],
        "nodeCalls": [
            {
                **_call(call),
                "type": call.type,
                "span": call.span,
                "toolCalls": tools_of.get(call.id, []),
            }
            for call in reading.node_calls
        ],
        "usage": _usage(reading.usage),
        "httpStatus": _number(reading.http_status, whole=True),
        "durationMs": _number(reading.duration_ms),
    }


def _call(call: Call) -> dict[str, Any]:
    captured = call.arguments_state != "absent"
    return {
        "name": call.label,
        "arguments": call.arguments if captured else {},
        "argumentsState": call.arguments_state,
        "status": call.status,
    }


def _text(text: Text) -> dict[str, Any]:
    if text.text is None or text.source is None:
        return {"text": text.text, "source": None, "tried": list(text.tried)}
    source = text.source
    return {
        "text": text.text,
        "source": {"span": source.span, "attribute": source.place, "rule": source.rule},
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input": usage.input,
        "output": usage.output,
        "reasoning": usage.reasoning,
        "total": usage.total,
        "source": usage.source,
    }


def _number(number: Number, *, whole: bool = False) -> float | int | None:
    return int(number.value) if whole and number.value is not None else number.value


def span_document(span: Span) -> dict[str, Any]:
    """One span in the field names of the canonical format; times as text."""
    document: dict[str, Any] = {
        "span_id": span.span_id,
        "parent_span_id": span.parent_id,
        "name": span.name,
        "start_time_unix_nano": None if span.start_ns is None else str(span.start_ns),
        "end_time_unix_nano": None if span.end_ns is None else str(span.end_ns),
        "attributes": span.attributes,
        "status": _status(span),
        "events": [
            {
                "name": event.name,
                "time_unix_nano": None if event.time_ns is None else str(event.time_ns),
                "attributes": event.attributes,
            }
            for event in span.events
        ],
    }
    if span.label != span.name:
        document["label"] = span.label
    if span.synthetic:
        document["synthetic"] = True
    return document


def _status(span: Span) -> Any:
    if span.status is Status.SKIPPED:
        return CALL_STATUS_SKIPPED
    status: dict[str, Any] = {"code": int(span.status)}
    if span.status_message:
        status["message"] = span.status_message
    return status


def evaluation_document(verdicts: "TraceVerdicts | None") -> dict[str, Any]:
    """Verdict, score and cases; a verdict of None says that nothing was evaluated."""
    if verdicts is None:
        return {"verdict": None, "score": None, "cases": []}
    return {
        "verdict": "pending" if verdicts.pending else verdicts.outcome,
        "score": verdicts.score,
        "cases": [case_document(case) for case in verdicts.cases],
    }


def case_document(case: CaseVerdict) -> dict[str, Any]:
    """One case's result, as in ``check --json`` but without the trace."""
    document: dict[str, Any] = {
        "case": case.name,
        "caseFile": case.file,
        "line": case.line,
        "verdict": case.outcome,
        "score": case.score,
        "assertions": [_assertion_in_full(verdict) for verdict in case.verdicts],
    }
    if case.reason:
        document["reason"] = case.reason
    return document


def assertion_document(verdict: Verdict) -> dict[str, Any]:
    """One assertion's result: exactly the fields that ``check --json`` prints of it."""
    nearest = verdict.near_misses[0] if verdict.near_misses else None
    return {
        "target": verdict.target,
        "line": verdict.line,
        "verdict": verdict.outcome,
        "score": verdict.score,
        "reason": verdict.reason,
        "expected": verdict.expected,
        "actual": verdict.actual,
        "evidence": [{"span": e.span, "path": e.path} for e in verdict.evidence],
        "nearest": {"span": nearest.span, "name": nearest.name} if nearest else None,
        "stage": verdict.stage or None,
        **({"judge": judged_document(verdict.judged)} if verdict.judged else {}),
    }


def _assertion_in_full(verdict: Verdict) -> dict[str, Any]:
    """The same with what a program that reads one trace may want besides."""
    return {
        **assertion_document(verdict),
        "id": verdict.assertion,
        "reasonCode": verdict.reason_code,
        "missingKind": verdict.missing_kind,
        "cautions": [{"code": c.code, "message": c.message} for c in verdict.cautions],
        "evidence": [
            {"span": e.span, "of": e.of, "path": e.path, "role": e.role} for e in verdict.evidence
        ],
    }
