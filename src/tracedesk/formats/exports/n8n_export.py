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

MAX_EXTERNAL_ID = 255
"""Characters of an ``externalId`` (ingestion spec 3)."""


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
            about = _about(execution)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            problem, about = f"cannot be read: {error}", {}
        if problem:
            yield ExportFault(record.line, below(record.place, "data"), problem)
            continue
        tail = jsontext.dump(about).encode()[1:] if about else b"}"
        body = b'{"data":' + record.text + (b"," if about else b"") + tail
        yield ExportBody(body, record.line, record.place, PUSH_PATH)


def _problem(data: msgspec.Raw) -> str:
    """Why an execution cannot be used; blank when it can."""
    if not data or head(data) == b"n":
        return "is missing; export the execution with includeData=true"
    if head(data) == b'"':
        return "is n8n's flat form; export the execution with dataFormat=unflatted"
    if head(data) != b"{" or not _DATA.decode(data).resultData:
        return "has no resultData, so it is no execution that ran"
    return ""


def _about(execution: _Execution) -> dict[str, Any]:
    """What identifies the execution and its workflow, where other senders put it."""
    workflow = _Workflow()
    if execution.workflow_data and head(execution.workflow_data) == b"{":
        workflow = _WORKFLOW.decode(execution.workflow_data)
    ids = {
        "workflowId": text(execution.workflow_id) or text(workflow.id),
        "workflowName": text(workflow.name),
    }
    metadata = {name: value for name, value in ids.items() if value is not None}
    about: dict[str, Any] = {"metadata": metadata} if metadata else {}
    external_id = text(execution.id)
    if external_id is not None and len(external_id) <= MAX_EXTERNAL_ID:
        about["externalId"] = external_id
    return about
