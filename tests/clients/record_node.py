"""Record the Node clients into ``tests/data/captures``, with what a reader can know of them, so
that what they send is read everywhere, Node or not.

    npm install --prefix tests/clients/node && python tests/clients/record_node.py
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import weather
from record import listening

HERE = Path(__file__).resolve().parent
NODE = HERE / "node"
CAPTURES = HERE.parent / "data" / "captures"
MACHINE_PATH = re.compile(r"(file://)?/[^\s:()]*/(?=[^/\s]+:\d)")

Json = dict[str, Any]

FORECAST: Json = {
    "user_input": weather.QUESTION,
    "system_prompt": weather.SYSTEM,
    "response_text": weather.ANSWER,
    "tool_calls": [{"name": weather.TOOL, "arguments": weather.ARGUMENTS}],
    "usage": {"input_tokens": 270, "output_tokens": 35, "total_tokens": 305},
    "usage_per_llm_call": [list(pair) for pair in weather.TOKENS],
    "model_in_response": "gpt-4o-mini-2024-07-18",
    "error": False,
}
BOOKING = {"party": 4, "vip": False, "name": "Zoë"}
CONCIERGE: Json = {
    "user_input": "Book a table for 4 tomorrow at 20:00, under Zoë.",
    "response_text": "Your table for 4 is booked under Zoë.",
    "tool_calls": [{"name": "create_booking", "arguments": BOOKING}] * 2,
    "usage": {"input_tokens": 291, "output_tokens": 40},
    "http_status": 200,
    "error": True,
}
EMBEDDING: Json = {
    "user_input": None,
    "response_text": None,
    "tool_calls": [],
    "usage": {"total_tokens": 8},
    "error": False,
}

RUNS: dict[str, tuple[list[str], tuple[str, ...], str, Json]] = {
    "otel-js-concierge-json.json": (
        ["concierge.mjs"],
        (),
        "Instrumented by hand: a tool that fails once with its exception, then succeeds.",
        CONCIERGE,
    ),
    **{
        f"otel-vercel-ai{major}-json.json": (
            ["forecaster.mjs", str(major), "generated"],
            (f"ai{major}",),
            f"Vercel AI SDK {major} generateText with a tool, experimental_telemetry.",
            FORECAST,
        )
        for major in (4, 5, 6)
    },
    "otel-vercel-ai7-older-json.json": (
        ["forecaster.mjs", "7", "older-spans"],
        ("ai7", "@ai-sdk/otel"),
        "Vercel AI SDK 7 generateText with a tool, LegacyOpenTelemetry: the names of before 7.",
        FORECAST,
    ),
    "otel-vercel-ai6-embedding.json": (
        ["forecaster.mjs", "6", "embedded"],
        ("ai6",),
        "Vercel AI SDK 6 embed: one number for all tokens, on both spans.",
        EMBEDDING,
    ),
}
"""Capture: program and arguments, its packages beside OpenTelemetry's, notes, and facts."""

OPENTELEMETRY = ("@opentelemetry/sdk-trace-node", "@opentelemetry/exporter-trace-otlp-http")


def record(command: list[str]) -> Json:
    """The one request of a program."""
    with listening() as (url, received):
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        subprocess.run(["node", *command], cwd=NODE, env={**os.environ, **endpoint}, check=True)
    (request,) = received
    text = MACHINE_PATH.sub("/srv/agent/", request.pop("wire").decode())
    return {"method": "POST", **request, "body": json.loads(text)}


def version(package: str) -> str:
    """Name and version; several majors of one package are installed under names of ours."""
    installed = json.loads((NODE / "node_modules" / package / "package.json").read_text())
    return f"{installed['name']} {installed['version']}"


def structure(body: Json) -> Json:
    """Services, spans, parents and statuses, straight from the request."""
    (resource,) = body["resourceSpans"]
    scopes = resource["scopeSpans"]
    spans = [span for scope in scopes for span in scope["spans"]]
    names = {span["spanId"]: span["name"] for span in spans}
    (trace_id,) = {span["traceId"] for span in spans}
    trace = {
        "trace_id": trace_id,
        "span_count": len(spans),
        "roots": [span["name"] for span in spans if "parentSpanId" not in span],
        "orphans_parent_not_captured": [],
        "spans_in_export_order": [_told(span, names) for span in spans],
    }
    services = [a for a in resource["resource"]["attributes"] if a["key"] == "service.name"]
    return {
        "service_name": [a["value"]["stringValue"] for a in services],
        "posts": 1,
        "total_spans": len(spans),
        "traces": [trace],
        "scopes": [scope["scope"]["name"] for scope in scopes],
    }


def _told(span: Json, names: dict[str, str]) -> Json:
    parent = span.get("parentSpanId")
    return {
        "name": span["name"],
        "span_id": span["spanId"],
        "parent_span_id": parent,
        "parent_name": names.get(parent or ""),
        "status_code": span["status"]["code"],
        "status_message": span["status"].get("message"),
        "start_time_unix_nano": span["startTimeUnixNano"],
        "end_time_unix_nano": span["endTimeUnixNano"],
        "events": [event["name"] for event in span["events"]],
    }


def main() -> None:
    for name, (command, packages, notes, facts) in RUNS.items():
        request = record(command)
        capture = {
            "client": " + ".join(map(version, (*packages, *OPENTELEMETRY))),
            "request": request,
            "notes": notes,
            "expected": {**facts, "otlp": structure(request["body"])},
        }
        text = json.dumps(capture, indent=2, ensure_ascii=False) + "\n"
        (CAPTURES / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
