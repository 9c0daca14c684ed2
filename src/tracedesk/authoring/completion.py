"""What may be written at the cursor of a file of test cases: keys and words by the schema of
these files, names and argument paths by the stored traces."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from tracedesk.authoring.cursor import MARKER, Writing, writings_at
from tracedesk.authoring.vocabulary import Vocabulary, frequent
from tracedesk.query.names import nearest
from tracedesk.testcases import emit
from tracedesk.testcases.schema import file_schema

MAX_OFFERED: Final = 200

MAX_TEXT: Final = 1_000_000
"""Characters of the longest text that is completed; reading it takes a tenth of a second."""

NAMES: Final = frozenset({
    "expected_name", "target_node", "order", "first", "then", "allowed", "required", "forbidden",
    "tools", "called", "not_called", "ignore", "steps", "name",
})  # fmt: skip
"""Fields that hold names of calls; ``name`` only inside a selector."""

TOOLS_ONLY: Final = frozenset({"allowed", "required", "forbidden", "tools"})

ARGUMENTS: Final = {"expected_arguments": False, "expected_output": True}
"""Maps whose keys are paths of a call, and whether of its output."""


class Completion(msgspec.Struct, frozen=True):
    """One word that may be written."""

    word: str
    doc: str = ""
    insert: str = ""
    """What is put in the place of the word so far."""


class Completions(msgspec.Struct, frozen=True):
    """All words that fit, and where they go."""

    line: int
    start: int
    """Column where the word begins, from 0."""
    end: int
    words: tuple[Completion, ...] = ()


def complete(
    text: str, line: int, column: int, vocabulary: Vocabulary, agents: Iterable[str] = ()
) -> Completions:
    """What may stand before a column of a line, both from 0; those that begin with what is
    written come first, then those that hold it, then a near one."""
    nothing = Completions(line, column, column)
    if len(text) > MAX_TEXT:
        return nothing
    for writing in writings_at(text, line, column):
        found = {each.word: each for each in _words(writing, vocabulary, agents)}
        fitting = _fitting(writing.word, found)
        if fitting:
            words = tuple(
                msgspec.structs.replace(each, insert=_inserted(each.word, writing))
                for each in fitting
            )
            return Completions(line, writing.start, column, words)
    return nothing


def _inserted(word: str, writing: Writing) -> str:
    written = emit.scalar(word)
    return f"{written}: " if writing.key and not writing.colon else written


def _fitting(word: str, found: Mapping[str, Completion]) -> list[Completion]:
    wanted = word.casefold()
    begin = [each for name, each in found.items() if name.casefold().startswith(wanted)]
    inside = [e for name, e in found.items() if wanted in name.casefold() and e not in begin]
    fitting = [*begin, *inside]
    if not fitting and (near := nearest(word, found)) is not None:
        fitting = [found[near]]
    return fitting[:MAX_OFFERED]


def _words(writing: Writing, known: Vocabulary, agents: Iterable[str]) -> Iterator[Completion]:
    path = writing.path
    if writing.key:
        yield from _seen(_argument_paths(writing, known), "in stored traces")
        yield from _keys(writing)
        return
    field = next((step for step in reversed(path) if isinstance(step, str)), "")
    selecting = {"select", "within", "parent", "child", "ancestor", "descendant"} & set(path)
    if field in NAMES and (field != "name" or selecting):
        names = known.tools if field in TOOLS_ONLY else known.calls
        yield from _seen(frequent(names), "in stored traces")
    elif field in ("path", "output_key"):
        yield from _seen(_response_paths(writing, known), "in stored traces")
    elif field == "agent":
        yield from _seen(agents, "configured")
    for schema in _schemas(writing.root, path):
        yield from _constants(schema)


def _seen(names: Iterable[str], doc: str) -> Iterator[Completion]:
    for name in names:
        yield Completion(name, doc)


def _argument_paths(writing: Writing, known: Vocabulary) -> list[str]:
    path = writing.path
    if path and path[-1] in ARGUMENTS:
        name = writing.above(1).get("expected_name")
        return known.paths_of(str(name), ARGUMENTS[str(path[-1])]) if name else []
    if path and path[-1] in ("checks", "attributes"):
        return frequent(known.attributes)
    if path and path[-1] == "expected" and "assertions" in path:
        return frequent(known.response)
    return []


def _response_paths(writing: Writing, known: Vocabulary) -> list[str]:
    name = writing.above(1).get("target_node")
    return known.paths_of(str(name), output=True) if name else frequent(known.response)


def _keys(writing: Writing) -> Iterator[Completion]:
    value = writing.above()
    present = set(value) - {MARKER} if isinstance(value, dict) else set()
    for schema in _schemas(writing.root, writing.path):
        for name, field in schema.get("properties", {}).items():
            if name not in present:
                yield Completion(name, field.get("description", ""))


@cache
def _schema() -> dict[str, Any]:
    return file_schema()


def _schemas(root: Any, path: Iterable[str | int]) -> list[dict[str, Any]]:
    """The schemas that a place in the file may have, by what stands around it."""
    found, value = _alternatives(_schema(), root), root
    for step in path:
        value = value[step]
        found = [
            alternative
            for schema in found
            for below in _below(schema, step)
            for alternative in _alternatives(below, value)
        ]
    return found


def _below(schema: Mapping[str, Any], step: str | int) -> Iterator[dict[str, Any]]:
    if isinstance(step, int):
        below = schema.get("items")
    else:
        below = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
    if isinstance(below, dict):
        yield below


def _alternatives(schema: dict[str, Any], value: Any) -> list[dict[str, Any]]:
    """A schema with its references followed; of several, those whose constants fit."""
    while "$ref" in schema:
        schema = _schema()["$defs"][schema["$ref"].rpartition("/")[2]]
    options = schema.get("anyOf")
    if options is None:
        return [schema]
    return [
        each for option in options for each in _alternatives(option, value) if _fits(each, value)
    ]


def _fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether the words that a value has already are those of a schema."""
    if not isinstance(value, dict):
        return True
    for name, field in schema.get("properties", {}).items():
        written = value.get(name)
        if isinstance(written, str) and written != MARKER:
            words = list(_constants(field))
            if words and written not in {each.word for each in words}:
                return False
    return True


def _constants(schema: Mapping[str, Any]) -> Iterator[Completion]:
    doc = str(schema.get("description", ""))
    for word in (*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())):
        if isinstance(word, str):
            yield Completion(word, doc)
    if schema.get("type") == "boolean":
        yield from (Completion("true", doc), Completion("false", doc))
