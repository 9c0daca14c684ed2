"""``python tests/fuzz`` covers every parser, starting from something that each of them reads."""

import re
import subprocess
import sys
from pathlib import Path

PARSERS = {
    "canonical", "otlp-json", "otlp-protobuf", "logs-json", "logs-protobuf", "custom", "n8n-node",
    "n8n-manual", "n8n-native", "flowise", "saved", "export-jaeger", "export-zipkin",
    "export-langfuse", "export-phoenix", "export-n8n", "export-flowise",
}  # fmt: skip


def test_some_cases_of_every_parser() -> None:
    command = [sys.executable, str(Path(__file__).parent), "12"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.findall(r"^(\S+): 12 cases .*; (?:.*?)(\d+) read, .*; 0 findings$", done.stdout, re.M)
    assert {name for name, _ in told} == PARSERS
    assert all(int(read) for _, read in told), done.stdout
