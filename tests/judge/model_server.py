"""An OpenAI-compatible server on loopback that answers as a test tells it to."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tracedesk.judge.judge import AskingJudge
from tracedesk.model.judgement import Answer, Pending, Question

Behaviour = Callable[["Request"], None]


class Request:
    """One call: what was sent, and ways to answer it."""

    def __init__(
        self, server: "ModelServer", handler: BaseHTTPRequestHandler, body: dict[str, Any]
    ) -> None:
        self._server = server
        self._handler = handler
        self.body = body
        self.headers = {name.lower(): value for name, value in handler.headers.items()}

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])

    def send(self, status: int, payload: Any, **headers: str) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", "application/json")
        self._handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()
        self._handler.wfile.write(data)

    def server_is_closing(self, within_s: float) -> bool:
        """Wait so long for the end of the test."""
        return self._server.released.wait(within_s)

    def raw(self, *parts: bytes) -> None:
        """Send these bytes and nothing else, and hang up."""
        for part in parts:
            self._handler.wfile.write(part)
        self._handler.close_connection = True

    def message(self, message: dict[str, Any], **changed: Any) -> None:
        completion = {
            "id": "c-1",
            "object": "chat.completion",
            "created": 1,
            "model": "small",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
        }
        self.send(200, {**completion, **changed})

    def call_tool(self, arguments: Any, **changed: Any) -> None:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call = {
            "id": "t-1",
            "type": "function",
            "function": {"name": "judgement", "arguments": text},
        }
        self.message({"role": "assistant", "content": None, "tool_calls": [call]}, **changed)

    def say(self, text: str) -> None:
        self.message({"role": "assistant", "content": text})


def answers(score: float, rationale: str = "it does", *quotes: str) -> Behaviour:
    told = {"score": score, "rationale": rationale, "evidence": list(quotes)}
    return lambda request: request.call_tool(told)


class ModelServer:
    """Does what ``behaviours`` say, one a call, the last one for ever."""

    def __init__(self) -> None:
        self.behaviours: list[Behaviour] = [answers(0.9)]
        self.requests: list[Request] = []
        self.released = threading.Event()
        """Lets calls go that hang."""
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                request = Request(server, self, json.loads(self.rfile.read(size)))
                try:
                    server.take(request)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def take(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            chosen = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        try:
            chosen(request)
        finally:
            with self._lock:
                self._at_once -= 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def hang(self, request: Request) -> None:
        """Answer only when the test is over."""
        self.released.wait(30)

    def close(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()


def asked(text: str = "Berth 3 is free until nine.", **fields: Any) -> Question:
    return Question(criteria=fields.pop("criteria", "Names the berth"), text=text, **fields)


def answer_to(judge: AskingJudge, question: Question | None = None) -> Answer:
    """Ask, wait, and take the answer."""
    question = question or asked()
    first = judge.judgement(question)
    if not isinstance(first, Pending):
        return first
    assert judge.wait(20), "no answer came"
    return judge.judgement(question)
