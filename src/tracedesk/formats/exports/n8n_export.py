"""n8n executions, from its public API or from ``n8n execute``: each becomes the ``data`` body
that pushing it would have been, the execution's very bytes inside.

Source of a rule: n8n-io/n8n ``packages/cli/src/public-api/v1/handlers/executions/spec`` and
``packages/cli/src/commands/execute.ts``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tracedesk.formats.exports.records import ExportBody, ExportFault, Record, below, head, text
from tracedesk.formats.saved_request import PUSH_PATH
from tracedesk.model import jsontext


class _Data(msgspec.Struct):
    resultData: msgspec.Raw = msgspec.Raw()  # noqa: N815, n8n's spelling


class _Workflow(msgspec.Struct):
    id: Any = None
    name: Any = None


class _Execution(msgspec.Struct, rename="camel"):
    data: msgspec.Raw = msgspec.Raw()
    id: Any = None
    workflow_id: Any = None
    workflow_data: msgspec.Raw = msgspec.Raw()


_EXECUTION = msgspec.json.Decoder(_Execution)
_DATA = msgspec.json.Decoder(_Data)
_WORKFLOW = msgspec.json.Decoder(_Workflow)


def convert(records: Sequence[Record]) -> Iterator[ExportBody | ExportFault]:
    """A body for each execution that holds its data."""
    for record in records:
        try:
            execution = _EXECUTION.decode(record.text)
            problem = _problem(execution.data)
            about, request_id = _about(execution)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            problem, about, request_id = f"cannot be read: {error}", {}, None
        if problem:
            yield ExportFault(record.line, below(record.place, "data"), problem)
            continue
        metadata = b',"metadata":' + jsontext.dump(about).encode() if about else b""
        body = b'{"data":' + record.text + metadata + b"}"
        yield ExportBody(body, record.line, record.place, PUSH_PATH, request_id)


def _problem(data: msgspec.Raw) -> str:
    """Why an execution cannot be used; blank when it can."""
    if not data or head(data) == b"n":
        return "is missing; export the execution with includeData=true"
    if head(data) == b'"':
        return "is n8n's flat form; export the execution with dataFormat=unflatted"
    if head(data) != b"{" or not _DATA.decode(data).resultData:
        return "has no resultData, so it is no execution that ran"
    return ""


def _about(execution: _Execution) -> tuple[dict[str, str], str | None]:
    """Metadata as other senders put it, and a request id. Execution ids are small numbers, of
    one n8n only; with the workflow's they are unique."""
    workflow = _Workflow()
    if execution.workflow_data and head(execution.workflow_data) == b"{":
        workflow = _WORKFLOW.decode(execution.workflow_data)
    found = {
        "workflowId": text(execution.workflow_id) or text(workflow.id),
        "workflowName": text(workflow.name),
        "executionId": text(execution.id),
    }
    about = {name: value for name, value in found.items() if value is not None}
    if "workflowId" not in about or "executionId" not in about:
        return about, None
    return about, f"n8n:{about['workflowId']}:{about['executionId']}"
