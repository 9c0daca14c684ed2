"""n8n expressions such as ``={{ $json.url }}`` in HTTP Request parameters, resolved against
other nodes' outputs (ingestion spec 12.4). A whitelist of plain references: no JavaScript.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracedesk.model import jsontext
from tracedesk.model.built import ABSENT, Built
from tracedesk.model.peek import opened
from tracedesk.model.trace import Kind, Status

if TYPE_CHECKING:
    from tracedesk.reading.view import View

_BODY = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_QUOTED = r"""(?:"([^"]*)"|'([^']*)')"""
_HEAD = re.compile(
    rf"""\s*(?:\$json
        |\$node\[\s*{_QUOTED}\s*\]\.json
        |\$\(\s*{_QUOTED}\s*\)\.(?:item|first\(\)|last\(\))\.json
    )""",
    re.VERBOSE,
)
_STEP = re.compile(
    rf"""(?:\.([A-Za-z_$][\w$]*)|\[\s*{_QUOTED}\s*\]|\[\s*(\d{{1,9}})\s*\])""", re.VERBOSE
)

MAX_DEPTH = 200


def resolve_parameters(view: "View", index: int, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with every expression that can be resolved replaced by its value."""
    return {key: _resolve(view, index, value, 0) for key, value in parameters.items()}


def _resolve(view: "View", index: int, value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return value
    if isinstance(value, str):
        return _text(view, index, value)
    if isinstance(value, Mapping):
        return {k: _resolve(view, index, v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(view, index, v, depth + 1) for v in value]
    return value


def _text(view: "View", index: int, text: str) -> Any:
    if not text.startswith("="):
        return text
    body = text[1:]
    whole = _BODY.fullmatch(body.strip())
    if whole is not None and "{{" not in whole.group(1):
        value = _reference(view, index, whole.group(1))
        return text if value is ABSENT else value
    pieces: list[str] = []
    end = 0
    for match in _BODY.finditer(body):
        value = _reference(view, index, match.group(1))
        if value is ABSENT:
            return text
        pieces.append(body[end : match.start()])
        pieces.append(value if isinstance(value, str) else jsontext.dump(value))
        end = match.end()
    return "".join((*pieces, body[end:])) if pieces else body


def unresolved(value: Any) -> bool:
    """True when an expression was left as it stands somewhere in the value."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            if current.startswith("=") and "{{" in current:
                return True
        elif isinstance(current, Mapping):
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
    return False


def _reference(view: "View", index: int, expression: str) -> Any:
    head = _HEAD.match(expression)
    if head is None:
        return ABSENT
    label = next((group for group in head.groups() if group is not None), None)
    value = _json_of(view, index, label)
    at, rest = head.end(), expression.rstrip()
    while value is not ABSENT and at < len(rest):
        step = _STEP.match(rest, at)
        if step is None:
            return ABSENT
        value = _step(value, step)
        at = step.end()
    return value


def _step(value: Any, step: "re.Match[str]") -> Any:
    *names, number = step.groups()
    key = next((name for name in names if name is not None), None)
    if number is not None:
        at = int(number)
        return value[at] if isinstance(value, list) and at < len(value) else ABSENT
    return value[key] if isinstance(value, Mapping) and key in value else ABSENT


def _json_of(view: "View", index: int, label: str | None) -> Any:
    """Output of the named node, or of the nearest preceding executed one; first of several."""
    if view.node_outputs is None:
        view.node_outputs = _node_outputs(view)
    by_label, preceding = view.node_outputs
    at = preceding[index] if label is None else by_label.get(label)
    if at is None:
        return ABSENT
    output = _output(view, at)
    return output[0] if isinstance(output, list) and output else output


def _node_outputs(view: "View") -> tuple[dict[str, int], list[int | None]]:
    """First node with an output by label; and for each span the nearest one before it."""
    by_label: dict[str, int] = {}
    preceding: list[int | None] = []
    last = None
    for at, span in enumerate(view.spans):
        preceding.append(last)
        if span.synthetic or span.status is Status.SKIPPED or span.kind is Kind.TOOL:
            continue
        if _output(view, at) is not ABSENT:
            by_label.setdefault(span.label, at)
            last = at
    return by_label, preceding


def _output(view: "View", index: int) -> Any:
    payload = view.spans[index].payload
    if isinstance(payload, Built):
        return payload.output
    raw = opened(view.seen[index].get("n8n.node.output"))
    if raw is None:
        return ABSENT
    if isinstance(raw, str):
        try:
            return jsontext.parse(raw)
        except ValueError:
            return ABSENT
    return raw
