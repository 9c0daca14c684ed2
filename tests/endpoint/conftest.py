"""An endpoint on a free port over a new store, and the shortest way to call it."""

import http.client
import json
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import jsonschema
import pytest

from tracedesk.document import trace_document
from tracedesk.endpoint.app import EndpointSettings, make_app
from tracedesk.endpoint.keys import create_key
from tracedesk.endpoint.openapi import document
from tracedesk.endpoint.server import Server
from tracedesk.evaluation.load import load_trace
from tracedesk.model.agent import LOCAL_AGENT, Agent
from tracedesk.model.tree import SpanTree
from tracedesk.store import Store
from tracedesk.store.rows import TraceRow

sys.path.insert(0, str(Path(__file__).parent))


class Answer(NamedTuple):
    """A reply as a client sees it."""

    status: int
    body: Any
    """Decoded JSON, or bytes when it is none."""
    headers: dict[str, str]

    @property
    def code(self) -> str:
        code: str = self.body["error"]["code"]
        return code

    @property
    def message(self) -> str:
        message: str = self.body["error"]["message"]
        return message


OPENAPI = document(strict=False, keys_demanded=True)


@cache
def validator(place: str) -> jsonschema.Draft202012Validator:
    """Checks a value against the schema at a JSON pointer of the document."""
    schema = {"$ref": f"#{place}", "components": OPENAPI["components"], "paths": OPENAPI["paths"]}
    return jsonschema.Draft202012Validator(schema)


def check_reply(method: str, target: str, answer: Answer) -> None:
    """Fail unless the OpenAPI document tells of this reply: status, content type, schema."""
    path = target.partition("?")[0].rstrip("/")
    if path.startswith("/public/traces/"):
        path = "/public/traces/{traceId}"
    operation = OPENAPI["paths"].get(path, {}).get(method.lower())
    if operation is None:
        assert answer.status in (400, 403, 404, 405), f"{method} {path} is not documented"
        found = f"/components/responses/E{answer.status}"
    else:
        assert str(answer.status) in operation["responses"], f"{answer.status} is not documented"
        found = f"/paths/{pointer(path)}/{method.lower()}/responses/{answer.status}"
        found = operation["responses"][str(answer.status)].get("$ref", f"#{found}")[1:]
    kind = answer.headers["content-type"]
    if kind == "application/x-protobuf":
        assert kind in operation["responses"]["200"]["content"]
    elif method != "HEAD":
        validator(f"{found}/content/{pointer(kind)}/schema").validate(answer.body)


def pointer(step: str) -> str:
    """A key as a step of a JSON pointer in a URL fragment."""
    return quote(step.replace("~", "~0").replace("/", "~1"), safe="~")


def described(store: Store, row: TraceRow, agent: Agent) -> dict[str, Any]:
    """The document of a trace as a desk without test cases gives it."""
    loaded = load_trace(store, row, agent)
    spans = loaded.trace.spans
    tree = SpanTree.build(
        [span.span_id for span in spans],
        [span.parent_id for span in spans],
        [span.start_ns for span in spans],
    )
    return trace_document(row, loaded.trace, tree, loaded.reading, agent.name, None)


class Endpoint:
    """A running endpoint."""

    def __init__(self, server: Server, store: Store, agents: list[Agent]) -> None:
        self.server = server
        self.store = store
        self.agents = agents
        self.port = server.port

    def call(
        self, method: str, path: str, body: Any = None, connection: Any = None, **headers: str
    ) -> Answer:
        """One request; a body that is not bytes is sent as JSON. ``x_api_key=…`` is a header.
        The reply is held to the endpoint's own OpenAPI document."""
        made = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not any(name.lower() == "content-type" for name in sent):
            sent["content-type"] = "application/json"
        try:
            made.request(method, path, data, sent)
            reply = made.getresponse()
            text = reply.read()
        finally:
            if connection is None:
                made.close()
        try:
            decoded = json.loads(text)
        except ValueError:
            decoded = text
        answer = Answer(reply.status, decoded, {k.lower(): v for k, v in reply.getheaders()})
        check_reply(method, path, answer)
        return answer

    def post(self, body: Any, path: str = "/public/traces", **headers: str) -> Answer:
        return self.call("POST", path, body, **headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def key(self, *agent_ids: str) -> str:
        """A new key for these agents, none = all."""
        return create_key(self.store, "test", agent_ids)[1]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Endpoint]]:
    """Start an endpoint with these agents and settings; all are stopped at the end."""
    running: list[Endpoint] = []

    def start(*agents: Agent, **settings: Any) -> Endpoint:
        known = list(agents) or [LOCAL_AGENT]
        store = Store.open(tmp_path / f"{len(running)}.db")
        app = make_app(
            EndpointSettings(**settings),
            store,
            lambda: {agent.id: agent for agent in known},
            lambda row: described(store, row, {agent.id: agent for agent in known}[row.agent_id]),
        )
        server = Server(app)
        server.bind("127.0.0.1", 0)
        server.start()
        running.append(Endpoint(server, store, known))
        return running[-1]

    yield start
    for endpoint in running:
        endpoint.server.stop()
        endpoint.store.close()


@pytest.fixture
def endpoint(serve: Callable[..., Endpoint]) -> Endpoint:
    """An endpoint as it is on a developer's machine: one agent, no key needed."""
    return serve()
