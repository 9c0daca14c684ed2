"""The JSON Schema test suite, drafts 2020-12 and 7, required and optional parts.

A schema is refused on loading when something would have to be fetched, or when it accepts
everything; the suite has both on purpose. All else comes out as the suite says, except what
``DIFFERENCES`` names.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tracedesk.query.problems import Report
from tracedesk.query.schemas import compile_schema

DRAFTS = {"draft2020-12": None, "draft7": "http://json-schema.org/draft-07/schema#"}
"""Folder of the suite, and what ``$schema`` has to say for that draft."""

REMOTE = "a document would have to be fetched"
NOTHING = "accepts everything: format and content only describe"
CONTROL = r"escapes as \cC, which are none here"
VOCABULARY = "a meta-schema of its own would have to be fetched"

REFUSED: Mapping[str, Mapping[tuple[str, str], tuple[int, str]]] = {
    "draft2020-12": {
        ("boolean_schema.json", "always-true"): (1, NOTHING),
        ("content.json", "always-true"): (4, NOTHING),
        ("format.json", "always-true"): (19, NOTHING),
        ("dynamicRef.json", "remote-ref"): (5, REMOTE),
        ("refRemote.json", "remote-ref"): (15, REMOTE),
        ("optional/cross-draft.json", "remote-ref"): (1, REMOTE),
        ("vocabulary.json", "bad-schema"): (2, VOCABULARY),
        ("optional/format-assertion.json", "always-true"): (2, NOTHING),
        ("optional/ecmascript-regex.json", "bad-regex"): (2, CONTROL),
    },
    "draft7": {
        ("boolean_schema.json", "always-true"): (1, NOTHING),
        ("format.json", "always-true"): (17, NOTHING),
        ("refRemote.json", "remote-ref"): (11, REMOTE),
        ("optional/content.json", "always-true"): (3, NOTHING),
        ("optional/cross-draft.json", "remote-ref"): (1, REMOTE),
        ("optional/ecmascript-regex.json", "bad-regex"): (2, CONTROL),
    },
}
"""File and code → how many of its groups are refused, and why. ``optional/format/`` aside,
whose every schema only describes."""

PYTHON = r"\d, \w and \s are Python's, which know all of Unicode"
GONE = "2020-12 has no 'dependencies' any more"

REGEX_GROUPS: Mapping[str, tuple[int, str]] = {
    r"ECMA 262 \d matches ascii digits only": (2, PYTHON),
    r"ECMA 262 \D matches everything but ascii digits": (2, PYTHON),
    r"ECMA 262 \w matches ascii letters only": (1, PYTHON),
    r"ECMA 262 \W matches everything but ascii letters": (1, PYTHON),
    r"ECMA 262 \s matches whitespace": (1, PYTHON),
    r"ECMA 262 \S matches everything but whitespace": (1, PYTHON),
    r"\w in patterns matches [A-Za-z0-9_], not unicode letters": (2, PYTHON),
    r"\d in pattern matches [0-9], not unicode digits": (1, PYTHON),
    r"\w in patternProperties matches [A-Za-z0-9_], not unicode letters": (2, PYTHON),
    r"\d in patternProperties matches [0-9], not unicode digits": (1, PYTHON),
}

DIFFERENCES: Mapping[str, Mapping[str, Mapping[str, tuple[int, str]]]] = {
    "draft2020-12": {
        "optional/ecmascript-regex.json": REGEX_GROUPS,
        "optional/dependencies-compatibility.json": {
            "single dependency": (1, GONE),
            "multiple dependents required": (3, GONE),
            "dependencies with escaped characters": (2, GONE),
            "single schema dependency": (3, GONE),
            "boolean subschemas": (2, GONE),
            "schema dependencies with escaped characters": (3, GONE),
        },
    },
    "draft7": {"optional/ecmascript-regex.json": REGEX_GROUPS},
}
"""File and group → how many of its tests come out otherwise, and why."""


class Group(NamedTuple):
    """One schema of the suite, with its tests."""

    file: str
    name: str
    schema: Any
    tests: list[dict[str, Any]]


def groups(folder: Path, draft: str | None) -> Iterator[Group]:
    """Every group of a draft's folder; the draft is written into schemas that name none."""
    for path in sorted(folder.rglob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            schema = group["schema"]
            if draft and isinstance(schema, dict):
                schema = {"$schema": draft, **schema}
            name = group["description"]
            yield Group(path.relative_to(folder).as_posix(), name, schema, group["tests"])


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_suite_comes_out_as_it_says(recorded: Callable[[str], Path], draft: str) -> None:
    refused: Counter[tuple[str, str]] = Counter()
    differing: Counter[tuple[str, str]] = Counter()
    agreed = 0
    for group in groups(recorded(f"json_schema/tests/{draft}"), DRAFTS[draft]):
        report = Report()
        schema = compile_schema(group.schema, (), report)
        if schema is None:
            refused[group.file, report.problems[0].code] += 1
            continue
        wrong = sum(schema.accepts(test["data"]) != test["valid"] for test in group.tests)
        agreed += len(group.tests) - wrong
        if wrong:
            differing[group.file, group.name] += wrong
    listed = {
        (file, name): count
        for file, by_name in DIFFERENCES[draft].items()
        for name, (count, _) in by_name.items()
    }
    assert dict(differing) == listed
    only_describing = {
        (file, code)
        for file, code in refused
        if file.startswith("optional/format/") and code == "always-true"
    }
    assert {key: count for key, count in refused.items() if key not in only_describing} == {
        key: count for key, (count, _) in REFUSED[draft].items()
    }
    assert agreed > 800
