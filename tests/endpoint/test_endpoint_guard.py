"""Web pages stay outside: host names, origins, and addresses that demand keys."""

from typing import Any

import pytest

from tracedesk.endpoint.errors import Refused
from tracedesk.endpoint.guard import Guard
from tracedesk.endpoint.settings import EndpointSettings

Endpoint = Any


def passes(
    asked: str | None, *, origin: str | None = None, site: str | None = None, **settings: Any
) -> bool:
    values = [None if value is None else value.encode() for value in (asked, origin, site)]
    try:
        Guard(EndpointSettings(**settings)).check(*values)
    except Refused as error:
        return error.status != 403
    return True


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:4318", "127.0.0.1:4318", "[::1]:4318", "desk.localhost:1",
     "host.docker.internal:4318", None],
)  # fmt: skip
def test_names_of_this_machine_pass(host: str | None):
    assert passes(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:4318", "localhost.evil.example", "", ":80"]
)
def test_other_names_are_refused(host: str):
    assert not passes(host)


def test_configured_names_pass():
    assert passes("desk.lan:4318", allowed_hosts=("desk.lan",))
    assert not passes("other.lan:4318", allowed_hosts=("desk.lan",), host="0.0.0.0")
    assert passes("any.lan", host="0.0.0.0"), "a public address demands keys instead"
    assert passes("192.168.1.5:4318", host="192.168.1.5")


@pytest.mark.parametrize(
    ("origin", "site", "expected"),
    [
        (None, None, True),
        (None, "none", True),
        (None, "same-origin", True),
        (None, "cross-site", False),
        (None, "same-site", False),
        ("http://localhost:4318", "same-origin", True),
        ("http://localhost:3000", None, False),
        ("https://evil.example", None, False),
        ("null", None, False),
    ],
)
def test_requests_of_web_pages_are_refused(origin: str | None, site: str | None, expected: bool):
    assert passes("localhost:4318", origin=origin, site=site) is expected


def test_a_refusal_is_json_and_stores_nothing(endpoint: Endpoint):
    body = {"spans": [{"span_id": "r", "name": "R"}]}
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        answer = endpoint.post(body, **headers)
        assert answer.status == 403
        assert answer.code in ("FORBIDDEN_HOST", "FORBIDDEN_ORIGIN")
    assert endpoint.store.count() == 0
