"""An endpoint on a free port over a new store, and the shortest way to call it."""

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tracedesk.endpoint.app import EndpointSettings, make_app
from tracedesk.endpoint.keys import create_key
from tracedesk.endpoint.server import Server
from tracedesk.model.agent import LOCAL_AGENT, Agent
from tracedesk.store import Store


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
        """One request; a body that is not bytes is sent as JSON. ``x_api_key=…`` is a header."""
        made = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
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
        return Answer(reply.status, decoded, {k.lower(): v for k, v in reply.getheaders()})

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
            lambda row: {"id": row.id, "name": row.name},
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
