"""Secrets leave a request before anything of it is stored, and nothing else does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracedesk.formats.detect import read_body
from tracedesk.formats.errors import FormatError
from tracedesk.formats.redaction.glance import glance
from tracedesk.formats.redaction.requests import Redactor
from tracedesk.formats.redaction.rules import ROOT, Rules, secret_name
from tracedesk.formats.redaction.settings import (
    REDACTED,
    Redaction,
    RedactionSettings,
    path_problem,
)
from tracedesk.formats.redaction.values import Walk
from tracedesk.query import expected

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
PROTOBUF = "application/x-protobuf"
SECRET = "sk-7Qx2VtLw9"


def redactor(*paths: str, automatic: bool = True) -> Redactor:
    return Redactor(RedactionSettings(automatic, paths))


def redacted(body: Any, *paths: str, automatic: bool = True) -> Any:
    """The body, as JSON, after redaction."""
    wire, _ = redactor(*paths, automatic=automatic).body(
        "/public/traces", json.dumps(body).encode(), "application/json"
    )
    return json.loads(wire)


def data(body: dict[str, Any], *paths: str, automatic: bool = True) -> Any:
    """The content of a ``data`` body after redaction."""
    return redacted({"data": body}, *paths, automatic=automatic)["data"]


def test_one_text_stands_for_every_secret() -> None:
    assert REDACTED == expected.REDACTED


# -- names -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "Proxy-Authorization", "Cookie", "set-cookie", "password", "passwd"),
        *("db_password", "PASSWORD", "api_key", "x-api-key", "apiKey", "myServiceApiKey"),
        *("ai_key", "secretKey", "secret", "client_secret", "clientSecret", "private-key"),
        *("access_token", "refreshToken", "userAccessToken", "auth_token", "bearerToken"),
        *("csrf-token", "idToken", "session_token", "OPENAI_KEY", "azure.openai.key"),
        *("google_maps_key", "llmKey", "mistral-key", "cohere_key"),
        *("http.request.header.authorization", "acme.session_token", "db.ai_key"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("tokens", "input_tokens", "gen_ai.usage.input_tokens", "totalTokenCount", "max_tokens"),
        *("token", "next_page_token", "user_session_token_count", "key", "primary_key", "monkey"),
        *("secret_santa", "passwords", "cookies", "authorized", "secretary", "keyring", ""),
        *("workflowId", "timestamp", "name", "gen_ai.request.model", "llm.token_count.total"),
    ],
)
def test_names_of_nothing_secret(name: str) -> None:
    assert not secret_name(name)


# -- places ----------------------------------------------------------------------------


def test_a_secret_of_any_type_becomes_one_text_and_the_shape_stays() -> None:
    body = {"password": {"a": [1]}, "list": [{"api_key": 5}, {"secret": True}], "rest": [1, "x"]}
    assert data(body) == {
        "password": REDACTED,
        "list": [{"api_key": REDACTED}, {"secret": REDACTED}],
        "rest": [1, "x"],
    }


def test_what_is_absent_stays_absent() -> None:
    assert data({"password": None, "text": "x"}) == {"password": None, "text": "x"}


def test_paths_match_at_any_depth_and_walk_through_lists() -> None:
    body = {
        "customer": [{"email": "e"}, {"email": "f", "name": "n"}],
        "deep": {"order": {"customer": {"email": "g"}}},
        "email": "not below a customer",
    }
    assert data(body, "customer.email") == {
        "customer": [{"email": REDACTED}, {"email": REDACTED, "name": "n"}],
        "deep": {"order": {"customer": {"email": REDACTED}}},
        "email": "not below a customer",
    }


def test_a_star_is_exactly_one_level() -> None:
    body = {"a": {"x": {"phone": 1}, "phone": 2}, "b": {"x": {"y": {"phone": 3}}}}
    assert data(body, "a.*.phone") == {**body, "a": {"x": {"phone": REDACTED}, "phone": 2}}
    assert data(body, "*.phone")["b"]["x"]["y"]["phone"] == REDACTED


def test_paths_are_taken_as_they_are_written() -> None:
    assert data({"Phone": 1, "phone_": 2}, "phone") == {"Phone": 1, "phone_": 2}


def test_without_the_automatic_rule_only_paths_count() -> None:
    body = {"password": "p", "phone": 1}
    assert data(body, "phone", automatic=False) == {"password": "p", "phone": REDACTED}


def test_names_of_attributes_are_paths_too() -> None:
    attributes = {"customer.email": "e", "app.customer.email": "e", "customer.emails": 1}
    span = {"span_id": "s", "name": "n", "attributes": attributes}
    found = redacted({"spans": [span]}, "customer.email")["spans"][0]["attributes"]
    assert found == {"customer.email": REDACTED, "app.customer.email": REDACTED} | {
        "customer.emails": 1
    }


def test_some_keys_are_never_touched() -> None:
    body = {"workflowId": "w", "workflowName": "n", "timestamp": {"at": 1, "password": "p"}}
    found = data(body, "workflowId", "workflowName", "timestamp", "*")
    assert found == {
        "workflowId": "w",
        "workflowName": "n",
        "timestamp": {"at": REDACTED} | {"password": REDACTED},
    }


def test_the_bones_of_a_body_are_never_touched() -> None:
    span = {
        "span_id": "s",
        "parent_span_id": None,
        "name": "Book",
        "start_time_unix_nano": "1",
        "end_time_unix_nano": "2",
        "status": {"code": 1},
        "attributes": {"name": "Ada"},
        "events": [{"name": "said", "attributes": {"name": "Ada"}}],
    }
    paths = ("spans", "name", "*.span_id", "status", "attributes", "events", "metadata")
    found = redacted({"spans": [span], "metadata": {"name": "Ada"}}, *paths)
    hidden = {"name": REDACTED}
    assert found["metadata"] == hidden
    assert found["spans"][0] == {
        **span,
        "attributes": hidden,
        "events": [{"name": "said", "attributes": hidden}],
    }


def test_pairs_of_name_and_value() -> None:
    pairs = [{"name": "Authorization", "value": "Bearer x"}, {"name": "Accept", "value": "*/*"}]
    assert data({"headerParameters": pairs})["headerParameters"] == [
        {"name": "Authorization", "value": REDACTED},
        {"name": "Accept", "value": "*/*"},
    ]


# -- JSON carried as text --------------------------------------------------------------


def test_json_in_texts_is_redacted_at_every_level() -> None:
    inner = json.dumps({"arguments": json.dumps({"api_key": SECRET, "city": "Rome"})})
    found = data({"n8n.node.output": inner})["n8n.node.output"]
    assert json.loads(json.loads(found)["arguments"]) == {"api_key": REDACTED, "city": "Rome"}


def test_a_text_without_secrets_keeps_its_layout() -> None:
    text = '{ "city" :\n "Rome" , "n": 1.50 }'
    assert data({"a": text, "password": "p"})["a"] == text


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Rome", "api_key": "sk-7Qx2',  # cut off by a length limit
        "{'city': 'Rome', 'password': 'sk-7Qx2VtLw9'}",  # as Python prints it
        '[{"name": "Authorization", "value": "Bear',
    ],
)
def test_a_text_like_an_object_that_names_a_secret_is_hidden_whole(text: str) -> None:
    assert data({"a": text})["a"] == REDACTED


@pytest.mark.parametrize(
    "text", ["[a link](https://x)", "{city}", '{"city": "Ro', "the password is x", "[1, 2"]
)
def test_other_texts_stay(text: str) -> None:
    assert data({"a": text, "password": "p"})["a"] == text


def test_a_name_that_is_repeated_hides_nothing() -> None:
    wire = b'{"data": {"password": "sk-7Qx2VtLw9", "password": null, "t": 1}}'
    found, _ = redactor().body("/public/traces", wire, "application/json")
    assert json.loads(found) == {"data": {"password": None, "t": 1}}
    text = json.dumps({"data": {"t": '{"password": "sk-7Qx2VtLw9", "password": null}'}}).encode()
    assert SECRET.encode() not in redactor().body("/public/traces", text, "application/json")[0]


def test_texts_within_texts_end_somewhere() -> None:
    value: Any = {"password": SECRET}
    for _ in range(3):
        for _ in range(180):
            value = [value]
        value = json.dumps(value)
    assert SECRET not in json.dumps(data({"a": value}))


# -- OpenTelemetry ---------------------------------------------------------------------


def otlp(attributes: list[Any], **span: Any) -> dict[str, Any]:
    made = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "n", "attributes": attributes}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{**made, **span}]}]}]}


def attribute(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def test_attributes_of_otlp_json_stay_attributes() -> None:
    entries = [
        attribute("db.password", stringValue="x"),
        attribute("secret", intValue="5"),
        attribute("customer", kvlistValue={"values": [attribute("email", stringValue="e")]}),
        attribute("sent", arrayValue={"values": [{"stringValue": '{"cookie": "c"}'}]}),
    ]
    body = redacted(otlp(entries), "customer.email")
    trace = read_body(json.dumps(body).encode()).resources()[0].traces[0]
    assert trace.spans[0].attributes == {
        "db.password": REDACTED,
        "secret": REDACTED,
        "customer": {"email": REDACTED},
        "sent": ['{"cookie":"[REDACTED]"}'],
    }


def test_events_links_resource_and_scope_of_otlp_json() -> None:
    secret = [attribute("api_key", stringValue=SECRET)]
    body = otlp(
        secret, events=[{"name": "e", "attributes": secret}], links=[{"attributes": secret}]
    )
    sender = body["resourceSpans"][0]
    sender["resource"] = {"attributes": secret}
    sender["scopeSpans"][0]["scope"] = {"name": "s", "attributes": secret}
    assert SECRET not in json.dumps(redacted(body))


def trace_request(fill: Callable[[Any, Any], None]) -> bytes:
    """A protobuf export request of one span."""
    request = ExportTraceServiceRequest()
    sender = request.resource_spans.add()
    span = sender.scope_spans.add().spans.add(trace_id=b"a" * 16, span_id=b"b" * 8, name="n")
    fill(sender, span)
    return request.SerializeToString()


def planted_everywhere(sender: Any, span: Any) -> None:
    carried = json.dumps({"password": SECRET})
    holders = [sender.resource, sender.scope_spans[0].scope, span, span.events.add()]
    for holder in [*holders, span.links.add()]:
        holder.attributes.add(key="x-api-key").value.string_value = SECRET
        holder.attributes.add(key="gen_ai.tool.call.arguments").value.string_value = carried
        holder.attributes.add(key="raw").value.bytes_value = carried.encode()
        customer = holder.attributes.add(key="customer").value.kvlist_value
        customer.values.add(key="email").value.string_value = SECRET
        customer.values.add(key="token").value.array_value.values.add().string_value = carried
    span.status.message = carried


def test_secrets_leave_protobuf() -> None:
    wire = trace_request(planted_everywhere)
    rules = redactor("customer.email")
    found, count = rules.body("/v1/traces", wire, PROTOBUF)
    assert count == 26
    assert SECRET.encode() not in found
    span = read_body(found, PROTOBUF).resources()[0].traces[0].spans[0]
    assert span.attributes["customer"] == {
        "email": REDACTED,
        "token": ['{"password":"[REDACTED]"}'],
    }
    assert rules.body("/v1/traces", found, PROTOBUF) == (found, 0)


def test_protobuf_without_secrets_is_left_as_it_is() -> None:
    wire = trace_request(lambda _, span: span.attributes.add(key="a").value.SetInParent())
    assert redactor().body("/v1/traces", wire, PROTOBUF)[0] is wire


def test_log_records() -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.attributes.add(key="password").value.string_value = SECRET
    said = record.body.kvlist_value.values.add(key="content")
    said.value.string_value = json.dumps([{"api_key": SECRET}])
    found, count = redactor().body("/v1/logs", request.SerializeToString(), PROTOBUF)
    assert (count, SECRET.encode() in found) == (2, False)
    log = {"body": {"stringValue": json.dumps({"secret": SECRET})}, "traceId": "ab" * 16}
    wire = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]}).encode()
    found, count = redactor().body("/v1/logs", wire, "application/json")
    assert (count, SECRET.encode() in found) == (1, False)


# -- bodies as a whole -----------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"", b"no secret", b'{"secret": {', b'["secret"]', b'{"spans": [], "secret": 1}']
)
def test_a_body_that_cannot_be_read_is_refused_as_ever(body: bytes) -> None:
    def fault(read: Callable[[], Any]) -> str:
        with pytest.raises(FormatError) as caught:
            read()
        return str(caught.value)

    def redact_and_read() -> None:
        found, _ = redactor().body("/public/traces", body, "application/json")
        read_body(found)

    assert fault(redact_and_read) == fault(lambda: read_body(body))


def test_protobuf_that_cannot_be_read_is_refused_as_ever() -> None:
    with pytest.raises(FormatError, match="OTLP trace export request"):
        redactor().body("/v1/traces", b"\xff\xff secret", PROTOBUF)


def test_what_cannot_be_walked_to_its_end_is_refused() -> None:
    deep = b'{"data": {"secret": 1}, "more": ' + b"[" * 300 + b"]" * 300 + b"}"
    with pytest.raises(FormatError, match=r"searched for secrets|deeper than"):
        redactor().body("/public/traces", deep, "application/json")


def test_a_byte_order_mark_hides_nothing() -> None:
    wire = b'\xef\xbb\xbf{"data": {"password": "sk-7Qx2VtLw9"}}'
    assert SECRET.encode() not in redactor().body("/public/traces", wire, "")[0]


@pytest.mark.parametrize("file", sorted(CAPTURES.glob("*.json")), ids=lambda file: file.stem)
def test_what_real_clients_sent_keeps_its_bytes(file: Path) -> None:
    body = json.loads(file.read_bytes())
    wire = json.dumps(body.get("body", body), indent=1).encode()
    found, count = redactor().body("/public/traces", wire, "application/json")
    assert (found is wire) is (count == 0)


@pytest.mark.parametrize(
    "wire",
    [
        r'{"data": {"pass\u0077ord": "sk-7Qx2VtLw9"}}',
        r'{"data": {"pass\nword": "sk-7Qx2VtLw9"}}',
        r'{"data": {"pass\\nword": 1, "PASS\tWORD": "sk-7Qx2VtLw9"}}',
        r'{"data": {"pass\u00e9 word": "sk-7Qx2VtLw9"}}',
        r'{"data": {"t": "{\"pass\\u0077ord\": \"sk-7Qx2VtLw9\"}"}}',
        r'{"data": {"secre\\t": "sk-7Qx2VtLw9"}}',
        '{"data": {"pass·wórd, passwörd, p@ssword, password": "sk-7Qx2VtLw9"}}',
        '{"data": {"OpenAI - Key": "sk-7Qx2VtLw9"}}',
        '{"data": {"ph\\u006fne": "sk-7Qx2VtLw9"}}',
    ],
)
def test_names_are_found_however_they_are_written(wire: str) -> None:
    found, _ = redactor("phone").body("/public/traces", wire.encode(), "application/json")
    assert SECRET not in found.decode()


def test_headers() -> None:
    sent = {
        "content-type": "application/json",
        "x-request-id": "r-1",
        "x-openai-key": SECRET,
        "x-user-email": "a@b.c",
        "baggage": '{"password": "p"}',
    }
    kept, count = redactor("x-user-email", "content-type", "*").headers(sent)
    assert kept == sent | {
        "x-openai-key": REDACTED,
        "x-user-email": REDACTED,
        "baggage": REDACTED,
    }
    assert count == 3


def test_values_are_masked_without_being_changed() -> None:
    value = {"a": [{"password": "p"}], "b": [1]}
    masked = redactor().masked(value)
    assert masked == {"a": [{"password": REDACTED}], "b": [1]}
    assert value["a"] == [{"password": "p"}]
    assert masked["b"] is value["b"]


# -- configuration ---------------------------------------------------------------------


def test_nothing_configured_is_nothing_to_do() -> None:
    redaction = Redaction()
    assert redaction.redactor is None
    redaction.use(RedactionSettings(automatic=True))
    assert redaction.redactor is not None
    redaction.use(RedactionSettings())
    assert redaction.redactor is None


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        (".email", "begins with a dot"),
        ("email.", "ends with a dot"),
        ("customer..email", "empty segment"),
        ("customer.e*", r"partial wildcard 'e\*'"),
        ("**", "partial wildcard"),
        ("items[0].phone", "has brackets"),
        ("items].phone", "has brackets"),
    ],
)
def test_paths_that_cannot_be_used(path: str, problem: str) -> None:
    import re

    assert re.search(problem, path_problem(path))


@pytest.mark.parametrize("path", ["email", "customer.email", "*.phone", "a.*.b", "*", "x-y z"])
def test_paths_that_can_be_used(path: str) -> None:
    assert path_problem(path) == ""


def test_a_tree_of_paths_is_walked_together() -> None:
    rules = Rules(RedactionSettings(paths=("a.b", "a.*.c", "a")))
    below, secret = rules.step(ROOT, "a")
    assert secret
    assert rules.step(below, "b")[1]
    assert not rules.step(below, "c")[1]
    assert rules.step(rules.step(below, "b")[0], "c")[1]


# -- whatever it is --------------------------------------------------------------------

KEYS = st.sampled_from(["a", "name", "value", "key", "city", "values", "x.y", "workflowId", "t"])
SECRET_KEYS = st.sampled_from(
    ["password", "API-Key", "x.session_token", "openai_key", "http.cookie", "phone", "pass word"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just('{"a": 1, ')
TREES = st.recursive(
    LEAVES, lambda t: st.lists(t, max_size=3) | st.dictionaries(KEYS, t, max_size=3), max_leaves=8
)


@st.composite
def planted(draw: st.DrawFn) -> dict[str, Any]:
    """A tree with the secret under a secret key somewhere, through lists, objects and texts."""
    secret = draw(st.sampled_from([SECRET, [SECRET], {"deep": {"x": SECRET}}]))
    value: Any = {draw(SECRET_KEYS): secret, **draw(st.dictionaries(KEYS, TREES, max_size=2))}
    for _ in range(draw(st.integers(0, 5))):
        match draw(st.sampled_from(["list", "object", "text", "pair", "text in text"])):
            case "list":
                value = [draw(TREES), value]
            case "object":
                value = {draw(KEYS): value, "other": draw(TREES)}
            case "text":
                value = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=1)
            case "text in text":
                value = json.dumps(json.dumps(value)) if not isinstance(value, str) else [value]
            case "pair":
                value = {"key": draw(KEYS), "value": value}
    return {"top": value}


def bodies_around(tree: dict[str, Any]) -> list[dict[str, Any]]:
    span = {"span_id": "s", "name": "n"}
    entries = [attribute(key, stringValue=json.dumps(value)) for key, value in tree.items()]
    nested = {"kvlistValue": {"values": [{"key": k, "value": v} for k, v in tree.items()]}}
    return [
        {"data": tree},
        {"data": {"t": 1}, "metadata": tree},
        {"spans": [{**span, "attributes": tree}], "externalMetadata": tree, "extra": tree},
        {"spans": [{**span, "events": [{"name": "e", "attributes": tree}], "links": [tree]}]},
        otlp(entries, events=[{"name": "e", "attributes": entries}]),
        otlp([{"key": "k", "value": nested}], status={"code": 2, "message": json.dumps(tree)}),
    ]


@settings(max_examples=150)
@given(planted(), st.integers(0, 5))
def test_a_planted_secret_is_never_left(tree: dict[str, Any], shape: int) -> None:
    rules = redactor("phone")
    wire = json.dumps(bodies_around(tree)[shape]).encode()
    found, count = rules.body("/public/traces", wire, "application/json")
    assert SECRET.encode() not in found
    assert count >= 1
    assert rules.body("/public/traces", found, "application/json") == (found, 0)


@settings(max_examples=100)
@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4), st.integers(0, 5))
def test_without_a_secret_the_bytes_stay(tree: dict[str, Any], shape: int) -> None:
    wire = json.dumps(bodies_around(tree)[shape], indent=2).encode()
    found, count = redactor("phone").body("/public/traces", wire, "application/json")
    assert (found is wire, count) == (True, 0)


NOISE = st.sampled_from(["", "", "", "-", "_", " ", "\n", "\t", "\\", '"', "é", "\u2028", "."])
WORDS = st.sampled_from(
    ["password", "secret", "APIKEY", "accessToken", "privatekey", "openaikey", "cookie", "bfnrtu"]
)


@st.composite
def noisy_names(draw: st.DrawFn) -> str:
    """The name of a secret, or nearly, with punctuation between its letters."""
    return "".join(letter + draw(NOISE) for letter in draw(WORDS))


@settings(max_examples=150)
@given(st.lists(noisy_names(), min_size=1, max_size=3), st.booleans(), st.integers(0, 2))
def test_a_glance_never_misses_what_a_walk_would_find(
    found_names: list[str], ascii_only: bool, levels: int
) -> None:
    tree: Any = dict.fromkeys(found_names, SECRET)
    for _ in range(levels):
        tree = {"t": json.dumps(tree, ensure_ascii=ascii_only)}
    walk = Walk(Rules(RedactionSettings(automatic=True)))
    walk.value(tree)
    wire = json.dumps({"data": tree}, ensure_ascii=ascii_only).encode()
    assert glance(RedactionSettings(automatic=True))(wire) or not walk.redacted


@pytest.mark.parametrize("value", [b"NaN", b'"\x01"'])
def test_what_is_no_json_does_not_become_it_by_being_redacted(value: bytes) -> None:
    body = b'{"data":{"password":"p","odd":%b}}' % value
    with pytest.raises(FormatError, match="not valid JSON"):
        redactor().body("/public/traces", body, "application/json")
