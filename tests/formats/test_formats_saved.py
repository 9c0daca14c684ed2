"""Requests kept in files: every form that is read, and faults that stop nothing else."""

import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracedesk.formats.saved import SavedFault, SavedRequest, saved_requests

BODY = {"spans": [{"span_id": "a", "name": "Front desk"}]}
OTLP = {"resourceSpans": []}


def write(path: Path, content: Any) -> Path:
    """A file holding bytes as they are, text, or anything else as JSON."""
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    path.write_bytes(content)
    return path


def one(path: Path, **options: Any) -> SavedRequest:
    (found,) = saved_requests(path, **options)
    assert isinstance(found, SavedRequest), found
    return found


def fault(path: Path, **options: Any) -> SavedFault:
    (found,) = saved_requests(path, **options)
    assert isinstance(found, SavedFault), found
    return found


def test_a_saved_request_keeps_method_path_and_headers(tmp_path: Path) -> None:
    headers = {"X-Request-Id": "chat-7", "content-type": "application/json; charset=utf-8"}
    request = {"method": "POST", "path": "/traces", "headers": headers, "body": BODY}
    found = one(write(tmp_path / "a.json", {"client": "curl", "request": request}))
    assert (found.method, found.path) == ("POST", "/traces")
    assert found.header("x-request-id") == "chat-7"
    assert found.content_type == "application/json; charset=utf-8"
    assert json.loads(found.body) == BODY
    assert (found.source, found.line) == ((tmp_path / "a.json").as_posix(), None)


def test_keys_and_descriptions_of_the_wire_bytes_stay_in_the_file(tmp_path: Path) -> None:
    headers = {
        "X-Api-Key": "mibo_x",
        "Authorization": "Bearer x",
        "Cookie": "x",
        "Content-Length": "7",
        "Content-Encoding": "identity",
        "Host": "desk.local",
        "User-Agent": "probe",
    }
    found = one(write(tmp_path / "a.json", {"request": {"headers": headers, "body": BODY}}))
    assert found.headers == {"User-Agent": "probe"}


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [(None, bytes), ("identity", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)],
)
def test_base64_bodies_are_inflated_as_their_header_says(
    tmp_path: Path, encoding: str | None, pack: Any
) -> None:
    headers = {"Content-Type": "application/x-protobuf"}
    if encoding:
        headers["Content-Encoding"] = encoding
    wire = base64.b64encode(pack(b"\x0a\x00")).decode()
    found = one(write(tmp_path / "a.json", {"request": {"headers": headers, "body_base64": wire}}))
    assert found.body == b"\x0a\x00"
    assert found.headers == {"Content-Type": "application/x-protobuf"}


def test_json_bodies_keep_their_very_bytes(tmp_path: Path) -> None:
    text = '{"spans": [{"span_id":"1",  "name":"n", "attributes":{"n":9007199254740993}}]}'
    assert one(write(tmp_path / "a.json", text)).body.decode() == text
    wrapped = '{"request": {"body": ' + text + "}}"
    assert one(write(tmp_path / "b.json", wrapped)).body.decode() == text
    as_text = {"request": {"body": text}}
    assert one(write(tmp_path / "c.json", as_text)).body.decode() == text


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (BODY, "/public/traces"),
        ({"data": {"text": "hello"}}, "/public/traces"),
        (OTLP, "/v1/traces"),
        ({"resource_spans": []}, "/v1/traces"),
    ],
)
def test_bare_bodies(tmp_path: Path, body: Any, path: str) -> None:
    found = one(write(tmp_path / "a.json", "\ufeff" + json.dumps(body, indent=2)))
    assert (found.method, found.path, found.content_type) == ("POST", path, "application/json")
    assert json.loads(found.body) == body


def test_several_requests_come_in_their_order(tmp_path: Path) -> None:
    parts = [{"path": f"/{n}", "body": BODY} for n in range(3)]
    found = list(saved_requests(write(tmp_path / "a.json", {"requests": parts})))
    assert [f.path for f in found if isinstance(f, SavedRequest)] == ["/0", "/1", "/2"]


def test_a_list_mixes_bodies_and_saved_requests(tmp_path: Path) -> None:
    entries = [BODY, 5, {"request": {"body": OTLP}}, {"cases": []}, {"other": 1}]
    found = list(saved_requests(write(tmp_path / "a.json", entries)))
    assert [type(f).__name__ for f in found] == [
        "SavedRequest",
        "SavedFault",
        "SavedRequest",
        "SavedFault",
        "SavedFault",
    ]
    assert "[1]" in str(found[1])
    assert "[4]" in str(found[4])


def test_a_flowise_answer_becomes_the_data_that_is_pushed(tmp_path: Path) -> None:
    answer = {"text": "It is open.", "chatId": "c-1"}
    capture = {
        "request": {"path": "/api/v1/prediction/flow-1", "body": {"question": "Open?"}},
        "response": {"status": 200, "body": answer},
    }
    found = one(write(tmp_path / "a.json", capture))
    assert json.loads(found.body) == {"data": answer}
    assert found.path == "/public/traces"


def test_the_answer_of_this_endpoint_is_not_taken_for_a_trace(tmp_path: Path) -> None:
    capture = {"request": {"body": BODY}, "response": {"status": 201, "body": {"success": True}}}
    assert json.loads(one(write(tmp_path / "a.json", capture)).body) == BODY


def test_an_n8n_execution_becomes_the_data_that_is_pushed(tmp_path: Path) -> None:
    execution = {"id": "16", "data": {"resultData": {"runData": {}}}}
    request = {"method": "GET", "path": "/api/v1/executions/16", "response_body": execution}
    found = one(write(tmp_path / "a.json", {"request": request}))
    assert json.loads(found.body) == {"data": execution}
    assert found.method == "POST"


@pytest.mark.parametrize("name", ["traces.jsonl", "traces.ndjson", "traces.json"])
def test_lines_are_numbered_and_blank_ones_passed_over(tmp_path: Path, name: str) -> None:
    lines = [json.dumps(BODY), "", json.dumps({"request": {"body": OTLP}}), json.dumps(OTLP)]
    found = list(saved_requests(write(tmp_path / name, "\n".join(lines))))
    assert [(f.line, f.path) for f in found if isinstance(f, SavedRequest)] == [
        (1, "/public/traces"),
        (3, "/public/traces"),
        (4, "/v1/traces"),
    ]


def test_a_broken_line_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    text = "\n".join([json.dumps(BODY), '{"spans": [', '"text"', "{}", json.dumps(OTLP)])
    found = list(saved_requests(write(tmp_path / "a.jsonl", text)))
    assert [(f.line, type(f) is SavedFault) for f in found] == [
        (1, False),
        (2, True),
        (3, True),
        (4, True),
        (5, False),
    ]
    assert str(found[1]).startswith(f"{(tmp_path / 'a.jsonl').as_posix()}:2: not JSON")


def test_protobuf_files(tmp_path: Path) -> None:
    message = b"\x0a{" + b" " * 123  # a field whose length byte looks like JSON
    for name in ("a.pb", "b.bin"):
        found = one(write(tmp_path / name, message))
        assert (found.path, found.content_type, found.body) == (
            "/v1/traces",
            "application/x-protobuf",
            message,
        )
    assert one(write(tmp_path / "json.bin", BODY)).content_type == "application/json"


def test_gzip_is_seen_whatever_the_name(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(BODY).encode())
    assert one(write(tmp_path / "a.json.gz", packed)).path == "/public/traces"
    assert one(write(tmp_path / "b.json", packed)).path == "/public/traces"
    lines = gzip.compress(f"{json.dumps(BODY)}\n{json.dumps(OTLP)}\n".encode())
    assert len(list(saved_requests(write(tmp_path / "c.jsonl.gz", lines)))) == 2
    assert one(write(tmp_path / "d.pb.gz", gzip.compress(b"\x0a\x00"))).body == b"\x0a\x00"


def test_a_folder_is_read_in_order_without_what_is_no_trace(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".tracedesk").mkdir()
    for name in ("z.json", "b/2.jsonl", "b/1.json", ".tracedesk/x.json", ".hidden.json"):
        write(tmp_path / name, BODY)
    write(tmp_path / "README.md", "# Traces")
    write(tmp_path / "cases.json", {"cases": []})
    found = [Path(f.source).relative_to(tmp_path).as_posix() for f in saved_requests(tmp_path)]
    assert found == ["z.json", "b/1.json", "b/2.jsonl"]


def test_a_folder_without_traces_says_so(tmp_path: Path) -> None:
    write(tmp_path / "README.md", "# Traces")
    assert "no trace file" in fault(tmp_path).message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "", "the file is empty"),
        ("a.jsonl", "", "the file is empty"),
        ("a.pb", "", "the body is empty"),
        ("a.json", "{", "not JSON"),
        ("a.json", "hello", "not JSON"),
        ("a.json", "7", "unexpected shape"),
        ("a.json", {"hello": 1}, "neither a trace nor a saved request"),
        ("a.json", {"cases": [{}]}, "pass it as --cases"),
        ("a.json", {"request": {"path": "/x"}}, "request: neither body nor body_base64"),
        ("a.json", {"request": {"body_base64": "%"}}, "request: body_base64 is not base64"),
        ("a.json", {"request": {"body_base64": ""}}, "request: the body is empty"),
        ("a.json", {"request": 4}, "request: unexpected shape"),
        ("a.json", {"requests": [{"body": BODY, "method": 4}]}, "requests[0]: unexpected shape"),
        ("a.json", {"requests": {}}, "unexpected shape"),
        ("a.json", {"request": {"response_body": "log"}}, "not a JSON object"),
        ("a.json", '{"spans":' + "[" * 100_000, "nested too deep"),
        ("a.json.gz", gzip.compress(b'{"spans":[]}', mtime=0)[:-9], "damaged gzip"),
    ],
)
def test_faults(tmp_path: Path, name: str, content: Any, message: str) -> None:
    assert message in fault(write(tmp_path / name, content)).message


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_bodies_that_are_not_what_their_encoding_says(tmp_path: Path, encoding: str) -> None:
    request = {"headers": {"Content-Encoding": encoding}, "body_base64": "AAAA"}
    assert encoding in fault(write(tmp_path / "a.json", {"request": request})).message


def test_the_line_of_a_syntax_error(tmp_path: Path) -> None:
    assert fault(write(tmp_path / "a.json", '{\n "spans": [\n  }\n')).line == 3


def test_a_missing_file(tmp_path: Path) -> None:
    assert "No such file" in fault(tmp_path / "none.json").message


def test_bodies_are_bounded_while_they_are_inflated(tmp_path: Path) -> None:
    bomb = base64.b64encode(gzip.compress(b" " * 1_000_000)).decode()
    request = {"headers": {"Content-Encoding": "gzip"}, "body_base64": bomb}
    path = write(tmp_path / "a.json", {"request": request})
    assert "the body is larger than" in fault(path, max_body=2_000).message
    packed = write(tmp_path / "b.json.gz", gzip.compress(b'{"spans":[' + b" " * 1_000_000))
    assert "the file is larger than" in fault(packed, max_body=2_000).message


def test_lines_are_read_however_large_the_file_is(tmp_path: Path) -> None:
    line = json.dumps(BODY)
    text = "\n".join([*[line] * 200, "x" * 9_000, *[line] * 200])
    for name in ("a.jsonl", "a.json"):
        found = list(saved_requests(write(tmp_path / name, text), max_body=1_000))
        assert len(found) == 401
        faults = [f for f in found if isinstance(f, SavedFault)]
        assert [(f.line, f.message[:18]) for f in faults] == [(201, "the line is larger")]


@given(content=st.binary(max_size=200), name=st.sampled_from(["a.json", "a.jsonl", "a.pb"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_no_bytes_raise(tmp_path: Path, content: bytes, name: str) -> None:
    assert list(saved_requests(write(tmp_path / name, content)))
    assert list(saved_requests(write(tmp_path / name, b"\x1f\x8b" + content)))


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["request", "requests", "response", "body", "body_base64", "headers", "spans"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_no_shape_raises(tmp_path: Path, value: Any) -> None:
    for found in saved_requests(write(tmp_path / "a.json", value)):
        assert isinstance(found, SavedFault) or found.body
