"""``tracedesk import``: what is stored, what is named as bad, and the exit status."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tracedesk.cli import cli
from tracedesk.model.agent import LOCAL_AGENT_ID
from tracedesk.store.database import Store
from tracedesk.store.rows import StoredRequest, TraceRow

Run = Callable[..., Result]

BODY = {"spans": [{"span_id": "a", "name": "Ferry Desk"}]}
TRACE_ID = "5b8efff798038103d269b633813fc60c"


def otlp(span_id: str, name: str, parent: str = "", service: str = "ferry") -> dict[str, Any]:
    span = {"traceId": TRACE_ID, "spanId": span_id, "parentSpanId": parent, "name": name}
    attributes = [{"key": "service.name", "value": {"stringValue": service}}]
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span]}]}
        ]
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "desk").mkdir()
    return tmp_path / "desk"


@pytest.fixture
def run(root: Path) -> Run:
    def invoke(*arguments: str | Path) -> Result:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(cli, ["import", *words, "--workspace", str(root)])

    return invoke


def rows(root: Path) -> list[TraceRow]:
    """Everything stored, in order of arrival."""
    with Store.open(root / ".tracedesk" / "traces.db") as store:
        return store.rows(newest_first=False, limit=1_000)


def requests(root: Path, trace_id: str) -> list[StoredRequest]:
    with Store.open(root / ".tracedesk" / "traces.db") as store:
        return store.requests(trace_id)


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_body_is_stored(tmp_path: Path, root: Path, run: Run) -> None:
    result = run(write(tmp_path / "a.json", BODY))
    assert result.exit_code == 0
    assert result.stdout == "1 trace stored from 1 request\n"
    assert result.stderr == "", "no progress but to a terminal"
    (row,) = rows(root)
    assert (row.name, row.agent_id) == ("Ferry Desk", LOCAL_AGENT_ID)


def test_a_saved_request_is_stored_as_it_was_sent(tmp_path: Path, root: Path, run: Run) -> None:
    headers = {"x-request-id": "chat-7", "user-agent": "probe", "x-api-key": "mibo_secret"}
    run(write(tmp_path / "a.json", {"request": {"headers": headers, "body": BODY}}))
    (row,) = rows(root)
    assert row.external_id == "chat-7"
    (request,) = requests(root, row.id)
    assert {k.lower(): v for k, v in request.headers.items()}["user-agent"] == "probe"
    assert "mibo_secret" not in str(request)
    assert json.loads(request.body) == BODY


def test_importing_twice_replaces_what_has_an_identity(
    tmp_path: Path, root: Path, run: Run
) -> None:
    path = write(
        tmp_path / "a.json", {"request": {"headers": {"x-request-id": "chat-7"}, "body": BODY}}
    )
    run(path)
    assert run(path).stdout == "1 trace stored from 1 request, 1 of them known before\n"
    (row,) = rows(root)
    assert row.revision == 2


def test_lines_become_one_trace_each_and_parts_come_together(
    tmp_path: Path, root: Path, run: Run
) -> None:
    lines = [otlp("00000000000000aa", "child", "00000000000000bb"), BODY]
    lines.append(otlp("00000000000000bb", "root"))
    path = tmp_path / "traces.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    assert run(path).stdout == "2 traces stored from 3 requests\n"
    assert [(row.span_count, row.name) for row in rows(root)] == [(2, "root"), (1, "Ferry Desk")]


def test_what_is_bad_is_named_and_the_rest_is_stored(tmp_path: Path, root: Path, run: Run) -> None:
    good = json.dumps(BODY)
    lines = write(tmp_path / "a.jsonl", f'{good}\n{{"spans": [}}\n{{"spans": []}}\n{good}\n')
    several = {"requests": [{"body": BODY}, {"body": {"spans": [{"span_id": "a"}]}}]}
    result = run(
        lines,
        write(tmp_path / "b.json", several),
        tmp_path / "none.json",
        write(tmp_path / "c.json", BODY),
    )
    assert result.exit_code == 2
    assert len(rows(root)) == 4
    first, second, third, fourth = result.stderr.splitlines()
    assert first.startswith(f"tracedesk: {tmp_path}/a.jsonl:2: not JSON")
    assert second.startswith(f"tracedesk: {tmp_path}/a.jsonl:3: spans")
    assert third == f"tracedesk: {tmp_path}/b.json: requests[1]: spans[0].name is required"
    assert fourth == f"tracedesk: {tmp_path}/none.json: cannot be read: No such file or directory"
    assert result.stdout == "4 traces stored from 4 requests; 4 faults, named above\n"


def test_json_summary(tmp_path: Path, root: Path, run: Run) -> None:
    result = run(write(tmp_path / "a.jsonl", f"{json.dumps(BODY)}\nno\n"), "--json")
    found = json.loads(result.stdout)
    (row,) = rows(root)
    path = (tmp_path / "a.jsonl").as_posix()
    assert found["summary"] == {"requests": 1, "traces": 1, "created": 1, "faults": 1}
    assert found["traces"] == [
        {
            "id": row.id,
            "externalId": None,
            "file": path,
            "line": 1,
            "created": True,
            "revision": 1,
        }
    ]
    (fault,) = found["faults"]
    assert (fault["file"], fault["line"]) == (path, 2)


AGENTS = """\
[[agents]]
name = "ferry"
otlp_service_name = "ferry"

[[agents]]
name = "harbour"
"""


def test_agents_are_found_as_at_the_endpoint_unless_one_is_named(
    tmp_path: Path, root: Path, run: Run
) -> None:
    (root / "tracedesk.toml").write_text(AGENTS)
    path = write(tmp_path / "a.json", otlp("00000000000000aa", "root"))
    run(path)
    run(path, "--agent", "harbour")
    assert len({row.agent_id for row in rows(root)}) == 2
    other = {**BODY, "platformId": "5f0f7c1e-6b55-4b87-8b0b-1f2f3f4f5f6f"}
    assert run(write(tmp_path / "b.json", other), "--agent", "harbour").exit_code == 0
    assert rows(root)[-1].agent_id == rows(root)[1].agent_id
    result = run(path, "--agent", "airport")
    assert result.exit_code == 2
    assert "no agent 'airport' here; there is ferry, harbour" in result.stderr


def test_an_external_id_that_is_too_long(tmp_path: Path, root: Path, run: Run) -> None:
    request = {"headers": {"X-Request-Id": "x" * 256}, "body": BODY}
    result = run(write(tmp_path / "a.json", {"request": request}))
    assert result.exit_code == 2
    assert "x-request-id is longer than 255 characters" in result.stderr
    assert rows(root) == []


def test_many_small_and_large_ones_keep_their_order(tmp_path: Path, root: Path, run: Run) -> None:
    """A large body is read in a thread; what comes after it must not overtake it."""
    lines = []
    for number in range(300):
        text = "x" * 400_000 if number % 100 == 50 else "x"
        span = {"span_id": "a", "name": str(number), "attributes": {"gen_ai.response.text": text}}
        lines.append(json.dumps({"spans": [span]}))
    assert run(write(tmp_path / "a.jsonl", "\n".join(lines))).exit_code == 0
    assert [row.name for row in rows(root)] == [str(number) for number in range(300)]


def test_a_database_that_cannot_be_opened_is_said_in_one_line(
    tmp_path: Path, root: Path, run: Run
) -> None:
    (root / ".tracedesk").mkdir()
    (root / ".tracedesk" / "traces.db").write_bytes(b"not a database, surely" * 100)
    result = run(write(tmp_path / "a.json", BODY))
    assert result.exit_code == 2
    assert "traces.db" in result.stderr
    assert result.stdout == ""


def test_saved_logs_join_their_spans(run: Run, root: Path, tmp_path: Path):
    record = {"traceId": TRACE_ID, "spanId": "a" * 16, "eventName": "gen_ai.choice"}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    saved = {"request": {"method": "POST", "path": "/v1/logs", "headers": {}, "body": logs}}
    first = write(tmp_path / "1.json", saved)
    second = write(tmp_path / "2.json", otlp("a" * 16, "chat"))
    assert run(first, second).exit_code == 0
    (row,) = rows(root)
    assert (row.name, row.span_count) == ("chat", 1)
    assert [request.path for request in requests(root, row.id)] == ["/v1/logs", "/v1/traces"]


def test_log_records_join_the_trace_they_belong_to(root: Path, tmp_path: Path) -> None:
    """A recording holds the other signals of its run; a collector writes bare bodies."""
    capture = Path(__file__).parents[1] / "data" / "captures" / "otel-openai-v2.json"
    CliRunner().invoke(cli, ["import", str(capture), "--workspace", str(root)])
    shown = CliRunner().invoke(cli, ["show", "last", "--json", "--workspace", str(root)])
    reading = json.loads(shown.stdout)["reading"]
    assert reading["response"]["text"] == "It is 19 degrees celsius and sunny in Lisbon."

    trace_id, span_id = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
    span = {"traceId": trace_id, "spanId": span_id, "name": "chat"}
    record = {
        "traceId": trace_id,
        "spanId": span_id,
        "eventName": "gen_ai.user.message",
        "body": {
            "kvlistValue": {
                "values": [{"key": "content", "value": {"stringValue": "Is berth 3 free?"}}]
            }
        },
    }
    lines = tmp_path / "collector.jsonl"
    lines.write_text(
        json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
        + "\n"
        + json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    )
    CliRunner().invoke(cli, ["import", str(lines), "--workspace", str(root)])
    shown = CliRunner().invoke(cli, ["show", trace_id, "--json", "--workspace", str(root)])
    assert json.loads(shown.stdout)["reading"]["input"]["text"] == "Is berth 3 free?"
