"""Which agent a trace belongs to: the three orders, keys, and what a refusal says."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tracedesk.endpoint.errors import Refused
from tracedesk.endpoint.keys import Access
from tracedesk.endpoint.routing import (
    Routed,
    route_canonical,
    route_data,
    route_resource,
)
from tracedesk.formats.envelope import Envelope
from tracedesk.formats.otlp import OtlpResource
from tracedesk.model.agent import Agent

A = Agent(
    id="3f0c8a52-6d1b-4c7e-9a40-5b2e7d91c6f4",
    name="booking",
    otlp_service_name="svc-a",
    workflow_ids=("wf-a", "17"),
    chatflow_ids=("flow-a",),
)
B = Agent(id="a81d2e90-47c3-4f1a-b6d5-0e93c5f7218b", name="refunds", otlp_service_name=" svc-b ")
UNKNOWN = "00000000-0000-4000-8000-00000000dead"
KNOWN = {agent.id: agent for agent in (A, B)}

ONLY_A = Access((A,))
BOTH = Access((A, B))
EVERYONE = Access((A, B), everyone=True)

Serve = Callable[..., Any]


def canonical(access: Access, *, by_workflow: bool = False, **fields: Any) -> Routed:
    envelope = Envelope(shape="canonical", **fields)
    return route_canonical(envelope, access, KNOWN, by_workflow=by_workflow)


def data(access: Access, **fields: Any) -> Routed:
    return route_data(Envelope(shape="data", **fields), access, KNOWN)


@pytest.mark.parametrize(
    ("access", "fields", "agent", "rule"),
    [
        (ONLY_A, {}, A, "key"),
        (ONLY_A, {"platform_id": A.id}, A, "key"),
        (ONLY_A, {"platform_id": B.id}, A, "key"),
        (BOTH, {"platform_id": B.id}, B, "platform_id"),
        (BOTH, {"platform_id": B.id.upper()}, B, "platform_id"),
        (BOTH, {"hinted_platform_id": B.id}, B, "mibo.platform_id"),
        (BOTH, {"platform_id": A.id, "hinted_platform_id": B.id}, A, "platform_id"),
        (EVERYONE, {}, A, "default"),
        (EVERYONE, {"platform_id": B.id}, B, "platform_id"),
        (EVERYONE, {"platform_id": UNKNOWN}, A, "default"),
    ],
)
def test_canonical_bodies(access: Access, fields: dict[str, Any], agent: Agent, rule: str):
    routed = canonical(access, **fields)
    assert (routed.agent, routed.routed_by) == (agent, rule)
    ignored = fields.get("platform_id", agent.id).lower() != agent.id
    assert (routed.warning is not None) == ignored
    if routed.warning is not None:
        assert routed.warning.code == "platform_id_ignored"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "names no agent"),
        ({"platform_id": UNKNOWN}, "is unknown"),
        ({"platform_id": B.id[:-1] + "c"}, f"did you mean '{B.id}'"),
        ({"metadata": {"workflowId": "wf-a"}}, "names no agent"),
    ],
)
def test_canonical_bodies_without_a_target_are_400(fields: dict[str, Any], words: str):
    with pytest.raises(Refused) as caught:
        canonical(BOTH, **fields)
    assert (caught.value.status, caught.value.code) == (400, "CUSTOM_API_PLATFORM_NOT_FOUND")
    assert words in caught.value.message
    for way in ("key scoped to one agent", "platformId", "metadata.mibo.platform_id"):
        assert way in caught.value.message


def test_canonical_targets_outside_the_key_are_400():
    third = Agent(id=UNKNOWN, name="third")
    with pytest.raises(Refused) as caught:
        route_canonical(
            Envelope(shape="canonical", platform_id=third.id),
            BOTH,
            {**KNOWN, third.id: third},
            by_workflow=False,
        )
    assert caught.value.status == 400
    assert "outside the agents of this key" in caught.value.message


def test_workflow_ids_route_canonical_bodies_only_where_asked_for():
    metadata = {"workflowId": "wf-a"}
    routed = canonical(BOTH, by_workflow=True, metadata=metadata)
    assert (routed.agent, routed.routed_by) == (A, "metadata")


@pytest.mark.parametrize(
    ("access", "fields", "agent", "rule"),
    [
        (BOTH, {"platform_id": B.id}, B, "platform_id"),
        (ONLY_A, {"platform_id": A.id}, A, "platform_id"),
        (ONLY_A, {}, A, "key"),
        (BOTH, {"metadata": {"workflowId": "wf-a"}}, A, "metadata"),
        (BOTH, {"metadata": {"workflow_id": "wf-a"}}, A, "metadata"),
        (BOTH, {"metadata": {"workflowId": 17}}, A, "metadata"),
        (BOTH, {"external_metadata": {"workflowId": "wf-a"}}, A, "metadata"),
        (BOTH, {"metadata": {"chatflowId": "flow-a"}}, A, "metadata"),
        (EVERYONE, {"metadata": {"workflowId": "else"}}, A, "default"),
        (EVERYONE, {"platform_id": UNKNOWN}, A, "default"),
    ],
)
def test_old_bodies(access: Access, fields: dict[str, Any], agent: Agent, rule: str):
    routed = data(access, **fields)
    assert (routed.agent, routed.routed_by) == (agent, rule)


def test_old_bodies_outside_the_key_are_404_restricted():
    with pytest.raises(Refused) as caught:
        data(ONLY_A, platform_id=B.id)
    assert (caught.value.status, caught.value.code) == (404, "PLATFORM_NOT_FOUND")
    assert "restricted" in caught.value.message


@pytest.mark.parametrize("fields", [{}, {"platform_id": UNKNOWN}, {"metadata": {"workflowId": 5}}])
def test_old_bodies_without_a_target_are_404_without_the_words_for_restricted(
    fields: dict[str, Any],
):
    with pytest.raises(Refused) as caught:
        data(BOTH, **fields)
    assert (caught.value.status, caught.value.code) == (404, "PLATFORM_NOT_FOUND")
    assert "restricted" not in caught.value.message
    assert "allowed" not in caught.value.message


@pytest.mark.parametrize("fields", [{}, {"platform_id": UNKNOWN}])
def test_no_agent_s_name_is_taken_for_the_word_that_tells_refusals_apart(fields: dict[str, Any]):
    misleading = Access((A, replace(B, name="Not allowed refunds")))
    with pytest.raises(Refused) as caught:
        data(misleading, **fields)
    assert "allowed" not in caught.value.message


@pytest.mark.parametrize(
    ("access", "attributes", "agent", "rule"),
    [
        (BOTH, {"service.name": "svc-b"}, B, "service_name"),
        (BOTH, {"service.name": " svc-a "}, A, "service_name"),
        (ONLY_A, {"service.name": "svc-b"}, A, "key"),
        (ONLY_A, {}, A, "key"),
        (BOTH, {"service.name": "else", "mibo.platform_id": B.id}, B, "mibo.platform_id"),
        (EVERYONE, {"service.name": "else"}, A, "default"),
    ],
)
def test_otlp_resources(access: Access, attributes: dict[str, str], agent: Agent, rule: str):
    routed = route_resource(OtlpResource(index=0, attributes=attributes), access, KNOWN)
    assert isinstance(routed, Routed)
    assert (routed.agent, routed.routed_by) == (agent, rule)


def test_service_names_compare_case_sensitively_and_the_nearest_is_named():
    found = route_resource(OtlpResource(index=0, attributes={"service.name": "SVC-A"}), BOTH, KNOWN)
    assert isinstance(found, str)
    assert "did you mean 'svc-a'" in found


# -- over HTTP -------------------------------------------------------------------------


def otlp(*services: str) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": service}}]
                },
                "scopeSpans": [
                    {"spans": [{"traceId": "ab" * 16, "spanId": f"{i:016x}", "name": "R"}]}
                ],
            }
            for i, service in enumerate(services, 1)
        ]
    }


SPANS = {"spans": [{"span_id": "r", "name": "R"}]}


def test_each_resource_of_a_request_goes_to_its_agent(serve: Serve):
    endpoint = serve(A, B)
    answer = endpoint.post(otlp("svc-a", "svc-b", "nobody"), x_api_key=endpoint.key(A.id, B.id))
    assert answer.status == 200
    assert int(answer.body["partialSuccess"]["rejectedSpans"]) == 1
    assert "'nobody'" in answer.body["partialSuccess"]["errorMessage"]
    rows = endpoint.store.rows()
    assert {(row.agent_id, row.routed_by) for row in rows} == {
        (A.id, "service_name"),
        (B.id, "service_name"),
    }
    assert {endpoint.store.requests(row.id)[0].resources for row in rows} == {(0,), (1,)}


def test_a_request_none_of_whose_resources_can_be_routed_is_400(serve: Serve):
    endpoint = serve(A, B)
    answer = endpoint.post(otlp("nobody"), x_api_key=endpoint.key(A.id, B.id))
    assert (answer.status, answer.code) == (400, "CUSTOM_API_PLATFORM_NOT_FOUND")
    assert "service.name" in answer.message
    assert endpoint.store.count() == 0


def test_the_rule_that_hit_is_stored(serve: Serve):
    endpoint = serve(A, B)
    answer = endpoint.post(SPANS, x_api_key=endpoint.key(B.id))
    assert answer.body["data"]["platformId"] == B.id
    assert endpoint.store.rows()[0].routed_by == "key"


def test_an_ignored_target_is_said(serve: Serve):
    endpoint = serve(A, B)
    answer = endpoint.post({**SPANS, "platformId": A.id}, x_api_key=endpoint.key(B.id))
    assert [w["code"] for w in answer.body["data"]["warnings"]] == ["platform_id_ignored"]
    assert [w.code for w in endpoint.store.rows()[0].warnings] == ["platform_id_ignored"]


# -- keys ------------------------------------------------------------------------------


def test_a_wrong_key_is_401_even_with_a_broken_body_or_no_key_needed(serve: Serve):
    endpoint = serve()
    for body in (SPANS, b"{", b""):
        answer = endpoint.post(body, x_api_key="mibo_wrong")
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert answer.body["error"]["details"][0]["type"] == "INVALID_API_KEY"


@pytest.mark.parametrize("settings", [{"require_key": True}, {"host": "0.0.0.0"}])
def test_where_keys_are_demanded_none_is_401(serve: Serve, settings: dict[str, Any]):
    endpoint = serve(A, **settings)
    answer = endpoint.post(SPANS)
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert answer.body["error"]["details"][0]["type"] == "MISSING_API_KEY"
    assert endpoint.get("/public/traces").status == 401
    assert endpoint.get("/health").status == 200
    assert endpoint.post(SPANS, x_api_key=endpoint.key()).status == 201


def test_revoked_and_expired_keys_are_401(serve: Serve, until: Callable[..., Any]):
    from tracedesk.endpoint.keys import create_key
    from tracedesk.store.keys import list_keys, revoke_key

    endpoint = serve(A)
    _, expired = create_key(endpoint.store, "old", expires_ns=1)
    key, secret = create_key(endpoint.store, "new")
    assert endpoint.post(SPANS, x_api_key=expired).status == 401
    assert endpoint.post(SPANS, x_api_key=secret).status == 201
    assert revoke_key(endpoint.store, key.id)
    assert not revoke_key(endpoint.store, key.id)
    until(lambda: endpoint.post(SPANS, x_api_key=secret).status == 401)
    assert [key.name for key in list_keys(endpoint.store)] == ["old", "new"]


def test_the_key_itself_is_nowhere_in_the_database(serve: Serve):
    endpoint = serve(A)
    secret = endpoint.key()
    endpoint.post(SPANS, x_api_key=secret)
    endpoint.server.stop()
    endpoint.store.close()
    files = endpoint.store.path.parent.glob(f"{endpoint.store.path.name}*")
    assert not any(secret.encode() in file.read_bytes() for file in files)
    assert secret.startswith("mibo_")


def test_a_trace_of_another_agent_is_403_and_not_listed(serve: Serve):
    endpoint = serve(A, B)
    trace_id = endpoint.post(SPANS, x_api_key=endpoint.key(A.id)).body["id"]
    other = endpoint.key(B.id)
    answer = endpoint.get(f"/public/traces/{trace_id}", x_api_key=other)
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert endpoint.get("/public/traces", x_api_key=other).body["data"] == []
    assert endpoint.get(f"/public/traces?platformId={A.id}", x_api_key=other).status == 403
    both = endpoint.key(A.id, B.id)
    assert endpoint.get("/public/traces", x_api_key=both).status == 400, "which agent?"
    assert len(endpoint.get(f"/public/traces?platformId={A.id}", x_api_key=both).body["data"]) == 1
