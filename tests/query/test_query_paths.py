"""Paths: dot paths, JSONPath, readable locations, keys of arguments."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.query.paths import PathError, locate, parse_path, steps_of_key, value_of_key, walk
from tracedesk.query.patterns import PatternTimeoutError
from tracedesk.query.values import ABSENT

BODY: dict[str, Any] = {
    "a": [{"b": 1}, {"b": 2}],
    "odd key": {"0": "zero"},
    "text": '{"inner": [true]}',
    "x.y": "dotted",
    "": "blank",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.0.b", [("$.a[0].b", 1)]),
        ("$.a.0.b", [("$.a[0].b", 1)]),
        ("$.a[-1].b", [("$.a[1].b", 2)]),
        ("odd key.0", [('$["odd key"]["0"]', "zero")]),
        ("$['odd key']['0']", [('$["odd key"]["0"]', "zero")]),
        ("$.a[*].b", [("$.a[0].b", 1), ("$.a[1].b", 2)]),
        ("$..b", [("$.a[0].b", 1), ("$.a[1].b", 2)]),
        ("$.a[?@.b > 1].b", [("$.a[1].b", 2)]),
        ("$", [("$", BODY)]),
        ("x.y", [('$["x.y"]', "dotted")]),
        ("a.2.b", []),
        ("a.b", []),
        ("text.inner", []),
        ("nothing", []),
    ],
)
def test_find(path: str, found: list[tuple[str, Any]]) -> None:
    assert parse_path(path).find(BODY) == found


def test_descending_reads_json_text_as_if_it_were_nested() -> None:
    assert parse_path("text.inner.0").find(BODY, descend=True) == [("$.text.inner[0]", True)]


@pytest.mark.parametrize("path", ["http.status", "http.response.code", "node.output.total"])
def test_attribute_names_may_hold_dots(path: str) -> None:
    attributes = {"http.status": 1, "http": {"response": {"code": 1}}, "node.output": '{"total":1}'}
    assert [value for _, value in parse_path(path).find_attribute(attributes)] == [1]


@pytest.mark.parametrize("path", ["", " ", "a..b", ".a", "a.", "a[0]", "a.*.b", "$.a[", "$[?]"])
def test_faulty_paths(path: str) -> None:
    with pytest.raises(PathError):
        parse_path(path)


@pytest.mark.parametrize(
    ("key", "value", "steps"),
    [
        ("x.y", "dotted", ("x.y",)),  # the exact key comes first
        ("", "blank", ("",)),
        ("a.1.b", 2, ("a", 1, "b")),
        ("a.01.b", ABSENT, ()),
        ("a.-1.b", ABSENT, ()),
        ("zip", ABSENT, ()),
    ],
)
def test_keys_of_arguments(key: str, value: Any, steps: tuple[Any, ...]) -> None:
    assert (value_of_key(BODY, key), steps_of_key(BODY, key)) == (value, steps)


@given(
    st.recursive(
        st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=6,
    )
)
def test_every_location_leads_back_to_its_value(value: Any) -> None:
    for location, leaf in walk(value):
        if "\\" in location or '"]' in location:
            continue  # needs a full JSONPath parser, which the standard's own suite tests
        assert parse_path(location).find(value) == [(location, leaf)]


def test_locate() -> None:
    assert locate(("a", 0, "odd key")) == '$.a[0]["odd key"]'


@pytest.mark.parametrize("name", ["search", "match"])
def test_a_catastrophic_pattern_in_a_filter_stops_on_time(name: str) -> None:
    path = parse_path(f"$[?{name}(@.a, '(a|aa|b?a)+')]")
    assert path.find([{"a": "aaa"}, {"a": 1}, {"a": "bb"}]) == [("$[0]", {"a": "aaa"})]
    slow = parse_path(f"$[?{name}(@.a, '(a|aa|b?a)+[c-d]')]")
    with pytest.raises(PatternTimeoutError):
        slow.find([{"a": "a" * 80}])


@pytest.mark.parametrize(
    ("text", "value", "location"),
    [
        ("$['a.b']", {"a.b": 1}, '$["a.b"]'),
        ("a.b", {"a.b": 1}, '$["a.b"]'),
        ("$['a/b']['c[0]']", {"a/b": {"c[0]": 1}}, '$["a/b"]["c[0]"]'),
        ("a/b", {"a/b": 1}, '$["a/b"]'),
        ("$.🚢.größe", {"🚢": {"größe": 1}}, '$["🚢"]["größe"]'),
        ("🚢.0", {"🚢": [1]}, '$["🚢"][0]'),
        ("$['it\\'s']", {"it's": 1}, '$["it\'s"]'),
    ],
)
def test_odd_keys(text: str, value: Any, location: str) -> None:
    assert parse_path(text).find(value) == [(location, 1)]
    assert parse_path(location).find(value) == [(location, 1)]


@pytest.mark.parametrize("text", [" $", "$[9007199254740992]", "$['\n']", f"$[{'9' * 5000}]"])
def test_what_the_standard_forbids_is_no_path(text: str) -> None:
    with pytest.raises(PathError):
        parse_path(text)
