"""A model over HTTP on loopback: ``/v1/chat/completions`` as OpenAI serves it, plain and
streamed. It asks for the tool, and answers once a tool has.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import weather

Json = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    """Answers one request of a conversation."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if request["messages"][-1]["content"] == "":
            self.reply(400, {"error": {"message": "empty message", "type": "invalid_request"}})
            return
        turn = int(any(message["role"] == "tool" for message in request["messages"]))
        given, gave = weather.TOKENS[turn]
        usage = {"prompt_tokens": given, "completion_tokens": gave, "total_tokens": given + gave}
        message: Json = {"role": "assistant", "content": weather.ANSWER}
        if turn == 0:
            arguments = json.dumps(weather.ARGUMENTS)
            function = {"name": weather.TOOL, "arguments": arguments}
            call = {"id": weather.CALL_ID, "type": "function", "function": function}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        reason = "stop" if turn else "tool_calls"
        if request.get("stream"):
            self.stream(message, reason, usage)
        else:
            choice = {"index": 0, "message": message, "finish_reason": reason}
            self.reply(200, completion("chat.completion", choices=[choice], usage=usage))

    def reply(self, status: int, body: Json) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self, message: Json, reason: str, usage: Json) -> None:
        """The message in pieces, as server-sent events; the connection ends with them."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for delta in (*pieces(message), {}):
            choice = {"index": 0, "delta": delta, "finish_reason": None if delta else reason}
            self.event(completion("chat.completion.chunk", choices=[choice]))
        self.event(completion("chat.completion.chunk", choices=[], usage=usage))
        self.wfile.write(b"data: [DONE]\n\n")

    def event(self, body: Json) -> None:
        self.wfile.write(f"data: {json.dumps(body)}\n\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


def pieces(message: Json) -> Iterator[Json]:
    """What the deltas of a streamed message hold."""
    if message["content"] is not None:
        for number, piece in enumerate(message["content"].partition("degrees")):
            yield {"content": piece} if number else {"role": "assistant", "content": piece}
        return
    (call,) = message["tool_calls"]
    arguments = call["function"]["arguments"]
    first = {"index": 0, **call, "function": {**call["function"], "arguments": arguments[:7]}}
    yield {"role": "assistant", "content": None, "tool_calls": [first]}
    yield {"tool_calls": [{"index": 0, "function": {"arguments": arguments[7:]}}]}


def completion(kind: str, **fields: Any) -> Json:
    """A completion or a chunk of one."""
    model = "gpt-4o-mini-2024-07-18"
    return {"id": "chatcmpl-5821", "object": kind, "created": 1780000000, "model": model, **fields}


@contextmanager
def serving() -> Iterator[str]:
    """Runs on a free port for as long as the context; yields the base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
