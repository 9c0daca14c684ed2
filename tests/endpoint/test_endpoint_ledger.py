"""What the ledger says after requests of every fate."""

import json
from collections.abc import Callable
from typing import Any

from tracedesk.model.agent import Agent
from tracedesk.store.ledger import Entry, read_ledger

ONE = Agent(id="550e8400-e29b-41d4-a716-446655440000", name="one", otlp_service_name="one-bot")
TWO = Agent(id="650e8400-e29b-41d4-a716-446655440001", name="two")
SPANS = {"spans": [{"span_id": "r", "name": "Root"}]}


def counts(endpoint: Any) -> dict[tuple[str, str, str], Entry]:
    endpoint.store.writer.run(lambda _: None).result()  # notes go along with any commit
    entries = read_ledger(endpoint.store).entries
    return {(entry.agent_id, entry.event, entry.code): entry for entry in entries}


def numbers(endpoint: Any) -> dict[tuple[str, str, str], int]:
    return {key: entry.count for key, entry in counts(endpoint).items()}


def test_accepted_and_refused_are_counted_with_their_agent(serve: Callable[..., Any]):
    endpoint = serve(ONE)
    assert endpoint.post(SPANS, x_request_id="chat").status == 201
    assert endpoint.post(SPANS, x_request_id="chat").status == 200
    assert endpoint.post({"spans": []}).status == 400
    assert endpoint.post(b"{").status == 400
    found = counts(endpoint)
    size = len(json.dumps(SPANS))
    assert found[ONE.id, "accepted", ""].count == found[ONE.id, "replaced", ""].count == 1
    assert found[ONE.id, "accepted", ""].size == size
    refused = found[ONE.id, "refused", "VALIDATION_ERROR"]
    assert (refused.count, refused.size) == (2, len(json.dumps({"spans": []})) + 1)
    assert "JSON" in refused.message


def test_what_is_refused_before_an_agent_is_known_is_nobodys(serve: Callable[..., Any]):
    endpoint = serve(ONE, TWO)
    assert endpoint.post(SPANS, x_api_key="mibo_wrong").status == 401
    assert endpoint.post(SPANS, host="evil.example").status == 403
    assert endpoint.post(SPANS, path="/v1/trace").status == 404
    assert endpoint.post(b"{").status == 400
    key = endpoint.key(ONE.id, TWO.id)
    assert endpoint.post(SPANS, x_api_key=key).status == 400
    assert numbers(endpoint) == {
        ("", "refused", "UNAUTHORIZED"): 1,
        ("", "refused", "FORBIDDEN_HOST"): 1,
        ("", "refused", "NOT_FOUND"): 1,
        ("", "refused", "VALIDATION_ERROR"): 1,
        ("", "refused", "CUSTOM_API_PLATFORM_NOT_FOUND"): 1,
    }


def test_a_key_for_one_agent_tells_whose_the_refused_request_was(serve: Callable[..., Any]):
    endpoint = serve(ONE, TWO)
    assert endpoint.post({"spans": []}, x_api_key=endpoint.key(TWO.id)).status == 400
    assert numbers(endpoint) == {(TWO.id, "refused", "VALIDATION_ERROR"): 1}


def test_reading_refuses_no_trace(serve: Callable[..., Any]):
    endpoint = serve(ONE)
    assert endpoint.get("/favicon.ico").status == 404
    assert endpoint.get("/public/traces/unknown").status == 404
    assert endpoint.get("/health", x_api_key="mibo_wrong").status == 401
    assert numbers(endpoint) == {}


def test_a_body_beyond_the_limit_is_counted(serve: Callable[..., Any]):
    endpoint = serve(ONE, max_body_bytes=100)
    assert endpoint.post(b" " * 200).status == 413
    assert numbers(endpoint) == {("", "refused", "PAYLOAD_TOO_LARGE"): 1}


def test_spans_that_are_not_kept_are_counted(serve: Callable[..., Any]):
    endpoint = serve(ONE)
    spans = [
        {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "kept"},
        {"traceId": "ab" * 16, "name": "no id"},
    ]
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    assert endpoint.post(body).status == 200
    nothing = {"resourceSpans": [{"scopeSpans": [{"spans": spans[1:]}]}]}
    assert endpoint.post(nothing).status == 200
    assert endpoint.post(body).status == 200, "sent again: nothing new"
    twice = {"spans": [{"span_id": "r", "name": "A"}, {"span_id": "r", "name": "B"}]}
    assert endpoint.post(twice).status == 201
    assert endpoint.post({"resourceMetrics": []}, path="/v1/metrics").status == 200
    assert numbers(endpoint) == {
        (ONE.id, "accepted", ""): 2,
        (ONE.id, "repeated", ""): 1,
        (ONE.id, "dropped", "spans_without_id"): 3,
        (ONE.id, "dropped", "duplicate_spans"): 1,
        (ONE.id, "dropped", "metrics_requests"): 1,
    }


def test_spans_that_no_agent_fits_are_counted_with_the_request(serve: Callable[..., Any]):
    endpoint = serve(ONE, TWO)
    spans = [{"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "x"}]
    resources = []
    for service in ("one-bot", "stranger"):
        attributes = [{"key": "service.name", "value": {"stringValue": service}}]
        resources.append({"resource": {"attributes": attributes}, "scopeSpans": [{"spans": spans}]})
    key = endpoint.key(ONE.id, TWO.id)
    assert endpoint.post({"resourceSpans": resources}, x_api_key=key).status == 200
    assert numbers(endpoint) == {
        (ONE.id, "accepted", ""): 1,
        (ONE.id, "dropped", "spans_unrouted"): 1,
    }
