"""Ways to spoil a body: parts dropped, retyped, doubled, renamed, swapped or nested, texts cut
short, bytes damaged. The same random numbers give the same body.
"""

import copy
import json
import random
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 10**400, 1.5, 1e308, "", " ", "{", "[1,", '{"a":', "[]", "{}",
    "\x00",
    "\ud800", "2", "STATUS_CODE_ERROR", "skipped", "tool", "x" * 300, [], {}, [[]], [{}],
    {"a": None},
    {"json": {}}, [{"json": {"text": "t"}}], {"role": "tool"}, {"parts": [{"type": []}]},
    {"stringValue": "s"}, {"intValue": "x"}, "={{ $json.a[0] }}", '[{"role":"assistant"}]',
)  # fmt: skip
NAMES = (
    "spans", "data", "resourceSpans", "resourceLogs", "attributes", "events", "output", "nodes",
    "status", "text", "gen_ai.output.messages", "gen_ai.input.messages", "gen_ai.tool.name",
    "n8n.node.output", "gen_ai.prompt.0.content", "llm.output_messages.0.message.role",
    "input.value", "usage", "parent_span_id", "span_id", "spanId", "traceId", "tool_calls",
    "parts", "content", "role", "type", "id", "observations", "executionData", "body", "result",
)  # fmt: skip
DEPTHS = (1, 2, 5, 60, 199, 201, 900, 20_000)
"""Levels that a nested part is put below; the limit of the product is 200."""

_HOLE = "a hole for something deep"
"""Stands for a nested part until the body is text: encoders do not nest as deep."""


def mutate_json(body: bytes, pick: random.Random) -> bytes:
    """The body with some of its parts changed."""
    value = json.loads(body)
    nested = ""
    for _ in range(pick.choice((1, 1, 2, 3, 5))):
        found = _place(value, pick)
        if found is None:
            break
        owner, key = found
        how = pick.randrange(28)
        if how < 4:
            del owner[key]
        elif how < 8 and isinstance(owner, list):
            owner.insert(key, copy.deepcopy(owner[key]))
        elif how < 12 and isinstance(owner, dict):
            owner[pick.choice(NAMES)] = owner.pop(key)
        elif how < 16 and isinstance(owner[key], str):
            owner[key] = mutate_text(owner[key], pick)
        elif how < 20 and (other := _place(value, pick)) is not None:
            inner = json.dumps(other[0][other[1]])
            owner[key] = inner if pick.random() < 0.3 else json.loads(inner)
        elif how == 20 and not nested:
            nested = _nested(json.dumps(owner[key]), pick)
            owner[key] = _HOLE
        else:
            owner[key] = copy.deepcopy(pick.choice(ODD))
    text = json.dumps(value, ensure_ascii=pick.random() < 0.5)
    if nested:
        hole = json.dumps(_HOLE)
        text = text.replace(hole, nested, 1).replace(hole, '""')
    raw = text.encode("utf-8", "surrogatepass")
    return damage(raw, pick) if raw and pick.random() < 0.1 else raw


def mutate_lines(body: bytes, pick: random.Random) -> bytes:
    """One line of several changed, lost, doubled or moved."""
    lines = body.splitlines(keepends=True)
    at = pick.randrange(len(lines))
    how = pick.randrange(6)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines.insert(pick.randrange(len(lines)), lines[at])
    else:
        lines[at] = mutate_json(lines[at], pick) + b"\n"
    return b"".join(lines)


def mutate_document(body: bytes, pick: random.Random) -> bytes:
    """A file: one JSON document, JSON lines, or bytes."""
    if body[:1] in (b"{", b"["):
        try:
            return mutate_json(body, pick)
        except ValueError:
            return mutate_lines(body, pick)
    return damage(body, pick)


def mutate_protobuf(kind: type[Message], body: bytes, pick: random.Random) -> bytes:
    """The message with some of its fields changed, or its bytes."""
    if pick.random() < 0.3:
        return damage(body, pick)
    message = kind.FromString(body)
    for _ in range(pick.choice((1, 1, 2, 3, 5))):
        owner = _inner(message, pick)
        fields = owner.ListFields()
        if fields:
            _mutate_field(owner, *pick.choice(fields), pick)
    raw = bytes(message.SerializePartialToString())
    return damage(raw, pick) if pick.random() < 0.1 else raw


def _inner(message: Message, pick: random.Random) -> Message:
    """A random message in a message, mostly a deep one."""
    while pick.random() < 0.9:
        inner = [
            entry
            for field, value in message.ListFields()
            if field.type == field.TYPE_MESSAGE
            for entry in (value if field.is_repeated else [value])
        ]
        if not inner:
            break
        message = pick.choice(inner)
    return message


def _mutate_field(owner: Message, field: Any, value: Any, pick: random.Random) -> None:
    how = pick.randrange(4)
    if how == 0:
        owner.ClearField(field.name)
    elif field.is_repeated:
        at = pick.randrange(len(value))
        value.extend([value[at]] * pick.choice((1, 1, 1, 8)))
        if how == 1:
            del value[at]
    elif isinstance(owner, AnyValue):
        _retype(owner, pick)
    elif isinstance(value, str):
        setattr(owner, field.name, mutate_text(value, pick).encode("utf-8", "ignore").decode())
    elif isinstance(value, bytes):
        setattr(owner, field.name, pick.choice((b"", value[:3], value * 2, bytes(len(value)))))
    elif isinstance(value, int):
        # fits every integer type of OTLP but the flags of a span
        setattr(owner, field.name, pick.choice((0, 1, 2, 3, 2**31 - 1)))


def _retype(value: AnyValue, pick: random.Random) -> None:
    """Another type, or some lists or objects around the value."""
    how = pick.randrange(6)
    if how == 0:
        value.int_value = -(2**63)
    elif how == 1:
        value.double_value = pick.choice((float("nan"), float("inf"), 1e308, -0.0))
    elif how == 2:
        value.bool_value = True
    elif how == 3:
        value.bytes_value = b"\xff\x00"
    else:
        for _ in range(pick.choice((1, 3, 20))):
            inner = AnyValue()
            inner.CopyFrom(value)
            value.Clear()
            if how == 4:
                value.array_value.values.append(inner)
            else:
                value.kvlist_value.values.add(key=pick.choice(NAMES)).value.CopyFrom(inner)


def mutate_text(text: str, pick: random.Random) -> str:
    """Text cut short, or with a character changed; JSON inside text is mutated as JSON."""
    if text[:1] in ("{", "[") and pick.random() < 0.8:
        try:
            return mutate_json(text.encode("utf-8", "replace"), pick).decode("utf-8", "replace")
        except (ValueError, RecursionError):
            pass  # no JSON after all, or nested by an earlier change
    at = pick.randrange(len(text) + 1)
    return (
        text[:at] if pick.random() < 0.5 else text[:at] + pick.choice('{}[]",:\\\x00é') + text[at:]
    )


def damage(body: bytes, pick: random.Random) -> bytes:
    """Some bytes changed; now and then some cut out or doubled, or the end lost."""
    raw = bytearray(body)
    if not raw:
        return body
    for _ in range(pick.choice((1, 1, 1, 2, 4))):
        raw[pick.randrange(len(raw))] = pick.randrange(256)
    if pick.random() < 0.2:
        at = pick.randrange(len(raw))
        if pick.random() < 0.5:
            del raw[at : at + pick.randint(1, 9)]
        else:
            raw[at:at] = raw[max(0, at - pick.randint(1, 20)) : at]
    return bytes(raw[: pick.randrange(len(raw) + 1)]) if pick.random() < 0.1 else bytes(raw)


def _nested(text: str, pick: random.Random) -> str:
    """JSON text below many lists, objects, or both."""
    depth = pick.choice(DEPTHS)
    opening, closing = pick.choice((("[", "]"), ('{"a":', "}"), ('[{"content":', "}]")))
    return opening * depth + text + closing * depth


def _place(value: Any, pick: random.Random) -> tuple[Any, Any] | None:
    """A random place in a value, mostly a deep one: its owner and key."""
    owner: Any = None
    key: Any = None
    while owner is None or pick.random() < 0.9:
        if isinstance(value, dict) and value:
            owner, key = value, pick.choice(list(value))
        elif isinstance(value, list) and value:
            owner, key = value, pick.randrange(len(value))
        else:
            break
        value = owner[key]
    return None if owner is None else (owner, key)
