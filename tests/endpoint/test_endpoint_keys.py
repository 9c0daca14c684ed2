"""Keys on the wire: who needs one, whom it reaches, and when it stops."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tracedesk.endpoint import keys
from tracedesk.endpoint.keys import create_key
from tracedesk.model.agent import Agent
from tracedesk.store import Store
from tracedesk.store.keys import list_keys, revoke_key

A = Agent(id="3f0c8a52-6d1b-4c7e-9a40-5b2e7d91c6f4", name="booking", otlp_service_name="svc-a")
B = Agent(id="a81d2e90-47c3-4f1a-b6d5-0e93c5f7218b", name="refunds", workflow_ids=("wf-b",))
GONE = "00000000-0000-4000-8000-00000000dead"

SPANS = {"spans": [{"span_id": "r", "name": "Ferry Desk"}]}
DATA = {"data": {"text": "Hello"}}


def otlp(target: str | None = None) -> dict[str, Any]:
    """One span whose resource names a target."""
    named = [{"key": "mibo.platform_id", "value": {"stringValue": target}}] if target else []
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "Ferry Desk"}
    return {
        "resourceSpans": [{"resource": {"attributes": named}, "scopeSpans": [{"spans": [span]}]}]
    }


Serve = Callable[..., Any]


def kind(answer: Any) -> str:
    return str(answer.body["error"]["details"][0]["type"])


def test_without_require_key_keys_may_exist_and_none_is_needed(serve: Serve):
    endpoint = serve(A)
    endpoint.key()
    assert endpoint.post(SPANS).status == 201
    assert endpoint.post(SPANS, x_api_key="").status == 201, "a blank key is none"


def test_blanks_around_a_key_are_not_part_of_it(serve: Serve):
    endpoint = serve(A, require_key=True)
    assert endpoint.post(SPANS, x_api_key=f"{endpoint.key()} \t").status == 201


@pytest.mark.parametrize("blank", [{}, {"x_api_key": ""}, {"x_api_key": " \t "}])
def test_with_require_key_a_missing_or_blank_one_is_told_so(serve: Serve, blank: dict[str, str]):
    endpoint = serve(A, require_key=True)
    answer = endpoint.post(SPANS, **blank)
    assert (answer.status, kind(answer)) == (401, "MISSING_API_KEY")


def test_who_holds_a_key_is_told_why_it_does_not_work(serve: Serve, until: Callable[..., Any]):
    endpoint = serve(A)
    _, expired = create_key(endpoint.store, "old", expires_ns=1_780_000_000_000_000_000)
    answer = endpoint.post(SPANS, x_api_key=expired)
    assert (answer.status, kind(answer)) == (401, "INVALID_API_KEY")
    assert answer.message == (
        f"the API key mibo_...{expired[-4:]} expired at 2026-05-28T20:26:40.000Z"
    )
    key, secret = create_key(endpoint.store, "laptop")
    assert endpoint.post(SPANS, x_api_key=secret).status == 201
    revoke_key(endpoint.store, key.id)
    until(lambda: endpoint.post(SPANS, x_api_key=secret).status == 401)
    assert "was revoked at 20" in endpoint.post(SPANS, x_api_key=secret).message
    unknown = endpoint.post(SPANS, x_api_key="mibo_guess")
    assert unknown.message == "this API key is unknown here"


def test_another_programs_revocation_counts_within_a_quarter_of_a_second(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    endpoint = serve(A)
    key, secret = create_key(endpoint.store, "laptop")
    assert endpoint.post(SPANS, x_api_key=secret).status == 201
    with Store.open(endpoint.store.path) as elsewhere:
        revoke_key(elsewhere, key.id)
    now = keys.time.time_ns()
    monkeypatch.setattr(keys.time, "time_ns", lambda: now + 250_000_000)
    assert endpoint.post(SPANS, x_api_key=secret).status == 401


def test_a_key_that_expires_while_it_is_in_use_stops_at_that_moment(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    endpoint = serve(A)
    now = keys.time.time_ns()
    _, secret = create_key(endpoint.store, "short", expires_ns=now + 3_600_000_000_000)
    assert endpoint.post(SPANS, x_api_key=secret).status == 201
    monkeypatch.setattr(keys.time, "time_ns", lambda: now + 3_600_000_000_000)
    assert "expired at" in endpoint.post(SPANS, x_api_key=secret).message


def test_a_key_for_one_of_two_agents_sends_there_and_nowhere_else(serve: Serve):
    endpoint = serve(A, B, require_key=True)
    secret = endpoint.key(B.id)
    assert endpoint.post(SPANS, x_api_key=secret).body["data"]["platformId"] == B.id
    ignored = endpoint.post({**SPANS, "platformId": A.id}, x_api_key=secret)
    assert ignored.body["data"]["platformId"] == B.id
    assert ignored.body["data"]["warnings"][0]["code"] == "platform_id_ignored"
    refused = endpoint.post({**DATA, "platformId": A.id}, x_api_key=secret)
    assert (refused.status, refused.code) == (404, "PLATFORM_NOT_FOUND")
    assert "restricted" in refused.message


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (SPANS, 400, f"the key is for booking ({A.id}), refunds ({B.id})"),
        (DATA, 404, f"the key is for booking ({A.id}), refunds ({B.id})"),
        ({**SPANS, "platformId": A.id[:-1] + "5"}, 400, f"did you mean '{A.id}' (booking)?"),
        ({**DATA, "platformId": B.id[:-1] + "c"}, 404, f"did you mean '{B.id}' (refunds)?"),
        (otlp("bokking"), 400, f"did you mean '{A.id}' (booking)?"),
        (otlp(), 400, f"the key is for booking ({A.id}), refunds ({B.id})"),
    ],
)
def test_a_key_for_two_agents_needs_a_target_and_says_which_there_are(
    serve: Serve, body: dict[str, Any], status: int, said: str
):
    endpoint = serve(A, B)
    answer = endpoint.post(body, x_api_key=endpoint.key(A.id, B.id))
    assert answer.status == status
    assert said in answer.message


def test_a_key_never_learns_of_agents_beyond_its_own(serve: Serve):
    endpoint = serve(A, B)
    other = Agent(id=GONE, name="secret-project")
    endpoint.agents.append(other)
    answer = endpoint.post(otlp("secret-projec"), x_api_key=endpoint.key(A.id, B.id))
    assert answer.status == 400
    assert "secret-project" not in answer.message.replace("'secret-projec'", "")


@pytest.mark.parametrize(("body", "status"), [(SPANS, 400), (DATA, 404)])
def test_a_key_whose_agents_were_all_removed_reaches_nobody(
    serve: Serve, body: dict[str, Any], status: int
):
    endpoint = serve(A)
    secret = endpoint.key(GONE)
    answer = endpoint.post(body, x_api_key=secret)
    assert answer.status == status
    assert "the agents of this key are no longer configured" in answer.message
    assert endpoint.get(f"/public/traces?platformId={A.id}", x_api_key=secret).status == 403
    trace_id = endpoint.post(SPANS).body["id"]
    assert endpoint.get(f"/public/traces/{trace_id}", x_api_key=secret).status == 403


def test_workflows_route_spans_only_where_the_project_says_so(serve: Serve):
    body = {**SPANS, "metadata": {"workflowId": "wf-b"}}
    assert serve(A, B).post(body).body["data"]["platformId"] == A.id
    asked = serve(A, B, route_by_workflow=True)
    assert asked.post(body).body["data"]["platformId"] == B.id


def test_use_is_noted_once_a_minute(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, until: Callable[..., Any]
):
    endpoint = serve(A)
    secret = endpoint.key()

    def used() -> int | None:
        return list_keys(endpoint.store)[0].used_ns

    assert used() is None
    endpoint.post(SPANS, x_api_key=secret)
    first = until(used)
    endpoint.post(SPANS, x_api_key=secret)
    assert used() == first
    monkeypatch.setattr(keys.time, "time_ns", lambda: first + 60_000_000_000)
    endpoint.post(SPANS, x_api_key=secret)
    until(lambda: used() == first + 60_000_000_000)


def test_keys_are_long_random_and_in_letters_and_digits(serve: Serve):
    endpoint = serve(A)
    secrets = {endpoint.key() for _ in range(50)}
    assert len(secrets) == 50
    assert all(len(secret) == 48 and secret[5:].isalnum() for secret in secrets)


def test_two_threads_making_keys_lose_none(serve: Serve):
    endpoint = serve(A)
    makers = [threading.Thread(target=endpoint.key) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(list_keys(endpoint.store)) == 8
