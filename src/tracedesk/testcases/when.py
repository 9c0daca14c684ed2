"""Which traces a case or an assertion applies to (assertion spec 9.3).

A condition is a text in the filter language or a mapping; all of its fields must hold, and
a value that is not in the trace makes it false. Whatever cannot be understood is a problem
found on loading: a condition never silently applies to everything or to nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from tracedesk.model.agent import Agent
from tracedesk.model.jsontext import dump
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Format, Trace
from tracedesk.query.expected import Env
from tracedesk.query.filter import Filter, FilterError, Moment, parse_filter
from tracedesk.query.matchers import Compiler
from tracedesk.query.names import NO, NameTest, nearest
from tracedesk.query.paths import PathError, parse_path
from tracedesk.query.problems import Place, Problem, Report
from tracedesk.query.values import ABSENT

STATUSES = ("completed", "failed", "partial")
FORMATS = tuple(map(str, Format))
NAME_TIMEOUT_S = 0.25


class Subject(NamedTuple):
    """What a condition is asked about."""

    trace: Trace
    reading: Reading
    agent: Agent | None

    @property
    def env(self) -> Env:
        """The clock and timezone that date expressions compare with."""
        timezone = self.agent.timezone if self.agent else "UTC"
        return Env(clock_ns=self.trace.clock_ns, timezone=timezone)


Test = Callable[[Subject], bool]


class When:
    """A compiled condition."""

    def __init__(self, tests: Iterable[tuple[str, Test]]) -> None:
        self._tests = tuple(tests)

    def refusal(self, trace: Trace, reading: Reading, agent: Agent | None = None) -> str | None:
        """The first field that does not hold, None when the condition is true.

        Raises PatternTimeoutError and ExpressionError, which make the verdict an error.
        """
        subject = Subject(trace, reading, agent)
        return next((field for field, test in self._tests if not test(subject)), None)


def compile_when(source: Any) -> tuple[When | None, list[Problem]]:
    """Compile what stands under ``when``. With any error among the problems there is no When."""
    report = Report()
    tests = _compile(source, (), report)
    return (None if report.faulty else When(tests)), report.problems


def _compile(source: Any, path: Place, report: Report) -> list[tuple[str, Test]]:
    if isinstance(source, str) and source.strip():
        return _text(source, path, report)
    if not source:
        report.error(path, "empty-value", "'when' is empty; leave it out to apply to every trace")
        return []
    if not isinstance(source, dict):
        report.error(path, "wrong-type", "'when' must be a filter text or a mapping")
        return []
    tests: list[tuple[str, Test]] = []
    for key, value in source.items():
        if key in _FIELDS:
            test = _FIELDS[key](value, (*path, key), report)
            if test is not None:
                tests.append((key, test))
        elif not key.startswith("x-"):
            meant = nearest(key, _FIELDS)
            report.error((*path, key), "unknown-key", f"unknown key '{key}'", meant, on_key=True)
    if not tests and not report.faulty:
        report.error(path, "empty-value", "'when' has no condition in it")
    return tests


# -- the filter language ---------------------------------------------------------------


def _text(source: str, path: Place, report: Report) -> list[tuple[str, Test]]:
    try:
        parsed = parse_filter(source)
    except FilterError as fault:
        code = "unknown-key" if fault.message.startswith("unknown key") else "bad-filter"
        place = f"character {fault.position + 1} of the filter"
        report.problems.append(
            Problem(path, code, f"{fault.message}, at {place}", fault.suggestion)
        )
        return []
    for term in parsed.terms:
        if term.key == "verdict":
            message = "a verdict cannot decide which traces are evaluated"
            report.error(path, "bad-filter", f"{message}; remove '{term.source}'")
        if term.key == "mark":
            message = "marks are no part of a trace and cannot decide what it is tried by"
            report.error(path, "bad-filter", f"{message}; remove '{term.source}'")
        if any(isinstance(value, Moment) and value.ago_ns is not None for value in term.values):
            message = "an age changes with every minute; write a date instead of"
            report.error(path, "bad-filter", f"{message} '{term.source}'")
    return [(term.source, _filtered(Filter((term,), term.source))) for term in parsed.terms]


def _filtered(condition: Filter) -> Test:
    return lambda subject: condition.matches(facts(subject), subject.trace.clock_ns)


def facts(subject: Subject) -> dict[str, Any]:
    """A trace as the filter language sees it."""
    trace, reading, agent = subject
    spans = [span for span in trace.spans if not span.synthetic]
    return {
        "status": reading.status,
        "format": trace.format,
        "agent": [agent.name, agent.id] if agent else None,
        "tool": lambda: [name for call in reading.tool_calls for name in call.names],
        "span": lambda: [name for span in spans for name in (span.label, *span.aliases)],
        "name": lambda: next((s.label for s in trace.spans if s.parent_id is None), None),
        "dur": reading.duration_ms.value,
        "tokens": reading.usage.total,
        "spans": len(spans),
        "errors": sum(span.failed for span in spans),
        "id": [text for text in (trace.trace_id, trace.external_id) if text],
        "external": trace.external_id,
        "warning": [warning.code for warning in trace.warnings],
        "received_ns": trace.received_ns,
        "metadata": trace.metadata,
        "text": lambda: list(_texts(trace, reading)),
    }


def _texts(trace: Trace, reading: Reading) -> Iterable[str]:
    """Everything that ``"text anywhere"`` looks through."""
    for text in (reading.response.text, reading.input.text, reading.system.text):
        if text:
            yield text
    for span in trace.spans:
        yield from (span.label, *span.aliases, span.status_message)
        for name, value in span.attributes.items():
            yield name
            yield value if isinstance(value, str) else dump(value)


# -- the mapping -----------------------------------------------------------------------


def _text_field(pick: Callable[[Subject], str | None]) -> "_Compile":
    def compiled(value: Any, path: Place, report: Report) -> Test:
        expected = Compiler(report).compile(value, path)

        def holds(subject: Subject) -> bool:
            text = pick(subject)
            return expected.matches(ABSENT if text is None else text, subject.env)

        return holds

    return compiled


def _map_field(pick: Callable[[Subject], dict[str, Any]]) -> "_Compile":
    """A map of paths to expected values; of several places one has to fit."""

    def compiled(value: Any, path: Place, report: Report) -> Test | None:
        if not isinstance(value, dict) or not value:
            code = "wrong-type" if value else "empty-value"
            report.error(path, code, f"'{path[-1]}' is a mapping from paths to expected values")
            return None
        compiler, entries = Compiler(report), []
        if not compiler.is_map(value, path):
            return None
        for key, item in value.items():
            expected = compiler.compile(item, (*path, key))
            try:
                entries.append((parse_path(key), expected))
            except PathError as fault:
                report.error((*path, key), "bad-path", f"'{key}': {fault}", on_key=True)

        def holds(subject: Subject) -> bool:
            source, env = pick(subject), subject.env
            for where, expected in entries:
                found = where.find_attribute(source) or [("", ABSENT)]
                if not any(expected.matches(actual, env) for _, actual in found):
                    return False
            return True

        return holds

    return compiled


def _choice_field(known: Iterable[str], code: str, pick: Callable[[Subject], str]) -> "_Compile":
    words = tuple(known)

    def compiled(value: Any, path: Place, report: Report) -> Test:
        wanted = _texts_of(value, path, report)
        for word in wanted:
            if word not in words:
                message = f"unknown {path[-1]} '{word}'; it is one of {', '.join(words)}"
                report.error(path, code, message, nearest(word, words))
        return lambda subject: pick(subject) in wanted

    return compiled


def _service(value: Any, path: Place, report: Report) -> Test:
    if isinstance(value, dict):
        expected = Compiler(report).compile(value, path)
        return lambda subject: any(
            expected.matches(name, subject.env) for name in _services(subject.trace)
        )
    wanted = set(_texts_of(value, path, report))
    return lambda subject: not wanted.isdisjoint(_services(subject.trace))


def _services(trace: Trace) -> Iterable[str]:
    return (resource.service for resource in trace.resources if resource.service is not None)


def _called(value: Any, path: Place, report: Report) -> Test:
    names = [NameTest(name) for name in _texts_of(value, path, report)]
    return lambda subject: all(_was_called(name, subject.reading) for name in names)


def _not_called(value: Any, path: Place, report: Report) -> Test:
    names = [NameTest(name) for name in _texts_of(value, path, report)]
    return lambda subject: (
        subject.reading.has_structure
        and not any(_was_called(name, subject.reading) for name in names)
    )


def _was_called(name: NameTest, reading: Reading) -> bool:
    return any(name.test(call.names, call.tool, NAME_TIMEOUT_S) != NO for call in reading.calls)


def _negated(value: Any, path: Place, report: Report) -> Test:
    tests = _compile(value, path, report)
    return lambda subject: not all(test(subject) for _, test in tests)


def _texts_of(value: Any, path: Place, report: Report) -> tuple[str, ...]:
    """One text or a list of texts, none of them blank."""
    items = value if isinstance(value, list) else [value]
    if not items:
        report.error(path, "empty-value", f"'{path[-1]}' is an empty list")
    for item in items:
        if not isinstance(item, str):
            report.error(path, "wrong-type", f"'{path[-1]}' must be text or a list of text")
        elif not item.strip():
            report.error(path, "empty-value", f"'{path[-1]}' has a blank text in it")
    return tuple(item for item in items if isinstance(item, str))


def _root_attributes(subject: Subject) -> dict[str, Any]:
    root = next((span for span in subject.trace.spans if span.parent_id is None), None)
    return root.attributes if root else {}


_Compile = Callable[[Any, Place, Report], Test | None]

_FIELDS: Mapping[str, _Compile] = {
    "input": _text_field(lambda subject: subject.reading.input.text),
    "response": _text_field(lambda subject: subject.reading.response.text),
    "metadata": _map_field(lambda subject: subject.trace.metadata),
    "attributes": _map_field(_root_attributes),
    "status": _choice_field(STATUSES, "unknown-status", lambda subject: subject.reading.status),
    "format": _choice_field(FORMATS, "wrong-type", lambda subject: str(subject.trace.format)),
    "service_name": _service,
    "called": _called,
    "not_called": _not_called,
    "not": _negated,
}
"""Every field of the mapping form, and what compiles it."""
