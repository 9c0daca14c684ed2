"""Candidates for what was answered: the text of the response, and values in JSON."""

from collections.abc import Iterator
from typing import Any

from tracedesk.authoring import naming, shapes
from tracedesk.authoring.draft import At, Draft
from tracedesk.authoring.forms import (
    EXACT,
    LOOSER,
    MAX_WRITTEN,
    MUST_NOT,
    STRICTER,
    forms,
    literal,
    shown,
    written_size,
)
from tracedesk.query.values import ABSENT

MAX_EXACT = 300
"""Characters of the longest response that is offered word for word."""


def of_response(at: At) -> Iterator[Draft]:
    """The response: its text, or the value in it when it is JSON."""
    if at.value is ABSENT:
        return
    if at.place.steps or not isinstance(at.value, str):
        yield from of_json(at, None)
        return
    yield from of_text(at.value)


def of_text(text: str) -> Iterator[Draft]:
    """What a text says."""
    if 0 < len(text) <= MAX_EXACT:
        yield Draft(EXACT, "the response is exactly this text", _regex(shapes.whole(text)))
    for word in shapes.telling(text[:4_000]):
        yield Draft(LOOSER, f"the response contains {shown(word)}", _regex(shapes.escaped(word)))
    sentence = shapes.first_sentence(text[:4_000])
    if sentence and len(sentence) <= MAX_EXACT:
        pattern = shapes.escaped(sentence)
        yield Draft(LOOSER, f"the response contains {shown(sentence)}", _regex(pattern))
        in_any_case = {**_regex(pattern), "flags": "i"}
        yield Draft(LOOSER, f"the response contains {shown(sentence)} in any case", in_any_case)
    form = shapes.same_form(text) if len(text) <= MAX_EXACT else None
    if form is not None:
        yield Draft(LOOSER, "the response has this form, with other digits", _regex(form))
    yield Draft(LOOSER, "the response is not blank", _regex(r"\S"))
    most = int(shapes.rounded_up(max(len(text) * 2, 1)))
    short = _regex(rf"(?s)\A.{{1,{most}}}\Z")
    if len(text) <= 20_000:
        yield Draft(STRICTER, f"the response has at most {most:,} characters", short)
    part = next(iter(shapes.telling(text[:4_000], 1)), sentence[:80])
    if part:
        never = {**_regex(shapes.escaped(part)), "condition": "MUST_NOT_MATCH"}
        yield Draft(MUST_NOT, f"the response never contains {shown(part)}", never)


def _regex(pattern: str) -> dict[str, Any]:
    return {"target": "response_regex", "pattern": pattern}


def of_view(at: At) -> Iterator[Draft]:
    """A value in ``data`` or ``metadata``."""
    if at.value is not ABSENT:
        yield from of_json(at, at.place.of)


def of_json(at: At, source: str | None) -> Iterator[Draft]:
    """A value in JSON, by its path; ``source`` where it is not the response."""
    value = at.value
    what = naming.words(at.place.steps) if at.place.steps else "the response"
    more = {} if source is None else {"source": source}
    for form in forms(value, at.clock_ns):
        made = _json_match(at, form.expected, more)
        if made is not None:
            yield Draft(form.strength, f"{what} {form.words}", made)
    if source is None and not at.place.steps:
        yield from _structure(value)
    if written_size(value) <= MAX_WRITTEN:
        other = _json_match(at, {"matcher": "not", "value": literal(value)}, more)
        if other is not None:
            yield Draft(MUST_NOT, f"{what} is not {shown(value)}", other)


def _json_match(at: At, expected: Any, more: dict[str, Any]) -> dict[str, Any] | None:
    """The assertion on the value at the place: a matcher beside the path, as people write it, a
    literal under its own key. None when the place cannot be written."""
    found = naming.path_to(at.root, at.place.steps, expected)
    if found is None:
        return None
    path, expected = found
    matcher = isinstance(expected, dict) and "matcher" in expected
    fields = expected if matcher else {"expected": expected}
    return {"target": "json_match", "path": path, **fields, **more}


def _structure(value: Any) -> Iterator[Draft]:
    """The schema of the whole response, as deep as it may be written."""
    for depth in (4, 2, 1):
        schema = shapes.schema_of(value, depth)
        if written_size(schema) > MAX_WRITTEN:
            continue
        whole = {"target": "json_schema", "schema": schema}
        yield Draft(LOOSER, "the response has this structure (json_schema)", whole)
        if isinstance(value, dict):
            strict = {**schema, "additionalProperties": False}
            alone = {"target": "json_schema", "schema": strict}
            yield Draft(STRICTER, "the response has these members and no others", alone)
        return
