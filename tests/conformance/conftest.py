"""Verdicts that other projects recorded of their own test suites, read from beside the checkout.

The files are not part of this project. Where there are none, every test that needs them is
reported as not run, with that reason.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracedesk.assertions import compile_assertion, evaluate
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import Verdict
from tracedesk.reading import read

BESIDE = Path(__file__).parents[3] / "shared" / "conformance"
FOLDER = Path(os.environ.get("TRACEDESK_CONFORMANCE") or BESIDE)


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], Path]:
    """``recorded(name)``: the file or folder of that name; skips where there is none."""

    def find(name: str) -> Path:
        path = FOLDER / name
        if not path.exists():
            pytest.skip(f"no recorded cases at {path}; set TRACEDESK_CONFORMANCE to their folder")
        return path

    return find


@pytest.fixture(scope="session")
def recorded_json(recorded: Callable[[str], Path]) -> Callable[[str], Any]:
    """As ``recorded``, read as JSON."""
    return lambda name: json.loads(recorded(name).read_text(encoding="utf-8"))


@pytest.fixture
def decide() -> Callable[[Any, Trace], Verdict]:
    """``decide(assertion, trace)``, the assertion being one that loads."""

    def run(written: Any, trace: Trace) -> Verdict:
        assertion, problems = compile_assertion(written)
        assert problems == []
        return evaluate(assertion, trace, read(trace))

    return run
