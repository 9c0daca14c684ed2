"""Builds the spans of older ``data`` bodies: one synthetic root, nodes ``n<i>``, their tools
``n<i>.t<j>``, trace-level tools ``t<j>``. Ids count from 0 in body order, so they are the
same whenever the body is read again (ingestion spec 10.2).
"""

from typing import Any

from tracedesk.formats.places import child
from tracedesk.model.built import ABSENT, Built
from tracedesk.model.trace import Format, Kind, Span, Status, Trace

ROOT_ID = "root"

NODE_STATUS = {
    "success": Status.OK,
    "ok": Status.OK,
    "error": Status.ERROR,
    "failed": Status.ERROR,
    "skipped": Status.SKIPPED,
}
"""Status texts of node and tool entries; others say nothing."""


class Builder:
    """Collects spans under one root, in body order."""

    def __init__(self, format: Format, data: Any, name: str) -> None:
        root = Span(span_id=ROOT_ID, name=name, synthetic=True, place="$", kind=Kind.NODE)
        self.root = root
        self.trace = Trace(format=format, spans=[root], data=data)
        self._nodes = 0
        self._tools: dict[str, int] = {}

    def node(
        self,
        label: str,
        payload: Built,
        *,
        place: str,
        parent: str = ROOT_ID,
        aliases: tuple[str, ...] = (),
        kind: Kind = Kind.NODE,
        **fields: Any,
    ) -> Span:
        """Add a node entry."""
        span = Span(
            span_id=f"n{self._nodes}",
            name=label,
            parent_id=parent,
            kind=kind,
            aliases=tuple(dict.fromkeys(a for a in aliases if a and a != label)),
            place=place,
            payload=payload,
            **fields,
        )
        self._nodes += 1
        self.trace.spans.append(span)
        return span

    def tool(
        self, name: str, payload: Built, *, place: str, parent: Span | None = None, **fields: Any
    ) -> Span:
        """Add a tool call of ``parent``, or of the trace itself."""
        owner = "" if parent is None else parent.span_id
        number = self._tools.get(owner, 0)
        self._tools[owner] = number + 1
        span = Span(
            span_id=f"{owner}.t{number}" if owner else f"t{number}",
            name=name,
            parent_id=owner or ROOT_ID,
            kind=Kind.TOOL,
            place=place,
            payload=payload,
            **fields,
        )
        self.trace.spans.append(span)
        return span


def tools_called(builder: Builder, entries: Any, place: str, parent: Span | None) -> None:
    """Tool calls ``{name, input | arguments, output?, status?, error?}`` of a node or trace.

    Entries without a name are left out with a warning: they name no tool.
    """
    if not isinstance(entries, list):
        return
    for index, entry in enumerate(entries):
        at = f"{place}[{index}]"
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name.strip():
            builder.trace.warn("coerced_field", f"{at} names no tool and was left out")
            continue
        key = "arguments" if "arguments" in entry else "input"
        payload = Built(
            entry,
            arguments=entry.get(key, ABSENT),
            arguments_place=child(at, key),
            output=entry.get("output", ABSENT),
            output_place=child(at, "output"),
        )
        status, message = entry_status(entry)
        builder.tool(name, payload, place=at, parent=parent, status=status, status_message=message)


def entry_status(entry: dict[str, Any]) -> tuple[Status, str]:
    """Status and error text of a node or tool entry; an ``error`` alone marks it failed."""
    text = entry.get("status")
    status = NODE_STATUS.get(text.strip().lower(), Status.UNSET) if isinstance(text, str) else None
    error = entry.get("error")
    if error and status in (None, Status.UNSET):
        status = Status.ERROR
    return status or Status.UNSET, error_text(error)


def error_text(error: Any) -> str:
    """The message of an error written as text or object; blank when there is none."""
    if isinstance(error, str):
        return error
    if isinstance(error, dict):
        message = error.get("message") or error.get("description") or error.get("name")
        return message if isinstance(message, str) else ""
    return ""
