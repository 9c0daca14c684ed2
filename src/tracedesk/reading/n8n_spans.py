"""What the n8n node 1.x puts into ``n8n.node.*`` attributes, read by the n8n rules."""

from tracedesk.model.peek import opened
from tracedesk.model.reading import Source
from tracedesk.reading.messages import parsed
from tracedesk.reading.n8n_nodes import (
    Node,
    output_text,
    response_node,
    trigger_node,
    trigger_text,
)
from tracedesk.reading.view import View

OUTPUT = "n8n.node.output"


def nodes(view: View) -> list[Node]:
    """Executed nodes that have an output, in body order."""
    found = []
    for index in view.form.having(OUTPUT):
        span, seen = view.spans[index], view.seen[index]
        type_ = seen.get("n8n.node.type")
        found.append(
            Node(
                span=span.span_id,
                label=span.label,
                place=OUTPUT,
                type=type_ if isinstance(type_, str) else None,
                output=parsed(opened(seen[OUTPUT])),
                index=index,
            )
        )
    return found


def response(view: View) -> tuple[str, Source] | None:
    """The text of the last AI node, else of the last node that is no trigger (spec 12.5)."""
    chosen = response_node(nodes(view))
    if chosen is None:
        return None
    node, rule = chosen
    text, key = output_text(node.output)
    if text is None:
        return None
    return text, Source(node.span, node.place, f"{rule} {node.label}" + (f", {key}" if key else ""))


def trigger_input(view: View) -> tuple[str, Source] | None:
    """What the trigger received."""
    node = trigger_node(nodes(view))
    if node is None:
        return None
    text, key = trigger_text(node.output)
    if text is None:
        return None
    return text, Source(
        node.span, node.place, f"trigger {node.label}" + (f", {key}" if key else "")
    )
