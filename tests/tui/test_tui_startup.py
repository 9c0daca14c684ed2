"""What the first frame needs is imported, and nothing else."""

import subprocess
import sys

LATER = (
    "tracedesk.assertions", "tracedesk.reading", "tracedesk.evaluation.report", "rich.syntax",
    "rich.markdown", "tree_sitter", "jsonschema", "ruamel", "pydantic", "uvicorn",
    "google.protobuf",
)  # fmt: skip
"""Each takes a good part of the budget, and serves what comes after the first frame."""


def test_the_screen_is_imported_without_what_the_first_frame_does_not_need():
    code = f"import sys, tracedesk.tui.app\nprint(*[m for m in {LATER!r} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert found.stdout.split() == []
