"""A trace as a page of Markdown for a person or a language model: what happened, what was said,
what went wrong, in a bounded number of tokens.

What does not fit is left out by section and counted, failures first to stay. Everything the
trace says stands inside fences it cannot close.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from tracedesk.model.reading import Reading, Text
from tracedesk.model.trace import Span, Trace
from tracedesk.model.tree import SpanTree
from tracedesk.model.verdict import Outcome
from tracedesk.query.text import NO_VALUE, counted, duration_text, iso, plain

if TYPE_CHECKING:
    from tracedesk.evaluation.run import TraceVerdicts
    from tracedesk.store.rows import TraceRow

CHARS_PER_TOKEN = 4
"""Rule of thumb for English and JSON; an exact count would need the model's own tokenizer."""
DEFAULT_TOKENS = 4_000
LINE_CHARS = 600
"""A longer line is cut, and says by how much."""
DEEPEST = 20
"""Levels of indentation drawn; deeper spans stand at the last."""


class Section(msgspec.Struct, frozen=True):
    """One heading and what stands below it."""

    title: str
    lines: list[str]
    share: int
    """Percent of the budget that the section may use whatever the others need."""


def digest(
    row: "TraceRow",
    trace: Trace,
    tree: SpanTree,
    reading: Reading,
    agent_name: str,
    verdicts: "TraceVerdicts | None",
    *,
    tokens: int = DEFAULT_TOKENS,
) -> str:
    """The page, at most about ``tokens`` long."""
    head = [f"# {_inline(row.name)}", "", *_facts(row, reading, agent_name, verdicts), ""]
    sections = [
        Section("Input", _said(reading.input), 10),
        Section("Response", _said(reading.response), 20),
        Section("Failed assertions", list(_failures(verdicts)), 25),
        Section("Errors", list(_errors(trace)), 15),
        Section("Tool calls", list(_tool_calls(reading)), 15),
        Section("Spans", list(_tree(trace, tree)), 15),
    ]
    told = [section for section in sections if section.lines]
    budget = tokens * CHARS_PER_TOKEN - sum(map(len, head))
    out = list(head)
    for section, room in zip(told, _rooms(told, budget), strict=True):
        lines = _cut(section.lines, room)
        fence = _fence(lines)
        out += [f"## {section.title}", "", fence, *lines, fence, ""]
    return "\n".join(out)


def _rooms(sections: Sequence[Section], budget: int) -> list[int]:
    """Characters for each section: its share, and in their order what others leave over."""
    needed = [sum(len(line) + 1 for line in section.lines) for section in sections]
    rooms = [
        min(need, max(budget, 0) * section.share // 100)
        for need, section in zip(needed, sections, strict=True)
    ]
    left = budget - sum(rooms)
    for at, need in enumerate(needed):
        more = max(0, min(need - rooms[at], left))
        rooms[at] += more
        left -= more
    return rooms


def _cut(lines: Sequence[str], room: int) -> list[str]:
    """As many lines as there is room for, the last one in part, and how many are left out."""
    kept: list[str] = []
    for at, line in enumerate(lines):
        if len(line) + 1 > room:
            if not kept and room > 1:
                kept.append(line[:room])
            kept.append(f"… {counted(len(lines) - at, 'line')} more")
            break
        kept.append(line)
        room -= len(line) + 1
    return kept


def _fence(lines: Iterable[str]) -> str:
    """Backticks, more of them than stand together anywhere inside."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    return "`" * max(3, longest + 1)


def _inline(text: str) -> str:
    """Text outside of a fence: without what Markdown would act upon."""
    return re.sub(r"([\\`*_\[\]<>#|!~])", r"\\\1", plain(text)[:LINE_CHARS])


def _facts(
    row: "TraceRow", reading: Reading, agent_name: str, verdicts: "TraceVerdicts | None"
) -> Iterator[str]:
    usage = reading.usage
    yield f"- trace `{row.id}`, received {iso(row.received_ns)}, format {row.format}"
    yield f"- agent {_inline(agent_name)}" + (
        f", id of the sender {_inline(row.external_id)}" if row.external_id else ""
    )
    yield (
        f"- status {reading.status}, {counted(row.span_count, 'span')}, "
        f"{counted(row.error_count, 'error')}, duration {duration_text(reading.duration_ms.value)}"
    )
    yield (
        f"- tokens {_number(usage.total)} ({_number(usage.input)} in, {_number(usage.output)} out)"
        + (f", model {_inline(reading.model)}" if reading.model else "")
    )
    if verdicts is not None and verdicts.pending:
        yield "- verdict pending: more of the trace may come"
    elif verdicts is not None and verdicts.cases:
        yield f"- verdict {verdicts.outcome} of {counted(len(verdicts.cases), 'test case')}"


def _number(value: int | None) -> str:
    return NO_VALUE if value is None else str(value)


def _said(text: Text) -> list[str]:
    return [] if text.text is None else [plain(line) for line in text.text.splitlines()]


def _failures(verdicts: "TraceVerdicts | None") -> Iterator[str]:
    if verdicts is None:
        return
    for case in verdicts.cases:
        if case.outcome in (Outcome.PASS, Outcome.SKIPPED):
            continue
        yield _line(f"{case.outcome} {case.name}  ({case.file}:{case.line})")
        if case.reason:
            yield _line(f"  {case.reason}")
        for verdict in case.verdicts:
            if verdict.outcome not in (Outcome.PASS, Outcome.SKIPPED):
                yield _line(f"  {verdict.outcome} {verdict.target}, line {verdict.line}: "
                            f"{verdict.reason}")  # fmt: skip


def _errors(trace: Trace) -> Iterator[str]:
    """What failed and why; the same failure of several spans once, with their number."""
    found = Counter(_error(span) for span in trace.spans if span.failed)
    for text, times in found.items():
        yield _line(text + (f"  ×{times}" if times > 1 else ""))


def _error(span: Span) -> str:
    raised = [
        ": ".join(
            str(part) for part in (of.get("exception.type"), of.get("exception.message")) if part
        )
        for of in (event.attributes for event in span.events if event.name == "exception")
    ]
    reasons = [span.status_message, *raised]
    return f"{span.label}: {'; '.join(filter(None, dict.fromkeys(reasons))) or 'failed'}"


def _tool_calls(reading: Reading) -> Iterator[str]:
    for call in reading.calls:
        if call.tool:
            given = NO_VALUE if call.arguments_state == "absent" else plain(call.arguments)
            gave = "" if call.output_state == "absent" else f" → {plain(call.output)}"
            yield _line(f"{call.label} {given}{gave}  ({call.status})")


def _tree(trace: Trace, tree: SpanTree) -> Iterator[str]:
    for row, index in enumerate(tree.order):
        span = trace.spans[index]
        took = None if span.duration_ns is None else span.duration_ns / 1e6
        mark = "✖ " if span.failed else ""
        orphan = "  (orphan)" if row in tree.orphans else ""
        indent = "  " * min(tree.depth[row], DEEPEST)
        yield _line(f"{indent}{mark}{span.label}  {duration_text(took)}{orphan}")


def _line(text: str) -> str:
    shown = plain(text)
    left = len(shown) - LINE_CHARS
    return shown if left <= 0 else f"{shown[:LINE_CHARS]} … {left:,} characters more"
