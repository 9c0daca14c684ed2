"""YAML and JSON text as positioned trees: what they mean, where it stands, what is refused."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracedesk.testcases.json_text import parse_json
from tracedesk.testcases.positions import MAX_DEPTH, Mark, Node, UnreadableText
from tracedesk.testcases.yaml import parse_yaml


def yaml(text: str) -> Node:
    root = parse_yaml(text)
    assert root is not None
    return root


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("2026-05-02", "2026-05-02"),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("+7", 7),
        ("-1.5e3", -1500.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("~", None),
        ("null", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("9007199254740993", 9007199254740993),
        ("=", "="),
        ("1 2", "1 2"),
    ],
)
def test_plain_scalars_follow_the_core_schema(written: str, meant: object) -> None:
    value = yaml(f"key: {written}").value["key"]
    assert value == meant
    assert type(value) is type(meant)


def test_block_text_is_text_whatever_it_looks_like() -> None:
    assert yaml("a: |\n  12\nb: >-\n  true\n  false\n").value == {"a": "12\n", "b": "true false"}


def test_every_value_and_key_has_its_place() -> None:
    root = yaml("cases:\n  - name: é a\n    tags: [x, yy]\n")
    assert root.locate(("cases", 0)) == Mark(2, 5)
    assert root.locate(("cases", 0, "name")) == Mark(2, 11)
    assert root.locate(("cases", 0, "tags"), on_key=True) == Mark(3, 5)
    assert root.locate(("cases", 0, "tags", 1)) == Mark(3, 15)
    assert root.locate(("cases", 0, "absent", "deeper")) == Mark(2, 5), "the nearest node above"


def test_json_has_the_same_places_as_yaml() -> None:
    text = '{"cases": [\n\t{"name": "a",\r\n\t "tags": ["x", 1.5, null]}]}'
    root = parse_json(text)
    assert root is not None
    assert root.value == {"cases": [{"name": "a", "tags": ["x", 1.5, None]}]}
    assert root.locate(("cases", 0, "name")) == Mark(2, 11)
    assert root.locate(("cases", 0, "tags"), on_key=True) == Mark(3, 3)
    assert root.locate(("cases", 0, "tags", 1)) == Mark(3, 17)


def test_json_escapes_mean_whole_characters() -> None:
    root = parse_json(r'{"smile": "\ud83d\ude00\/"}')
    assert root is not None
    assert root.value == {"smile": "😀/"}


def test_a_key_is_text_as_written() -> None:
    assert yaml("1: a\ntrue: b\n'': c\n__proto__: d\na.b: e").value == {
        "1": "a",
        "true": "b",
        "": "c",
        "__proto__": "d",
        "a.b": "e",
    }


def test_a_repeated_key_is_a_fault_at_the_second() -> None:
    root = yaml("a: {b: 1,\n  b: 2}\n")
    assert root.value == {"a": {"b": 1}}
    ((path, fault),) = root.all_faults()
    assert path == ("a",)
    assert (fault.code, fault.mark) == ("duplicate-key", Mark(2, 3))


def test_a_fault_behind_an_anchor_is_reported_at_every_use() -> None:
    root = yaml("a: &x {b: 1, b: 2}\nc: [*x, *x]\n")
    assert [path for path, _ in root.all_faults()] == [("a",), ("c", 0), ("c", 1)]


def test_anchors_and_aliases_share_their_value() -> None:
    assert yaml("a: &x [1, 2]\nb: {c: *x}\n&k key: 1\n").value["b"] == {"c": [1, 2]}


@pytest.mark.parametrize("text", ["[.inf]", "[-.Inf]", "[.nan]", "[1e999]", f"[{'9' * 5000}]"])
def test_numbers_nobody_can_mean_are_faults(text: str) -> None:
    ((path, fault),) = yaml(text).all_faults()
    assert path == (0,)
    assert fault.code == "wrong-type"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("cases:\n\t- name: a", (2, 1), "a tab cannot indent YAML"),
        ("cases:\n  - name: a\n\tassertions: 1", (3, 1), "a tab cannot indent YAML"),
        ("cases:\n  - a\n  \t- b: c", (3, 3), "a tab cannot indent YAML"),
        ("a: 1\n---\nb: 2", (2, 1), "a second document"),
        ("a: !!str 1", (1, 4), "the tag !!str"),
        ("a: !secret x", (1, 4), "the tag !secret"),
        ("a: 1\n<<: {b: 2}", (2, 1), "merge keys (<<)"),
        ("a: b: c", (1, 5), "a ':' is not expected here"),
        ("a: [1, 2\nb: 3", (2, 2), "this [list] is not closed"),
        ('a: "b', (1, 6), "not closed before the end"),
        ("a: *b", (1, 4), "no finished anchor"),
        ("a: &x [*x]", (1, 8), "no finished anchor"),
        ("? [a]\n: b", (1, 3), "a key must be text"),
        ("a: x\x00y", (1, 5), "U+0000"),
        ("a: \x1b[31m", (1, 4), "U+001B"),
        ("[" * (MAX_DEPTH + 1), (1, MAX_DEPTH + 1), "nested deeper"),
        ("a:\n   b: 1\n  c: 2", (3, 3), "check the indentation"),
    ],
)
def test_what_yaml_refuses_says_where_and_why(
    text: str, place: tuple[int, int], words: str
) -> None:
    with pytest.raises(UnreadableText) as refused:
        parse_yaml(text)
    assert words in refused.value.message
    assert refused.value.mark == place


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('{"a": 1,}', (1, 9), "a comma before '}'"),
        ("[1 2]", (1, 4), "expected ',' or ']'"),
        ("{a: 1}", (1, 2), "double quotes"),
        ('{"a" 1}', (1, 6), "expected ':'"),
        ("[1]\n[2]", (2, 1), "more text after the end"),
        ("[01]", (1, 3), "expected ',' or ']'"),
        ("[nul]", (1, 2), "expected a JSON value"),
        ('["\\ud800"]', (1, 10), "surrogate"),
        ('["a\nb"]', (1, 4), "control character"),
        ('["ab', (1, 2), "unterminated string"),
        ("[" * 5000, (1, MAX_DEPTH + 1), "nested deeper"),
        ("[NaN]", (1, 2), "expected a JSON value"),
    ],
)
def test_what_json_refuses_says_where_and_why(
    text: str, place: tuple[int, int], words: str
) -> None:
    with pytest.raises(UnreadableText) as refused:
        parse_json(text)
    assert words in refused.value.message
    assert refused.value.mark == place


def test_an_alias_bomb_is_refused_before_it_goes_off() -> None:
    levels = [
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]" for i in range(9)
    ]
    text = "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *levels])
    began = time.perf_counter()
    with pytest.raises(UnreadableText, match="aliases of this file expand"):
        parse_yaml(text)
    assert time.perf_counter() - began < 1.0


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_yaml, parse_json):
        try:
            root = parse(text)
        except UnreadableText:
            continue
        assert root is None or root.size >= 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_reads_back_what_was_written(value: object) -> None:
    text = json.dumps(value, indent="\t")
    root = parse_json(text)
    assert root is not None
    assert root.value == value
