"""The ``load`` entries of the shared examples: what loading a file reports."""

import json
from pathlib import Path
from typing import Any

import pytest

from tracedesk.testcases.load import load_text

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text("utf-8"))
LOADS = [case for entry in EXAMPLES if entry.get("kind") == "load" for case in entry["cases"]]


@pytest.mark.parametrize("example", LOADS, ids=range(len(LOADS)))
def test_example(example: dict[str, Any]) -> None:
    file = load_text(example["text"], "example.yaml")
    found = {(d.code, d.line): d for d in file.diagnostics}
    for wanted in example.get("diagnostics", []):
        assert (wanted["code"], wanted["line"]) in found
        if "suggests" in wanted:
            assert found[wanted["code"], wanted["line"]].suggestion == wanted["suggests"]
    if not example.get("diagnostics"):
        assert not file.errors
    for field, value in example.get("loads", {}).items():
        loaded = getattr(file.cases[0], field)
        assert (list(loaded) if isinstance(loaded, tuple) else loaded) == value
