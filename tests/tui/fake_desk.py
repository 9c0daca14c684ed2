"""A desk in memory: traces from builders, verdicts by hand, nothing in the background."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from msgspec.structs import replace

from tracedesk.desk import OpenTrace
from tracedesk.evaluation.progress import Progress
from tracedesk.evaluation.showing import Showing
from tracedesk.model.trace import Event, Status, Trace, TraceWarning
from tracedesk.model.tree import SpanTree
from tracedesk.model.verdict import (
    CaseVerdict,
    Difference,
    Evidence,
    NearMiss,
    Outcome,
    Support,
    Verdict,
)
from tracedesk.reading import read
from tracedesk.store.ledger import Counts, Ledger
from tracedesk.store.rows import Revision, StoredRequest, TraceRow
from tracedesk.testcases.models import CaseFile
from tracedesk.testing import T0_NS, make_span, make_tool, make_trace

NOW_NS = T0_NS + 3_600_000_000_000
"""The clock of every screen test: an hour after the first span."""

SECOND = 1_000_000_000


class FakeStore:
    """The readers of a store over a list of rows."""

    def __init__(self, desk: "FakeDesk") -> None:
        self.desk = desk
        self.reads = 0
        """How often a window was read."""

    def _fitting(self, where: Any) -> list[TraceRow]:
        rows = self.desk.rows_newest_first()
        if where is None:
            return rows
        return [row for row in rows if where.matches(self._facts(row))]

    def _facts(self, row: TraceRow) -> dict[str, Any]:
        verdicts = self.desk.verdicts(row.id)
        return {
            "status": row.shown_status,
            "name": row.name,
            "external": row.external_id,
            "id": [row.id, row.external_id or ""],
            "agent": [row.agent_id, self.desk.agent_name(row.agent_id)],
            "dur": row.duration_ms,
            "tokens": row.tokens,
            "verdict": None if verdicts is None else verdicts.outcome,
            "metadata": row.metadata,
            "text": [row.name],
        }

    def rows(
        self,
        *,
        where: Any = None,
        agent_id: str | None = None,
        offset: int = 0,
        limit: int = 100,
        newest_first: bool = True,
    ) -> list[TraceRow]:
        self.reads += 1
        return self._fitting(where)[offset : offset + limit]

    def missing(self) -> str:
        return self.desk.gone

    def count(self, where: Any = None, agent_id: str | None = None) -> int:
        return len(self._fitting(where))

    def row(self, trace_id: str) -> TraceRow | None:
        found = self.desk.traces.get(trace_id)
        return None if found is None else found[0]

    def find(self, text: str) -> list[TraceRow]:
        """The traces whose id a text ends, which is shorter to type than its beginning."""
        return [row for row in self.desk.rows_newest_first() if row.id.endswith(text)]

    def requests(self, trace_id: str) -> list[StoredRequest]:
        return self.desk.bodies.get(trace_id, [])

    def revisions(self, trace_id: str) -> list[Revision]:
        return [
            Revision(n, row.format, None, row.name, row.span_count, row.error_count,
                     row.updated_ns, 3_100)
            for (known, n), (row, _) in self.desk.replaced.items()
            if known == trace_id
        ]  # fmt: skip

    def revision_requests(self, trace_id: str, revision: int) -> list[StoredRequest]:
        return []


class FakeDesk:
    """What the screen needs of a desk; ``add`` and ``judge`` bump the revisions it polls."""

    def __init__(self, root: Path = Path("/workspace")) -> None:
        self.traces: dict[str, tuple[TraceRow, Trace]] = {}
        self.bodies: dict[str, list[StoredRequest]] = {}
        self.replaced: dict[tuple[str, int], tuple[TraceRow, Trace]] = {}
        """What traces were, by id and revision."""
        self.found: dict[str, Any] = {}
        self.files: list[Any] = []
        self.store = FakeStore(self)
        self.gone = ""
        """Why nothing can be stored any more."""
        self.endpoint = SimpleNamespace(state="listening", url="http://127.0.0.1:4318", message="")
        self.workspace = SimpleNamespace(
            root=root,
            database=root / ".tracedesk" / "traces.db",
            case_paths=(root / "testcases",),
            agent=lambda _: None,
            roles=(),
        )
        self.activity = ""
        self.showing: Showing | None = None
        self.taken_in = Counts()
        self.entries = Ledger()
        self.outcomes: dict[str, int] = {}
        self.state = Progress()
        self.shown: list[str] = []
        self.edit: Any = None
        """What the last edit turned over."""
        self._revision = [0, 0, 0]

    def rows_newest_first(self) -> list[TraceRow]:
        return sorted((row for row, _ in self.traces.values()), key=lambda row: -row.number)

    def revision(self) -> tuple[int, int, int]:
        stored, judged, changed = self._revision
        return stored, judged, changed

    def agent_name(self, agent_id: str) -> str:
        return agent_id

    def load(self, trace_id: str) -> Any:
        if trace_id not in self.traces:
            return None
        row, trace = self.traces[trace_id]
        return OpenTrace(row=row, trace=trace, tree=tree_of(trace), reading=read(trace))

    def load_revision(self, row: TraceRow, revision: int) -> Any:
        """What a trace was; None when that is not kept."""
        if (row.id, revision) not in self.replaced:
            return None
        then, trace = self.replaced[row.id, revision]
        return OpenTrace(row=then, trace=trace, tree=tree_of(trace), reading=read(trace))

    def evaluate(self, opened: Any) -> Any:
        """No test case applies to what is gone."""
        return None

    def sketch(self, trace_id: str) -> Any:
        """No trace here is large."""
        return None

    def show(self, trace_id: str) -> None:
        self.shown.append(trace_id)

    def verdicts(self, trace_id: str) -> Any:
        return self.found.get(trace_id)

    def on_screen(self, trace_ids: list[str]) -> None:
        """The evaluator's business; here there is none."""

    def advised_files(self) -> list[Any]:
        return self.files

    def counts(self) -> Counts:
        return self.taken_in

    def ledger(self) -> Ledger:
        return self.entries

    def totals(self) -> dict[str, int]:
        return self.outcomes

    def progress(self) -> Any:
        return self.state

    def sending_examples(self) -> str:
        return (
            'curl -s http://127.0.0.1:4318/public/traces -d \'{"data": {"text": "Hello"}}\'\n\n'
            "export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318\n"
            "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n"
            "export OTEL_SERVICE_NAME=my-agent\n"
        )

    def last_edit(self) -> Any:
        """What the last edit turned over."""
        return self.edit

    def mark(self, row: TraceRow, mark: Any, note: str | None = None) -> bool:
        """Mark a stored trace."""
        if row.id not in self.traces:
            return False
        known, trace = self.traces[row.id]
        words = None if mark == "none" else str(mark)
        self.traces[row.id] = (replace(known, mark=words, mark_note=note), trace)
        self._revision[0] += 1
        return True

    # -- what tests do to it ---------------------------------------------------------

    def add(self, trace: Trace, name: str, *, agent: str = "booking", age_s: float = 60) -> str:
        """Store a trace; returns its id, which tells its number."""
        number = len(self.traces) + 1
        trace_id = f"00000000-0000-4000-8000-{number:012d}"
        return self._store(trace_id, number, trace, name, agent, NOW_NS - round(age_s * SECOND), 1)

    def grow(self, trace_id: str, trace: Trace) -> None:
        """Replace the content of a stored trace."""
        row, before = self.traces[trace_id]
        self.replaced[trace_id, row.revision] = row, before
        self._store(
            trace_id, row.number, trace, row.name, row.agent_id, row.received_ns, row.revision + 1
        )

    def remove(self, trace_id: str) -> None:
        """Delete a stored trace."""
        del self.traces[trace_id]
        self._revision[0] += 1

    def judge(self, trace_id: str, *cases: CaseVerdict, pending: bool = False) -> None:
        """Set the verdicts of a trace."""
        outcomes = [v.outcome for case in cases for v in case.verdicts]
        self.found[trace_id] = SimpleNamespace(
            trace=trace_id,
            revision=1,
            cases=cases,
            outcome=cases[0].outcome if cases else None,
            score=None,
            counts={outcome: outcomes.count(outcome) for outcome in set(outcomes)},
            pending=pending,
            stale=frozenset(),
            brief=False,
        )
        self._revision[1] += 1

    def save(self, *files: Any) -> None:
        """Replace the test-case files."""
        self.files = list(files)
        self._revision[2] += 1

    def _store(
        self,
        trace_id: str,
        number: int,
        trace: Trace,
        name: str,
        agent: str,
        received_ns: int,
        revision: int,
    ) -> str:
        start, end = trace.start_ns, trace.end_ns
        errors = sum(span.failed for span in trace.spans)
        row = TraceRow(
            number=number,
            id=trace_id,
            agent_id=agent,
            name=name,
            format=trace.format,
            routed_by="only agent",
            revision=revision,
            sequence=number,
            span_count=len(trace.spans),
            error_count=errors,
            start_ns=start,
            end_ns=end,
            received_ns=received_ns,
            updated_ns=received_ns,
            status="failed" if errors else "completed",
            duration_ms=None if start is None or end is None else (end - start) / 1e6,
            tokens=1126,
        )
        self.traces[trace_id] = (row, trace)
        self._revision[0] += 1
        return trace_id


def tree_of(trace: Trace) -> SpanTree:
    """The tree of a trace, as a desk builds it."""
    spans = trace.spans
    return SpanTree.build(
        [span.span_id for span in spans],
        [span.parent_id for span in spans],
        [span.start_ns for span in spans],
    )


def messages(role: str, text: str) -> str:
    """One chat message as attributes carry it: JSON in a text."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def booking_trace() -> Trace:
    """The trace of the mock-ups: an agent that plans, searches, books and answers."""
    model = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    spans = [
        make_span(
            "root",
            "Booking agent",
            start_ms=0,
            end_ms=12_400,
            attributes={"gen_ai.operation.name": "invoke_agent", "http.response.status_code": 200},
        ),
        make_span(
            "plan",
            "plan",
            "root",
            start_ms=0,
            end_ms=1_900,
            attributes={
                **model,
                "gen_ai.usage.input_tokens": 820,
                "gen_ai.usage.output_tokens": 96,
                "gen_ai.input.messages": messages(
                    "user", "A table for four tomorrow at 8, please. Window seat if there is one."
                ),
            },
        ),
        make_tool(
            "search",
            "search_flights",
            "root",
            arguments={"to": "MAD", "when": "2026-03-09", "passengers": [1, 2]},
            start_ms=1_900,
            end_ms=7_900,
            status=Status.ERROR,
            message="upstream timed out after 6000 ms",
            events=[
                Event(
                    "exception",
                    T0_NS + 7_800_000_000,
                    {
                        "exception.type": "TimeoutError",
                        "exception.message": "upstream timed out after 6000 ms",
                        "exception.stacktrace": "Traceback (most recent call last):\n"
                        '  File "agent.py", line 12, in search\n    raise TimeoutError(url)\n'
                        "TimeoutError: upstream timed out after 6000 ms",
                    },
                )
            ],
        ),
    ]
    spans += [
        make_span(f"get{n}", "http GET", "search", start_ms=2_000 + n * 400, end_ms=2_380 + n * 400)
        for n in range(3)
    ]
    spans += [
        make_span("parse", "parse", "search", start_ms=7_890, end_ms=7_893),
        make_tool(
            "book",
            "create_booking",
            "root",
            arguments={"party": "4", "date": "2026-03-09"},
            result={"id": "B-7731", "ok": True},
            start_ms=7_950,
            end_ms=8_160,
        ),
        make_span(
            "cache", "cache_lookup", "root", start_ms=7_940, end_ms=7_950, status=Status.SKIPPED
        ),
        make_span(
            "answer",
            "answer",
            "root",
            start_ms=8_000,
            end_ms=12_400,
            attributes={
                **model,
                "gen_ai.usage.input_tokens": 1_400,
                "gen_ai.usage.output_tokens": 210,
                "gen_ai.output.messages": messages(
                    "assistant", "Your table for 4 is booked at 8pm."
                ),
            },
        ),
        make_span("lost", "cleanup", "3fa9c0ffee", start_ms=9_000, end_ms=9_400),
    ]
    return make_trace(
        *spans,
        warnings=[TraceWarning("unknown_parent", "parent 3fa9c0ffee was not received", "lost")],
    )


def booking_verdicts() -> CaseVerdict:
    """The failing case of the mock-ups."""
    return CaseVerdict(
        case="booking.cases.yaml#1",
        name="Books what was asked for",
        file="booking.cases.yaml",
        line=8,
        outcome=Outcome.FAIL,
        score=0.5,
        verdicts=(
            Verdict(
                outcome=Outcome.PASS,
                reason="no span failed in the booking itself",
                target="no_errors",
                assertion="a3",
                line=24,
                score=1.0,
                evidence=(Evidence("answer", role="decided"),),
                support=Support(spans=11),
            ),
            Verdict(
                outcome=Outcome.FAIL,
                reason="party of create_booking is text, not a number",
                reason_code="parameters",
                target="node_call",
                name="MUST_CALL create_booking",
                assertion="a1",
                line=12,
                score=0.0,
                differences=(
                    Difference("$.party", 4, "4", "number", "string", "numeric text", "number 4"),
                    Difference("$.window", True, None, "boolean", "absent"),
                ),
                evidence=(
                    Evidence("book", "arguments", "$.party", "violated"),
                    Evidence("search", role="inspected"),
                ),
                near_misses=(
                    NearMiss("book", "create_booking", 1, 2, "1 of 2 arguments match", 1),
                    NearMiss("search", "search_flights", 0, 2, "another tool; it failed", 0),
                ),
                support=Support(spans=11, calls=2),
            ),
            Verdict(
                outcome=Outcome.MISSING,
                missing_kind="instrumentation",
                reason="no span reports a cost; send gen_ai.usage.cost to have it checked",
                target="cost",
                assertion="a2",
                line=19,
            ),
        ),
    )


def passing_case() -> CaseVerdict:
    """A second case, which passes."""
    return CaseVerdict(
        case="booking.cases.yaml#2",
        name="Answers in one breath",
        file="booking.cases.yaml",
        line=30,
        outcome=Outcome.PASS,
        score=1.0,
        verdicts=(
            Verdict(
                outcome=Outcome.PASS,
                reason='the answer holds "8pm"',
                target="response_regex",
                assertion="a1",
                line=33,
                score=1.0,
                evidence=(Evidence("answer", "response"),),
            ),
        ),
    )


CASES_TEXT = "\n".join(
    [
        "version: 1",
        "cases:",
        *[f"# line {number}" for number in range(3, 8)],
        "  - name: Books what was asked for",
        "    agent: booking",
        "    assertions:",
        "      - target: node_call",
        "        expected_name: create_booking",
        "        expected_arguments: {party: 4, window: true}",
        "        mode: MUST_CALL",
        *[f"# line {number}" for number in range(15, 40)],
    ]
)


def booking_file(**fields: Any) -> CaseFile:
    """The test-case file of the verdicts."""
    return CaseFile(**{"path": "booking.cases.yaml", "text": CASES_TEXT, **fields})


def booking_desk(count: int = 12) -> FakeDesk:
    """A desk with the booking trace on top of ``count`` - 1 small ones."""
    desk = FakeDesk()
    for number in range(count - 1):
        small = make_trace(
            make_span("r", "Booking agent", start_ms=0, end_ms=2_000 + 137 * number),
            make_tool("t", "create_booking", "r", start_ms=100, end_ms=300),
        )
        name = f"chat-{7731 - count + 1 + number}"
        trace_id = desk.add(small, name, age_s=60 * (count - number))
        desk.judge(trace_id, passing_case())
    newest = desk.add(booking_trace(), "chat-7731", age_s=8)
    desk.judge(newest, booking_verdicts(), passing_case())
    desk.save(booking_file())
    desk.bodies[newest] = [
        StoredRequest(
            part=0,
            received_ns=NOW_NS,
            method="POST",
            path="/public/traces",
            headers={"content-type": "application/json", "user-agent": "python-requests/2.32"},
            body=json.dumps({"externalId": "chat-7731", "spans": [{"spanId": "root"}]}).encode(),
        )
    ]
    return desk
