"""``python tests/fuzz [CASES] [PARSER...]``: mutate every recorded body, CASES times a parser.

Bodies lose, gain, swap and retype parts, or are damaged byte by byte. Whatever happens, a body
is read or refused with faults, every trace of it can be read, and none of it takes long. The
same seed gives the same cases; what went wrong is printed once a place, with its case.
"""

import base64
import copy
import gzip
import json
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from test_fuzz_formats import CANONICAL, DATA, OTLP, check, traces_of

from tracedesk.formats.detect import read_body
from tracedesk.formats.errors import FormatError

DATA_FOLDER = Path(__file__).parents[1] / "data" / "captures"
SAMPLES = Path(__file__).parents[2] / "sample_traces"
PROTOBUF = "application/x-protobuf"
SLOW_S = 1.0
"""One case, read several times over, never takes longer."""

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 1.5, 1e308, "", " ", "{", "[1,", '{"a":', "[]", "{}", "\x00",
    "\ud800", "2", "STATUS_CODE_ERROR", "skipped", "tool", "x" * 300, [], {}, [[]], [{}],
    {"a": None},
    {"json": {}}, [{"json": {"text": "t"}}], {"role": "tool"}, {"parts": [{"type": []}]},
    {"stringValue": "s"}, {"intValue": "x"}, "={{ $json.a[0] }}", '[{"role":"assistant"}]',
)  # fmt: skip
NAMES = (
    "spans", "data", "resourceSpans", "attributes", "events", "output", "nodes", "status", "text",
    "gen_ai.output.messages", "gen_ai.input.messages", "gen_ai.tool.name", "n8n.node.output",
    "gen_ai.prompt.0.content", "llm.output_messages.0.message.role", "input.value", "usage",
    "parent_span_id", "span_id", "spanId", "tool_calls", "parts", "content", "role", "type", "id",
)  # fmt: skip


def captured() -> dict[str, list[bytes]]:
    """Recorded and sample bodies by parser."""
    bodies: dict[str, list[bytes]] = {parser: [] for parser in MUTATE}
    found = [(json.dumps(body).encode(), False) for body in (CANONICAL, OTLP, DATA)]
    found += [(path.read_bytes(), False) for path in sorted(SAMPLES.glob("*.json"))]
    for path in sorted(DATA_FOLDER.glob("*.json")):
        capture = json.loads(path.read_text())
        for request in capture.get("requests") or [capture["request"]]:
            found.append(_wire(request, capture.get("response")))
    for body, protobuf in found:
        try:
            shape = read_body(body, PROTOBUF if protobuf else "application/json").shape
        except FormatError:
            continue  # a sample that is a file of another tool, not a request
        kind = "-protobuf" if protobuf else "-json" if shape == "otlp" else ""
        bodies[shape + kind].append(body)
    return bodies


def _wire(request: dict[str, Any], response: dict[str, Any] | None) -> tuple[bytes, bool]:
    headers = {key.lower(): value for key, value in request["headers"].items()}
    if "body_base64" in request:
        raw = base64.b64decode(request["body_base64"])
        if headers.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        return raw, headers.get("content-type", "").startswith(PROTOBUF)
    answered = request.get("response_body") or (response or {}).get("body")
    return json.dumps({"data": answered} if answered else request["body"]).encode(), False


def mutate_json(body: bytes, pick: random.Random) -> bytes:
    """The body with some parts dropped, doubled, swapped, renamed or retyped."""
    value = json.loads(body)
    for _ in range(pick.choice((1, 1, 2, 3, 5))):
        found = _place(value, pick)
        if found is None:
            break
        owner, key = found
        how = pick.randrange(6)
        if how == 0:
            del owner[key]
        elif how == 1 and isinstance(owner, list):
            owner.insert(key, copy.deepcopy(owner[key]))
        elif how == 2 and isinstance(owner, dict):
            owner[pick.choice(NAMES)] = owner.pop(key)
        elif how == 3 and isinstance(owner[key], str):
            owner[key] = mutate_text(owner[key], pick)
        elif how == 4 and (other := _place(value, pick)) is not None:
            inner = json.dumps(other[0][other[1]])
            owner[key] = inner if pick.random() < 0.3 else json.loads(inner)
        else:
            owner[key] = copy.deepcopy(pick.choice(ODD))
    text = json.dumps(value, ensure_ascii=pick.random() < 0.5).encode("utf-8", "surrogatepass")
    return damage(text, pick) if pick.random() < 0.1 else text


def mutate_text(text: str, pick: random.Random) -> str:
    """Text cut short, or with a character changed; JSON inside text is mutated as JSON."""
    if text[:1] in ("{", "[") and pick.random() < 0.8:
        try:
            return mutate_json(text.encode("utf-8", "replace"), pick).decode("utf-8", "replace")
        except ValueError:
            pass
    at = pick.randrange(len(text) + 1)
    return (
        text[:at] if pick.random() < 0.5 else text[:at] + pick.choice('{}[]",:\\\x00é') + text[at:]
    )


def _place(value: Any, pick: random.Random) -> tuple[Any, Any] | None:
    """A random place in a value, mostly a deep one: its owner and key."""
    owner: Any = None
    key: Any = None
    while owner is None or pick.random() < 0.9:
        if isinstance(value, dict) and value:
            owner, key = value, pick.choice(list(value))
        elif isinstance(value, list) and value:
            owner, key = value, pick.randrange(len(value))
        else:
            break
        value = owner[key]
    return None if owner is None else (owner, key)


def damage(body: bytes, pick: random.Random) -> bytes:
    """Some bytes changed; now and then some cut out or doubled as well."""
    raw = bytearray(body)
    for _ in range(pick.choice((1, 1, 1, 2, 4))):
        raw[pick.randrange(len(raw))] = pick.randrange(256)
    if pick.random() < 0.2:
        at = pick.randrange(len(raw))
        if pick.random() < 0.5:
            del raw[at : at + pick.randint(1, 9)]
        else:
            raw[at:at] = raw[max(0, at - pick.randint(1, 20)) : at]
    return bytes(raw[: pick.randrange(len(raw) + 1)]) if pick.random() < 0.05 else bytes(raw)


MUTATE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "canonical": mutate_json,
    "otlp-json": mutate_json,
    "otlp-protobuf": damage,
    "data": mutate_json,
}


def cases(parser: str, count: int, seed: int = 1) -> Iterator[bytes]:
    """That many mutated bodies for one parser."""
    pick = random.Random(f"{parser} {seed}")
    seeds = captured()[parser]
    for _ in range(count):
        try:
            yield MUTATE[parser](pick.choice(seeds), pick)
        except RecursionError:
            continue


def run(parser: str, count: int) -> int:
    """Fuzz one parser, print what happened, and give the number of findings."""
    told: Counter[str] = Counter()
    findings: dict[str, tuple[str, bytes]] = {}
    content_type = PROTOBUF if parser == "otlp-protobuf" else "application/json"
    start = time.monotonic()
    for body in cases(parser, count):
        began = time.process_time()
        try:
            traces = traces_of(body, content_type)
            told["read" if traces else "refused"] += 1
            for trace in traces:
                check(trace)
                told["traces"] += 1
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} at {frame.filename}:{frame.lineno}"
            findings.setdefault(place, (traceback.format_exc(limit=-6), body))
        if time.process_time() - began > SLOW_S:
            findings.setdefault("slow", (f"{time.process_time() - began:.1f} s", body))
    rate = count / (time.monotonic() - start)
    figures = ", ".join(f"{number:,} {what}" for what, number in sorted(told.items()))
    write = sys.stdout.write
    write(f"{parser}: {count:,} cases at {rate:,.0f}/s; {figures}; {len(findings)} findings\n")
    for place, (what, body) in findings.items():
        write(f"  {place}\n{what}\n  {body[:3000]!r}\n")
    sys.stdout.flush()
    return len(findings)


if __name__ == "__main__":
    wanted = sys.argv[2:] or list(MUTATE)
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    sys.exit(1 if sum([run(parser, total) for parser in wanted]) else 0)
