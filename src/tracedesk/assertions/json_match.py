"""json_match: fields of the response or the data against expected values (spec 6.2).

Under ``auto`` the first view that has the path is read; an absent path fails, and only a
trace without any view is missing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tracedesk.assertions.fields import (
    ANYTHING,
    PATH,
    Field,
    Invalid,
    choice,
    read_path,
)
from tracedesk.assertions.finding import COMMUNICATION, Finding, missing
from tracedesk.assertions.kind import Kind
from tracedesk.assertions.subjects import (
    ALLOW_FENCED,
    TARGET_FIELDS,
    NodeTarget,
    build_target,
    response_value,
)
from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.verdict import FAIL, PASS, Difference, Evidence, Support
from tracedesk.query.expected import Expected, in_words
from tracedesk.query.matchers import OPTION_NAMES, Compiler
from tracedesk.query.paths import Found, Path
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import ABSENT, json_text

SOURCES: Final = ("auto", "response", "data", "attributes", "metadata")
QUANTIFIERS: Final = ("every", "any")


class ViewOf(msgspec.Struct, frozen=True):
    """One thing that paths are tried on."""

    name: str
    """Root of evidence paths."""
    value: Any
    span: str | None

    def find(self, path: Path) -> list[Found]:
        if self.name == "attributes" and isinstance(self.value, dict):
            return path.find_attribute(self.value)
        return path.find(self.value, descend=self.name == "output")


class Check(msgspec.Struct, frozen=True):
    """One path and what is expected there."""

    path: Path
    expected: Expected


class Result(msgspec.Struct, frozen=True):
    """How one check came out."""

    view: ViewOf
    places: Sequence[Found]
    differences: list[Difference]

    def evidence(self, quantifier: str) -> list[Evidence]:
        """Where the deciding values are; the view itself when the path is nowhere."""
        if not self.places:
            role = "violated" if self.differences else "absent_here"
            return [Evidence(self.view.span, self.view.name, "$", role)]
        if not self.differences:
            span, root = self.view.span, self.view.name
            return [Evidence(span, root, place, "decided") for place, _ in self.places]
        bad = {d.path for d in self.differences}
        shown = [p for p, _ in self.places if quantifier == "any" or p in bad]
        shown = shown or [p for p, _ in self.places]
        return [Evidence(self.view.span, self.view.name, place, "violated") for place in shown]


class JsonMatch:
    """A compiled json_match."""

    def __init__(
        self,
        checks: Sequence[Check],
        source: str,
        quantifier: str,
        target: NodeTarget | None,
        allow_fenced: bool,
    ) -> None:
        self.checks = tuple(checks)
        self.source = source
        self.quantifier = quantifier
        self.target = target
        self.allow_fenced = allow_fenced

    def evaluate(self, index: TraceIndex) -> Finding:
        views = self._views(index)
        if isinstance(views, Finding):
            return views
        if not views:
            return self._no_view(index)
        results = [self._check(check, views, index) for check in self.checks]
        differences = tuple([d for result in results for d in result.differences])
        failed = next((r for r in results if r.differences), None)
        first = results[0] if failed is None else failed
        return Finding(
            outcome=PASS if failed is None else FAIL,
            reason=self._passed(results) if failed is None else _failed(failed, len(differences)),
            code=_code(failed),
            expected=self._expected,
            actual=_actual(first),
            differences=differences,
            evidence=tuple([e for r in results for e in r.evidence(self.quantifier)]),
            support=Support(spans=1, chars=sum([len(r.places) for r in results])),
            stage=COMMUNICATION,
        )

    @property
    def _expected(self) -> Any:
        if len(self.checks) == 1:
            return self.checks[0].expected.source
        return {check.path.text: check.expected.source for check in self.checks}

    def _views(self, index: TraceIndex) -> list[ViewOf] | Finding:
        """The views to try, in order; a target's output is the only one when given."""
        if self.target is not None:
            subject = self.target.read(index, COMMUNICATION)
            if isinstance(subject, Finding):
                return subject
            value = json_text(subject.value)
            return [ViewOf("output", subject.value if value is ABSENT else value, subject.span)]
        found = index.once(_views_with_fences if self.allow_fenced else _plain_views)
        return found if self.source == "auto" else [v for v in found if v.name == self.source]

    def _no_view(self, index: TraceIndex) -> Finding:
        if self.source == "auto":
            reason = "there is no JSON to look at: no JSON response, data, attributes or metadata"
        elif self.source == "response" and index.reading.response.text is not None:
            reason = "the response text is not JSON"
        else:
            reason = f"this trace has no {self.source}"
        return missing(reason, "no_view", stage=COMMUNICATION)

    def _check(self, check: Check, views: Sequence[ViewOf], index: TraceIndex) -> Result:
        for view in views:
            places = view.find(check.path)
            if places:
                return Result(view, places, self._differences(check, places, index))
        differences = check.expected.differences(ABSENT, index.env, _location(check.path))
        return Result(views[0], (), differences)

    def _differences(
        self, check: Check, places: Sequence[Found], index: TraceIndex
    ) -> list[Difference]:
        found: list[Difference] = []
        for place, value in places:
            differences = check.expected.differences(value, index.env, place)
            if self.quantifier == "any" and not differences:
                return []
            found += differences
        return found

    def _passed(self, results: Sequence[Result]) -> str:
        names = ", ".join([check.path.text for check in self.checks[:3]])
        more = "" if len(self.checks) <= 3 else f" and {len(self.checks) - 3} more"
        views = ", ".join(dict.fromkeys([result.view.name for result in results]))
        return f"{names}{more} as expected in {views}"


def _plain_views(index: TraceIndex) -> list[ViewOf]:
    return _all_views(index, False)


def _views_with_fences(index: TraceIndex) -> list[ViewOf]:
    return _all_views(index, True)


def _all_views(index: TraceIndex, allow_fenced: bool) -> list[ViewOf]:
    found: list[ViewOf] = []
    value = response_value(index, allow_fenced)
    if value is not ABSENT:
        source = index.reading.response.source
        found.append(ViewOf("response", value, None if source is None else source.span))
    for name, value in index.views:
        if name != "response":
            span = index.root_span if name == "attributes" else None
            found.append(ViewOf(name, value, span))
    return found


def _location(path: Path) -> str:
    return path.text if path.text.startswith("$") else f"$.{path.text}"


def _code(failed: Result | None) -> str:
    if failed is None:
        return "matched"
    return "path_absent" if not failed.places else "value_mismatch"


def _actual(result: Result) -> Any:
    values = [value for _, value in result.places]
    return values[0] if len(values) == 1 else values or None


def _failed(failed: Result, count: int) -> str:
    more = "" if count == 1 else f"; {count} differences"
    return f"in {failed.view.name}, {in_words(failed.differences[0])}{more}"


_MATCHER_KEYS: Final = tuple(sorted(OPTION_NAMES - {"value", "expression"}))
"""Keys of a matcher object that may be written beside ``path``."""


def build(values: dict[str, Any], place: Place, report: Report) -> JsonMatch | None:
    """Build from read fields."""
    before = report.errors
    target = build_target(values, place, report)
    if target is not None and values["source"] != "auto":
        message = "'target_node' and 'source' exclude each other"
        report.error((*place, "source"), "contradiction", message)
    checks = (
        _one_path(values, place, report)
        if values["path"] is not None
        else _path_map(values, place, report)
    )
    if report.errors > before:
        return None
    return JsonMatch(checks, values["source"], values["quantifier"], target, values["allow_fenced"])


def _one_path(values: Mapping[str, Any], place: Place, report: Report) -> list[Check]:
    inline = {
        key: values[key]
        for key in (*_MATCHER_KEYS, "value", "expression")
        if values[key] is not _UNSET
    }
    whole = values["expected"] is not _UNSET
    if whole and inline:
        key = next(iter(inline))
        message = f"'expected' and '{key}' exclude each other"
        report.error((*place, key), "contradiction", message, on_key=True)
        return []
    if not whole and not inline:
        message = "'path' needs 'expected', or 'matcher' with 'value'"
        report.error(place, "missing-field", message)
        return []
    compiler = Compiler(report)
    if whole:
        expected = compiler.compile(values["expected"], (*place, "expected"))
    elif "matcher" in inline:
        expected = compiler.compile(inline, place)
    else:
        expected = compiler.compile({"matcher": "exact", **inline}, place)
    return [Check(values["path"], expected)]


def _path_map(values: Mapping[str, Any], place: Place, report: Report) -> list[Check]:
    members, where = values["expected"], (*place, "expected")
    stray = next(
        (k for k in (*_MATCHER_KEYS, "value", "expression") if values[k] is not _UNSET), None
    )
    if stray is not None:
        report.error((*place, stray), "missing-field", f"'{stray}' needs a 'path'", on_key=True)
        return []
    if members is _UNSET:
        report.error(place, "missing-field", "json_match needs 'path' or a map 'expected'")
        return []
    if not isinstance(members, dict):
        message = "without 'path', 'expected' is a map of path to expected value"
        report.error(where, "wrong-type", message)
        return []
    if not members:
        report.error(where, "empty-value", "needs at least one path")
    compiler = Compiler(report)
    if not report.text_keys(members, where) or not compiler.is_map(members, where):
        return []
    checks = []
    for text, value in members.items():
        path = read_path(text, (*where, text), report)
        expected = compiler.compile(value, (*where, text))
        if not isinstance(path, Invalid):
            checks.append(Check(path, expected))
    return checks


class _Unset:
    """The type of ``_UNSET``: null may be an expected value, so None cannot say it."""


_UNSET: Final = _Unset()

KIND: Final = Kind(
    target="json_match",
    fields=(
        Field("path", PATH, "where to look", aliases=("field", "json_path", "key")),
        Field(
            "expected",
            ANYTHING,
            "expected value at the path, or a map of path to expected value",
            aliases=("expected_value", "equals", "expected_fields", "expected_values"),
            default=_UNSET,
        ),
        *(
            Field(key, ANYTHING, "as in a matcher object", default=_UNSET)
            for key in (*_MATCHER_KEYS, "value", "expression")
        ),
        Field("source", choice(SOURCES), "which view to read", default="auto"),
        *TARGET_FIELDS,
        Field("quantifier", choice(QUANTIFIERS), "for several values", default="every"),
        ALLOW_FENCED,
    ),
    build=build,
    stage=COMMUNICATION,
    doc="fields of the response or data against expected values",
)
