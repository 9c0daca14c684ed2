"""JSON Schema: what loading refuses, faults with both paths, patterns under a limit."""

from typing import Any

import pytest

from tracedesk.query.patterns import PatternTimeoutError
from tracedesk.query.problems import Report
from tracedesk.query.schemas import Schema, compile_schema


def compiled(source: Any) -> Schema:
    report = Report()
    schema = compile_schema(source, (), report)
    assert schema is not None, report.problems
    return schema


@pytest.mark.parametrize(
    ("source", "code", "path"),
    [
        ({}, "always-true", ()),
        (True, "always-true", ()),
        ("object", "wrong-type", ()),
        ({1: {}}, "wrong-type", (1,)),
        ({"type": "nmber"}, "bad-schema", ("type",)),
        ({"properties": 5}, "bad-schema", ("properties",)),
        ({"pattern": "("}, "bad-schema", ("pattern",)),
        ({"$schema": "https://x.example/draft"}, "bad-schema", ("$schema",)),
        ({"$ref": "#/$defs/nope"}, "bad-schema", ("$ref",)),
        ({"$ref": "https://x.example/a"}, "remote-ref", ("$ref",)),
        ({"items": {"$ref": "other.json#/a"}}, "remote-ref", ("items", "$ref")),
    ],
)
def test_refused(source: Any, code: str, path: tuple[Any, ...]) -> None:
    report = Report()
    assert compile_schema(source, (), report) is None
    assert [(problem.code, problem.path) for problem in report.problems] == [(code, path)]


@pytest.mark.parametrize(
    ("source", "good", "bad"),
    [
        ({"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"}, 1, "1"),
        ({"$id": "https://x.example/a", "items": {"$ref": "#"}, "type": "array"}, [[]], [1]),
        ({"patternProperties": {"^a": {"type": "string"}}}, {"ab": "1", "b": 1}, {"ab": 1}),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "const": 1}, 1, 2),
        ({"not": {"type": "null"}}, 1, None),
    ],
)
def test_accepts(source: Any, good: Any, bad: Any) -> None:
    schema = compiled(source)
    assert schema.accepts(good)
    assert not schema.accepts(bad)


def test_faults_name_both_paths() -> None:
    schema = compiled({"properties": {"a": {"items": {"type": "integer"}}}})
    assert [fault[:2] for fault in schema.faults({"a": [1, "2", "3"]})] == [
        ("$.a[1]", "$.properties.a.items.type"),
        ("$.a[2]", "$.properties.a.items.type"),
    ]
    assert len(schema.faults({"a": ["x"] * 20})) == 5


def test_a_catastrophic_pattern_stops_on_time() -> None:
    with pytest.raises(PatternTimeoutError):
        compiled({"pattern": "^(a|aa|b?a)+$"}).accepts("a" * 80 + "!")
