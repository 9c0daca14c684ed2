"""``GET /openapi.json``: the document is valid, needs no key, tells what the settings make of
the endpoint, and requests made from it find every reply as documented.

That the replies of all the other tests fit its schemas is seen to by ``conftest``.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tracedesk.endpoint.openapi import document
from tracedesk.endpoint.openapi_answers import ERROR_CODES

Endpoint = Any
Serve = Callable[..., Endpoint]

SETTINGS = [(strict, demanded) for strict in (False, True) for demanded in (False, True)]
EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text())


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document."""
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node:
        if isinstance(below, dict | list):
            yield from objects(below)


@pytest.mark.parametrize(("strict", "demanded"), SETTINGS)
def test_the_document_is_valid(strict: bool, demanded: bool):
    from schemathesis.specs.openapi.definitions import OPENAPI_31

    made = document(strict=strict, keys_demanded=demanded)
    jsonschema.Draft202012Validator(OPENAPI_31).validate(made)
    for schema in made["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for place in objects(made):
        if "$ref" in place:
            found = made
            for step in place["$ref"].removeprefix("#/").split("/"):
                found = found[step]
    named = [each["operationId"] for path in made["paths"].values() for each in path.values()]
    assert len(named) == len(set(named))


def test_it_is_served_without_a_key(serve: Serve):
    endpoint = serve(require_key=True)
    answer = endpoint.get("/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == document(strict=False, keys_demanded=True)
    assert endpoint.call("HEAD", "/openapi.json").body == b""


def test_it_tells_of_the_settings(serve: Serve):
    free, strict = (
        document(strict=False, keys_demanded=False),
        document(strict=True, keys_demanded=True),
    )
    assert free["paths"]["/public/traces"]["post"]["security"] == [{}, {"apiKey": []}]
    assert strict["paths"]["/public/traces"]["post"]["security"] == [{"apiKey": []}]
    assert set(free["paths"]) - set(strict["paths"]) == {"/v1/traces", "/v1/logs", "/v1/metrics"}
    assert set(free["components"]["schemas"]) - set(strict["components"]["schemas"]) == {
        "DataBody", "LogsBody",
    }  # fmt: skip
    body = strict["paths"]["/public/traces"]["post"]["requestBody"]["content"]
    assert list(body) == ["application/json"]
    assert serve(strict_canonical=True).get("/openapi.json").body["info"] == strict["info"]


def test_every_code_of_the_endpoint_is_documented():
    """Codes are written in the sources beside their status; none is left out here."""
    import re

    import tracedesk.endpoint

    folder = Path(tracedesk.endpoint.__file__).parent
    raised = re.compile(r"(?:Refused|_refused)\(\s*(\d{3}),\s*\"([A-Z_]+)\"")
    found = {
        (int(status), code)
        for source in folder.glob("*.py")
        for status, code in raised.findall(source.read_text())
    }
    documented = {(status, code) for status, codes in ERROR_CODES.items() for code in codes}
    assert len(found) > 10
    assert found <= documented


SENT = [
    (example["id"], request["body"], status)
    for example in EXAMPLES
    if example.get("kind") in (None, "routing", "error", "client")
    for request in (
        example["request"] if isinstance(example["request"], list) else [example["request"]]
    )
    if "body" in request
    for status in [example["expect"]["http"]]
]


@pytest.mark.parametrize(("body", "status"), [each[1:] for each in SENT], ids=[e[0] for e in SENT])
def test_the_worked_examples_fit_the_schemas_unless_they_are_refused_for_their_form(
    body: Any, status: Any
):
    made = document(strict=False, keys_demanded=False)
    content = made["paths"]["/public/traces"]["post"]["requestBody"]["content"]
    schema = {**content["application/json"]["schema"], "components": made["components"]}
    fits = jsonschema.Draft202012Validator(schema).is_valid(body)
    names_no_target = bool(body.get("spans")) and all("name" in s for s in body["spans"])
    assert fits == (status != 400 or names_no_target)


# -- requests made from the document ---------------------------------------------------

HOOKS = '''
import schemathesis
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def message(spans):
    request = ExportTraceServiceRequest()
    found = request.resource_spans.add().scope_spans.add().spans
    for trace_id, span_id in spans:  # the name makes the bytes valid as log records too
        found.add(trace_id=trace_id, span_id=span_id, name="\\n\\0")
    return request.SerializeToString()


ids = st.tuples(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8))
messages = st.lists(ids, min_size=1, max_size=5).map(message)
schemathesis.openapi.media_type("application/x-protobuf", messages)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Bodies are made plain; that gzip is inflated has tests of its own."""
    for name, value in list((case.headers or {}).items()):
        if name.lower() == "content-encoding" and value.strip().lower() == "gzip":
            case.headers[name] = "identity"
'''


def test_requests_made_from_the_document_are_answered_as_it_says(serve: Serve, tmp_path: Path):
    """All checks of schemathesis, on edge cases of every parameter and on random requests, good
    and bad ones; ``tests/fuzz`` has longer runs of our own."""
    endpoint = serve(require_key=True)
    key = endpoint.key(endpoint.agents[0].id)
    (tmp_path / "request_hooks.py").write_text(HOOKS)
    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run",
            f"http://127.0.0.1:{endpoint.port}/openapi.json",
            "--header", f"x-api-key: {key}",
            "--checks", "all",
            "--exclude-path", "/traces",  # is /public/traces by another name
            "--phases", "coverage,fuzzing",
            "--max-examples", "5",
            "--generation-deterministic",
            "--no-color",
        ],
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path), "PYTHONHASHSEED": "0",
             "SCHEMATHESIS_HOOKS": "request_hooks"},
        capture_output=True,
        text=True,
        timeout=100,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert "Tested: 9" in run.stdout
    assert "failed" not in run.stdout
    assert endpoint.store.count() > 0
