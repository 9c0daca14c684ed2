"""A reservations agent that reports each run as canonical spans, in one POST.

The model is a script, so a run is the same every time but for ids and times. With
``--slip`` it makes a mistake that its own answer hides: it books today instead of
tomorrow, and passes the party as text.

    python booking_agent.py URL [--slip] [--pace 1.0] [--request-id ID]
"""

import argparse
import json
import secrets
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

MODEL = "gpt-4o-mini"
QUESTION = "A table for 4 tomorrow at 20:00 please, under Ana Ruiz."
INSTRUCTIONS = "You take reservations for Casa Lume. Check before you book."
Json = dict[str, Any]


class Recorder:
    """Collects canonical spans while the agent runs."""

    def __init__(self, pace: float) -> None:
        self.spans: list[Json] = []
        self.pace = pace
        self.open: list[str] = []

    @contextmanager
    def span(self, name: str, seconds: float = 0) -> Iterator[Json]:
        """A span under the innermost open one; yields its attributes, to be filled."""
        span: Json = {
            "span_id": secrets.token_hex(8),
            "parent_span_id": self.open[-1] if self.open else None,
            "name": name,
            "start_time_unix_nano": str(time.time_ns()),
            "attributes": {},
        }
        self.spans.append(span)
        self.open.append(span["span_id"])
        time.sleep(seconds * self.pace)
        yield span["attributes"]
        self.open.pop()
        span["end_time_unix_nano"] = str(time.time_ns())
        span["status"] = {"code": 1}


def script(slip: bool) -> list[Json]:
    """What the model answers, turn by turn."""
    today = datetime.now(UTC).date()
    tomorrow = today + timedelta(days=1)
    wanted: Json = {"date": tomorrow.isoformat(), "time": "20:00", "party": 4}
    booked: Json = {**wanted, "name": "Ana Ruiz"}
    if slip:
        booked |= {"date": today.isoformat(), "party": "4"}
    return [
        {"tool": "check_availability", "arguments": wanted, "tokens": (212, 24), "seconds": 0.62},
        {"tool": "create_booking", "arguments": booked, "tokens": (271, 31), "seconds": 0.71},
        {
            "tool": "notify_guest",
            "arguments": {"channel": "sms"},
            "tokens": (324, 12),
            "seconds": 0.4,
        },
        {
            "text": "Your table for 4 is booked for tomorrow at 20:00, under Ana Ruiz. "
            "Your reference is CL-5821.",
            "tokens": (349, 28),
            "seconds": 0.83,
        },
    ]


TOOLS: dict[str, tuple[float, Json]] = {
    "check_availability": (0.18, {"free": True, "tables": [7, 12]}),
    "create_booking": (0.34, {"status": "confirmed", "reference": "CL-5821", "table": 12}),
    "notify_guest": (0.21, {"queued": True}),
}
"""Seconds each tool takes, and what it returns."""


def message(role: str, text: str) -> Json:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def run(slip: bool, pace: float) -> list[Json]:
    """One conversation; returns its spans."""
    recorder = Recorder(pace)
    asked = [message("system", INSTRUCTIONS), message("user", QUESTION)]
    with recorder.span("Reservations Agent") as root:
        root["gen_ai.operation.name"] = "invoke_agent"
        root["http.response.status_code"] = 200
        root["gen_ai.input.messages"] = asked
        for turn in script(slip):
            with recorder.span(f"chat {MODEL}", turn["seconds"]) as chat:
                chat["gen_ai.operation.name"] = "chat"
                chat["gen_ai.provider.name"] = "openai"
                chat["gen_ai.request.model"] = MODEL
                chat["gen_ai.usage.input_tokens"] = turn["tokens"][0]
                chat["gen_ai.usage.output_tokens"] = turn["tokens"][1]
            if "text" in turn:
                chat["gen_ai.output.messages"] = [message("assistant", turn["text"])]
                root["gen_ai.output.messages"] = chat["gen_ai.output.messages"]
                break
            seconds, result = TOOLS[turn["tool"]]
            with recorder.span(turn["tool"], seconds) as tool:
                tool["gen_ai.operation.name"] = "execute_tool"
                tool["gen_ai.tool.name"] = turn["tool"]
                if turn["tool"] != "notify_guest":  # holds a telephone number: not recorded
                    tool["gen_ai.tool.call.arguments"] = json.dumps(turn["arguments"])
                    tool["gen_ai.tool.call.result"] = json.dumps(result)
    return recorder.spans


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--slip", action="store_true")
    parser.add_argument("--pace", type=float, default=1.0)
    parser.add_argument("--request-id")
    options = parser.parse_args()
    body = {
        "spans": run(options.slip, options.pace),
        "metadata": {"app": "reservations", "environment": "demo", "version": "1.4.2"},
    }
    headers = {"Content-Type": "application/json"}
    if options.request_id:
        headers["x-request-id"] = options.request_id
    request = urllib.request.Request(options.url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        reply.read()


if __name__ == "__main__":
    main()
