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
        ({"pattern": "("}, "bad-regex", ("pattern",)),
        ({"patternProperties": {"(": {}}}, "bad-regex", ("patternProperties", "(")),
        ({"$schema": "https://x.example/draft", "type": "null"}, "bad-schema", ("$schema",)),
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


SLOW = "^(a|aa|b?a)+$"
KEYS = {"a" * 80 + "!": 1}


@pytest.mark.parametrize(
    ("source", "instance"),
    [
        ({"pattern": SLOW}, "a" * 80 + "!"),
        ({"propertyNames": {"pattern": SLOW}}, KEYS),
        ({"patternProperties": {SLOW: {"type": "null"}}}, KEYS),
        ({"patternProperties": {SLOW: False}, "additionalProperties": False}, KEYS),
        ({"additionalProperties": False, "patternProperties": {SLOW: False}}, KEYS),
        ({"unevaluatedProperties": False, "anyOf": [{"patternProperties": {SLOW: {}}}]}, KEYS),
    ],
)
def test_a_catastrophic_pattern_stops_on_time(source: Any, instance: Any) -> None:
    with pytest.raises(PatternTimeoutError):
        compiled(source).accepts(instance)


@pytest.mark.parametrize(
    ("source", "good", "bad"),
    [
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, {"b": 1}),
        (
            {"patternProperties": {"^x-": {}}, "additionalProperties": {"type": "null"}},
            {"x-a": 1, "b": None},
            {"b": 1},
        ),
        (
            {
                "$ref": "#/$defs/a",
                "$defs": {"a": {"properties": {"a": {"type": "integer"}}}},
                "unevaluatedProperties": False,
            },
            {"a": 1},
            {"a": 1, "b": 1},
        ),
        (
            {
                "if": {"required": ["a"]},
                "then": {"properties": {"a": {}}},
                "else": {"properties": {"b": {}}},
                "unevaluatedProperties": {"type": "null"},
            },
            {"b": 1, "c": None},
            {"a": 1, "b": 1},
        ),
        (
            {
                "$schema": "https://json-schema.org/draft/2019-09/schema",
                "dependentSchemas": {"a": {"properties": {"b": {}}}},
                "properties": {"a": {}},
                "unevaluatedProperties": False,
            },
            {"a": 1, "b": 1},
            {"b": 1},
        ),
    ],
)
def test_which_properties_are_left_over(source: Any, good: Any, bad: Any) -> None:
    schema = compiled(source)
    assert schema.accepts(good)
    assert not schema.accepts(bad)


def test_a_document_may_hold_others_that_it_refers_to() -> None:
    schema = compiled(
        {
            "$id": "https://x.example/tree",
            "type": "object",
            "properties": {"leaf": {"$ref": "leaf"}},
            "$defs": {"leaf": {"$id": "leaf", "type": "integer"}},
        }
    )
    assert schema.accepts({"leaf": 1})
    assert not schema.accepts({"leaf": "1"})
    assert compiled({"$ref": "https://json-schema.org/draft/2020-12/schema"}).accepts({})
