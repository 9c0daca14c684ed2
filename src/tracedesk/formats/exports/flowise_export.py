"""Flowise executions of agentflows, from its API, its database or "Export" in its settings:
each becomes the ``data`` body of an answer that lists what was executed.

Source of a rule: FlowiseAI/Flowise ``packages/server/src/database/entities/Execution.ts``
(``executionData`` is JSON text), ``services/executions`` and ``services/export-import``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from tracedesk.formats.exports.records import (
    ExportBody,
    ExportFault,
    Record,
    below,
    mapping,
    opened,
    text,
)
from tracedesk.formats.saved_request import PUSH_PATH
from tracedesk.model import jsontext

LEFT_OUT = frozenset({"executionData", "agentflow"})
"""Fields that do not go into ``data``: one is replaced, the other is the flow's definition."""


def convert(records: Sequence[Record]) -> Iterator[ExportBody | ExportFault]:
    """A body for each execution."""
    for found in opened(records):
        if isinstance(found, ExportFault):
            yield found
            continue
        record, execution = found
        executed = _executed(execution["executionData"])
        if isinstance(executed, str):
            place = below(record.place, "executionData")
            yield ExportFault(record.line, place, executed)
        else:
            body = jsontext.dump(_body(execution, executed)).encode()
            request_id = text(execution.get("id"))
            yield ExportBody(body, record.line, record.place, PUSH_PATH, request_id)


def _executed(data: Any) -> list[Any] | str:
    """The executed nodes, or what is wrong with them."""
    if isinstance(data, str):
        try:
            data = jsontext.parse(data)
        except ValueError as error:
            return f"cannot be read as JSON: {error}"
    if not isinstance(data, list):
        return "is not a list of executed nodes"
    return data or "is empty: nothing was executed"


def _body(execution: dict[str, Any], executed: list[Any]) -> dict[str, Any]:
    data = {k: v for k, v in execution.items() if k not in LEFT_OUT and v is not None}
    data["executionId"] = text(execution.get("id"))
    data["agentFlowExecutedData"] = executed
    body: dict[str, Any] = {"data": data}
    flow = mapping(execution.get("agentflow"))
    ids = {
        "chatflowId": text(execution.get("agentflowId")) or text(flow.get("id")),
        "chatflowName": text(flow.get("name")),
    }
    metadata = {name: value for name, value in ids.items() if value is not None}
    if metadata:
        body["metadata"] = metadata
    return body
