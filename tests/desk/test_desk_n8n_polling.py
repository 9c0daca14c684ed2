"""n8n's executions polled: each becomes a trace once, whatever n8n or the desk go through."""

import json
import stat
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tracedesk.endpoint.settings import EndpointSettings
from tracedesk.model.agent import Agent, N8nApi
from tracedesk.n8n_polling.api import retry_after
from tracedesk.n8n_polling.look import FIRST_TAKEN
from tracedesk.n8n_polling.poller import LONGEST_WAIT_S, Polling
from tracedesk.store import Store

AGENT_ID = "6b1d9f04-2c7e-4a35-9d80-f3e51c0a7b62"
KEY = "n8n_api_secret"
Until = Callable[[Callable[[], Any]], Any]


class N8n(ThreadingHTTPServer):
    """The executions part of n8n's public API, over a list of executions."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.executions: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.broken: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        """Path → what is answered instead; ``*`` for all."""
        self.page_size = 100
        self.answering = threading.Event()
        self.answering.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/v1"

    def add(self, number: int, status: str = "success", workflow: str = "w1") -> dict[str, Any]:
        """A new execution, the newest one."""
        items = [{"json": {"text": f"answer {number}"}}]
        run = {
            "startTime": 1_780_000_000_000 + number,
            "executionTime": 5,
            "data": {"main": [items]},
        }
        execution = {
            "id": str(number), "status": status, "finished": status == "success",
            "workflowId": workflow, "startedAt": f"2026-06-01T10:00:00.{number:03d}Z",
            "stoppedAt": None if status == "running" else f"2026-06-01T10:00:01.{number:03d}Z",
            "workflowData": {"id": workflow, "name": "Ferry", "nodes": [
                {"name": "Answer", "type": "n8n-nodes-base.set"}]},
            "data": {"resultData": {"runData": {"Answer": [run]}}},
        }  # fmt: skip
        self.executions.insert(0, execution)
        return execution

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path == "/api/v1/executions":
            wanted = query.get("workflowId")
            fitting = [e for e in self.executions if wanted in (None, e["workflowId"])]
            at = int(query.get("cursor", 0))
            end = at + min(int(query["limit"]), self.page_size)
            data = [{k: v for k, v in e.items() if k != "data"} for e in fitting[at:end]]
            return 200, {"data": data, "nextCursor": str(end) if end < len(fitting) else None}
        name = path.removeprefix("/api/v1/executions/")
        for execution in self.executions:
            if execution["id"] == name:
                with_data = query.get("includeData") == "true"
                return 200, {k: v for k, v in execution.items() if with_data or k != "data"}
        return 404, {"message": "Not Found"}


class Handler(BaseHTTPRequestHandler):
    server: N8n

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append(parts.path.removeprefix("/api/v1"))
        self.server.answering.wait(20)
        broken = self.server.broken.get(parts.path) or self.server.broken.get("*")
        if broken:
            return self.reply(*broken)
        if self.headers.get("X-N8N-API-KEY") != KEY:
            return self.reply(401, b'{"message":"unauthorized"}', {})
        status, document = self.server.answer(parts.path, query)
        return self.reply(status, json.dumps(document).encode(), {})

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        told = {"content-type": "application/json", "content-length": str(len(body)), **headers}
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def n8n(monkeypatch: pytest.MonkeyPatch) -> Iterator[N8n]:
    monkeypatch.setenv("N8N_API_KEY", KEY)
    server = N8n()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.answering.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Polled:
    """A store that is filled by polling, many times a second."""

    def __init__(self, folder: Path, url: str, **fields: Any) -> None:
        self.store = Store.open(folder / "traces.db")
        self.said: list[str] = []
        every_s = fields.pop("every_s", 0.02)
        name = fields.pop("api_key_env", "N8N_API_KEY")
        settings = EndpointSettings(strict_canonical=True, **fields.pop("settings", {}))
        agent = Agent(id=AGENT_ID, name="ferry", n8n=N8nApi(url, name, every_s), **fields)
        self.polling = Polling([agent], self.store, settings, folder, self.said.append)
        self.polling.start()

    @property
    def ids(self) -> list[str | None]:
        """External ids in the order they were stored."""
        rows = self.store.rows(newest_first=False, limit=1_000)
        assert all(row.revision == 1 for row in rows), "each of them once"
        return [row.external_id for row in rows]

    def stop(self) -> None:
        self.polling.stop()
        self.store.close()


@pytest.fixture
def poll(tmp_path: Path) -> Iterator[Callable[..., Polled]]:
    running: list[Polled] = []

    def start(url: str, **fields: Any) -> Polled:
        running.append(Polled(tmp_path, url, **fields))
        return running[-1]

    yield start
    for polled in running:
        polled.stop()


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


def looked_again(n8n: N8n, until: Until) -> None:
    """Wait until n8n was listed twice more, so that whatever it had was dealt with."""
    lists = n8n.asked.count("/executions")
    until(lambda: n8n.asked.count("/executions") >= lists + 2)


def test_a_first_look_takes_the_latest_and_then_what_is_new(
    n8n: N8n, poll: Callable[..., Polled], until: Until
) -> None:
    for number in range(1, 31):
        n8n.add(number)
    polled = poll(n8n.url)
    until(lambda: len(polled.ids) == FIRST_TAKEN)
    assert polled.ids == numbers(11, 30), "the latest, oldest first"
    n8n.add(31, "error")
    until(lambda: len(polled.ids) > FIRST_TAKEN)
    looked_again(n8n, until)
    assert polled.ids == numbers(11, 31)
    row = polled.store.rows()[0]
    assert (row.agent_id, row.format, row.routed_by) == (AGENT_ID, "n8n_native", "n8n polling")
    assert row.metadata["workflowName"] == "Ferry"
    assert KEY not in str(polled.store.requests(row.id))


def test_a_backlog_of_many_pages_comes_in_order(
    n8n: N8n, poll: Callable[..., Polled], until: Until
) -> None:
    n8n.add(1)
    first = poll(n8n.url)
    until(lambda: first.ids == ["1"])
    first.stop()
    n8n.page_size = 4
    for number in range(2, 24):
        n8n.add(number)
    second = poll(n8n.url)
    until(lambda: len(second.ids) == 23)
    assert second.ids == numbers(1, 23)


def test_a_restart_goes_on_where_it_was(
    tmp_path: Path, n8n: N8n, poll: Callable[..., Polled], until: Until
) -> None:
    n8n.add(1)
    first = poll(n8n.url)
    until(lambda: first.ids)
    looked_again(n8n, until)
    first.stop()
    kept = tmp_path / f"n8n-{AGENT_ID}.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    asked = len(n8n.asked)
    second = poll(n8n.url)
    looked_again(n8n, until)
    assert "/executions/1" not in n8n.asked[asked:], "its data is not fetched again"
    n8n.add(2)
    until(lambda: second.ids == ["1", "2"])


@pytest.mark.parametrize("content", [None, b"not JSON", b'{"base_url": 7}'])
def test_a_lost_memory_makes_no_trace_twice(
    tmp_path: Path, n8n: N8n, poll: Callable[..., Polled], until: Until, content: bytes | None
) -> None:
    n8n.add(1)
    first = poll(n8n.url)
    until(lambda: first.ids)
    first.stop()
    kept = tmp_path / f"n8n-{AGENT_ID}.json"
    kept.unlink() if content is None else kept.write_bytes(content)
    second = poll(n8n.url)
    n8n.add(2)
    until(lambda: len(second.ids) == 2)
    assert second.ids == ["1", "2"]


@pytest.mark.parametrize("status", ["running", "waiting", "new"])
def test_what_is_not_finished_is_looked_at_again(
    n8n: N8n, poll: Callable[..., Polled], until: Until, status: str
) -> None:
    open_ = n8n.add(1, status)
    n8n.add(2)
    polled = poll(n8n.url)
    until(lambda: polled.ids == ["2"])
    n8n.page_size = 1
    n8n.add(3)
    until(lambda: polled.ids == ["2", "3"])
    open_.update(status="success", stoppedAt="2026-06-01T10:05:00.000Z")
    until(lambda: "1" in polled.ids)
    assert polled.ids == ["2", "3", "1"], "although it was no longer on the first page"


def test_an_older_n8n_tells_no_status(n8n: N8n, poll: Callable[..., Polled], until: Until) -> None:
    for execution in (n8n.add(1), n8n.add(2, "running")):
        del execution["status"]
    polled = poll(n8n.url)
    until(lambda: polled.ids)
    looked_again(n8n, until)
    assert polled.ids == ["1"]


def test_only_the_agents_workflows_are_asked_for(
    n8n: N8n, poll: Callable[..., Polled], until: Until
) -> None:
    for number, workflow in enumerate(("w1", "w2", "w3", "w1"), 1):
        n8n.add(number, workflow=workflow)
    polled = poll(n8n.url, workflow_ids=("w1", "w3"))
    until(lambda: len(polled.ids) == 3)
    assert polled.ids == ["1", "3", "4"]


def test_what_was_pushed_already_is_left_alone(
    tmp_path: Path, n8n: N8n, open_desk: Callable[..., Any], call: Callable[..., Any], until: Until
) -> None:
    (tmp_path / "tracedesk.toml").write_text(
        f'[[agents]]\nname = "ferry"\nn8n = {{ base_url = "{n8n.url}", every_s = 1 }}\n'
    )
    n8n.answering.clear()
    desk = open_desk()
    body = {"spans": [{"span_id": "a", "name": "pushed by the node"}]}
    call(desk, "/public/traces", body, x_request_id="1")
    n8n.add(1)
    n8n.add(2)
    n8n.answering.set()
    until(lambda: desk.store.count() == 2)
    assert sorted((r.external_id, r.name, r.revision) for r in desk.store.rows()) == [
        ("1", "pushed by the node", 1), ("2", "n8n workflow", 1)
    ]  # fmt: skip


def damaged(execution: dict[str, Any], how: str) -> None:
    execution.update({"no data": {"data": None}, "flat": {"data": "[1]"}, "odd": {"data": {}}}[how])


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("no data", "includeData=true"),
        ("flat", "dataFormat=unflatted"),
        ("odd", "has no resultData"),
    ],
)
def test_a_damaged_execution_is_named_and_the_others_are_stored(
    n8n: N8n, poll: Callable[..., Polled], until: Until, how: str, words: str
) -> None:
    n8n.add(1)
    damaged(n8n.add(2), how)
    n8n.add(3)
    polled = poll(n8n.url)
    until(lambda: polled.ids == ["1", "3"])
    assert any("execution 2 was passed over" in t and words in t for t in polled.said)
    looked_again(n8n, until)
    assert n8n.asked.count("/executions/2") == 1, "it is not fetched for ever"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, b"{}", {}), "n8n fails to give it"),
        ((400, b"{}", {}), "n8n fails to give it"),
        ((200, b'{"data": ' + b" " * 5_000 + b"1}", {}), "larger than"),
        ((200, b'{"data": {', {}), "cannot be read"),
        ((200, b"<html>", {"content-type": "text/html"}), "n8n fails to give it"),
        ((404, b"{}", {}), "n8n has it no more"),
    ],
    ids=["500", "400", "large", "cut off", "html", "404"],
)
def test_one_that_n8n_does_not_give_stops_nobody_else(
    n8n: N8n, poll: Callable[..., Polled], until: Until, answer: Any, words: str
) -> None:
    n8n.broken["/api/v1/executions/2"] = answer
    for number in (1, 2, 3):
        n8n.add(number)
    polled = poll(n8n.url, settings={"max_body_bytes": 4_000})
    until(lambda: any("execution 2 was passed over" in told for told in polled.said))
    until(lambda: polled.ids == ["1", "3"])
    assert any(words in told for told in polled.said), polled.said


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, b"{}", {}), "wrong API key (401): put one of n8n's Settings, n8n API, into N8N_API"),
        ((403, b"{}", {}), "may not read executions (403)"),
        ((404, b"{}", {}), "nothing at http://127.0.0.1"),
        ((503, b"{}", {}), "answered 503"),
        ((302, b"", {"location": "/signin"}), "moved to /signin"),
        ((200, b"<html>", {"content-type": "text/html"}), "answered no JSON (text/html)"),
        ((200, b'{"data": 7}', {}), "is no list of executions"),
        ((200, b'{"items": []}', {}), "is no list of executions"),
    ],
)
def test_trouble_is_said_and_over_when_it_is_over(
    n8n: N8n, poll: Callable[..., Polled], until: Until, answer: Any, words: str
) -> None:
    n8n.broken["*"] = answer
    n8n.add(1)
    polled = poll(n8n.url)
    until(lambda: polled.said)
    assert polled.said[0].startswith("n8n of ferry: ")
    assert words in polled.said[0]
    assert KEY not in str(polled.said)
    n8n.broken.clear()
    until(lambda: polled.ids == ["1"])
    until(lambda: polled.said[-1] == "")


def test_an_address_without_the_api_is_helped(
    n8n: N8n, poll: Callable[..., Polled], until: Until
) -> None:
    n8n.broken["*"] = (200, b"<!doctype html>", {"content-type": "text/html"})
    polled = poll(n8n.url.removesuffix("/api/v1"))
    until(lambda: polled.said)
    assert f"base_url ends in /api/v1 as a rule, such as {n8n.url}" in polled.said[0]


def test_nobody_there_and_no_key_are_said(
    poll: Callable[..., Polled], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("N8N_API_KEY", KEY)
    gone = poll("http://127.0.0.1:1/api/v1")
    until(lambda: gone.said)
    assert "cannot be reached" in gone.said[0]
    assert "is n8n running?" in gone.said[0]
    gone.stop()
    unset = poll("http://127.0.0.1:1/api/v1", api_key_env="OTHER_KEY")
    until(lambda: unset.said)
    assert "the environment variable OTHER_KEY is not set" in unset.said[0]
    unset.stop()
    monkeypatch.setenv("OTHER_KEY", "two\nlines")
    odd = poll("http://127.0.0.1:1/api/v1", api_key_env="OTHER_KEY")
    until(lambda: odd.said)
    assert "what the variable OTHER_KEY holds is no API key" in odd.said[0]


def test_waits_grow_up_to_a_limit(tmp_path: Path, n8n: N8n, poll: Callable[..., Polled]) -> None:
    (poller,) = poll(n8n.url, every_s=10.0).polling._pollers
    assert poller._wait_s(0) == 10
    assert 10 <= poller._wait_s(1) <= 20
    assert LONGEST_WAIT_S / 2 <= poller._wait_s(1_000) <= LONGEST_WAIT_S


def test_n8n_is_left_alone_for_as_long_as_it_asks(
    n8n: N8n, poll: Callable[..., Polled], until: Until
) -> None:
    n8n.broken["*"] = (429, b"{}", {"retry-after": "600"})
    polled = poll(n8n.url)
    until(lambda: polled.said)
    assert "too many requests (429)" in polled.said[0]
    n8n.broken.clear()
    assert not threading.Event().wait(0.3)
    assert n8n.asked == ["/executions"], "at its pace it would have been asked 15 times by now"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0), ("7", 7), ("-7", 0), ("soon", 0), ("Thu, 01 Jan 1970 00:01:40 GMT", 90),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0), ("Xxx, 99 Jan 1970", 0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float) -> None:
    assert retry_after(value, now_s=10.0) == seconds


def test_a_stop_waits_for_no_answer(n8n: N8n, poll: Callable[..., Polled], until: Until) -> None:
    n8n.answering.clear()
    polled = poll(n8n.url)
    until(lambda: n8n.asked)
    begun = time.monotonic()
    polled.stop()
    assert time.monotonic() - begun < 1.5


def test_only_the_desk_that_owns_the_endpoint_polls(
    tmp_path: Path, n8n: N8n, open_desk: Callable[..., Any], until: Until
) -> None:
    (tmp_path / "tracedesk.toml").write_text(
        f'[[agents]]\nname = "ferry"\nn8n = {{ base_url = "{n8n.url}" }}\n'
    )
    n8n.add(1)
    owner = open_desk()
    until(lambda: owner.store.count() == 1)
    asked = len(n8n.asked)
    attached = open_desk()
    assert attached.endpoint.state == "attached"
    assert attached._polling is None
    assert len(n8n.asked) == asked


def test_an_attached_desk_polls_and_keeps_within_limits_once_the_owner_ended(
    tmp_path: Path, n8n: N8n, open_desk: Callable[..., Any], until: Until
) -> None:
    api = f'{{ base_url = "{n8n.url}", every_s = 1 }}'
    (tmp_path / "tracedesk.toml").write_text(f'[[agents]]\nname = "ferry"\nn8n = {api}\n')
    n8n.add(1)
    owner, desk = open_desk(), open_desk()
    until(lambda: desk.store.count() == 1)
    n8n.add(2)
    owner.stop()
    until(lambda: desk.store.count() == 2)
    assert desk._keeper is not None


def test_an_agent_that_gets_an_n8n_is_polled_at_once(
    tmp_path: Path, n8n: N8n, open_desk: Callable[..., Any], until: Until
) -> None:
    config = tmp_path / "tracedesk.toml"
    config.write_text('[[agents]]\nname = "ferry"\n')
    n8n.add(1)
    desk = open_desk()
    until(desk._config_watcher.watching.is_set)
    config.write_text(f'[[agents]]\nname = "ferry"\nn8n = {{ base_url = "{n8n.url}" }}\n')
    until(lambda: desk.store.count() == 1)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('{ base_url = "localhost:5678" }', "must begin with http"),
        ('{ base_url = "http://h", every_s = 0 }', "every_s"),
        ('{ base_url = "http://h", every = 5 }', "did you mean 'every_s'?"),
        ('{ base_url = "http://h" }\ntype = "flowise"', "type 'flowise' has no n8n"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, table: str, told: str) -> None:
    from tracedesk.workspace import ConfigError, find_workspace

    (tmp_path / "tracedesk.toml").write_text(f'[[agents]]\nname = "ferry"\nn8n = {table}\n')
    with pytest.raises(ConfigError, match=told.replace("(", r"\(").replace("?", r"\?")):
        find_workspace(tmp_path)
