"""JSON Schema, checked on loading and never fetched from anywhere.

jsonschema is imported on first use: most test files need none of it.
"""

from collections.abc import Iterator
from typing import Any

from tracedesk.query.paths import locate
from tracedesk.query.problems import Place, Report
from tracedesk.query.values import shorten

MAX_FAULTS = 5
"""Faults listed of one instance (assertion spec 6.4)."""


class Schema:
    """A compiled schema: Draft 2020-12 unless ``$schema`` says otherwise."""

    __slots__ = ("_validator", "source")

    def __init__(self, source: Any, validator: Any) -> None:
        self.source = source
        self._validator = validator

    def accepts(self, instance: Any) -> bool:
        """Whether the instance is valid."""
        return bool(self._validator.is_valid(instance))

    def faults(self, instance: Any, limit: int = MAX_FAULTS) -> list[tuple[str, str, str, Any]]:
        """Instance path, schema path, message and value of each fault, shallowest first."""
        found = sorted(self._validator.iter_errors(instance), key=lambda e: len(e.absolute_path))
        return [
            (
                locate(tuple(error.absolute_path)),
                locate(tuple(error.absolute_schema_path)),
                shorten(error.message),
                error.instance,
            )
            for error in found[:limit]
        ]


def compile_schema(source: Any, path: Place, report: Report) -> Schema | None:
    """Check a schema as an author wrote it; None after reporting what is wrong with it."""
    if source is True or source == {}:
        report.error(path, "always-true", "this schema accepts everything")
        return None
    if not isinstance(source, dict | bool):
        report.error(path, "wrong-type", "a schema is an object")
        return None
    remote = next(_remote_refs(source, path), None)
    if remote is not None:
        place, target = remote
        report.error(place, "remote-ref", f"'{shorten(target, 80)}' would have to be fetched")
        return None
    return _compile(source, path, report)


def _compile(source: Any, path: Place, report: Report) -> Schema | None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    kind = validator_for(source, default=Draft202012Validator)
    try:
        kind.check_schema(source)
        validator = kind(source, registry=Registry())
        root = Resource.from_contents(source, default_specification=DRAFT202012)
        resolver = Registry().resolver_with_root(root)
        for reference, place in _local_refs(source, path):
            try:
                resolver.lookup(reference)
            except Unresolvable:
                report.error(place, "bad-schema", f"nothing is found at '{reference}'")
                return None
        list(validator.iter_errors(None))
    except SchemaError as error:
        place = path + tuple(error.absolute_path)
        report.error(place, "bad-schema", shorten(error.message))
        return None
    except (Unresolvable, ValueError, TypeError, RecursionError) as error:
        report.error(path, "bad-schema", shorten(f"the schema cannot be used: {error}"))
        return None
    return Schema(source, validator)


def _nodes(value: Any, path: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    stack: list[tuple[Place, Any]] = [(path, value)]
    while stack:
        place, node = stack.pop()
        if isinstance(node, dict):
            yield place, node
            stack += [
                ((*place, key), item)
                for key, item in node.items()
                if key not in ("const", "enum", "default", "examples")
            ]
        elif isinstance(node, list):
            stack += [((*place, index), item) for index, item in enumerate(node)]


def _remote_refs(value: Any, path: Place) -> Iterator[tuple[Place, str]]:
    """References that leave the document. A schema of an own ``$id`` may name itself."""
    nodes = list(_nodes(value, path))
    own = {node["$id"] for _, node in nodes if isinstance(node.get("$id"), str)}
    for place, node in nodes:
        for key in ("$ref", "$dynamicRef"):
            target = node.get(key)
            if isinstance(target, str) and not target.startswith("#"):
                base = target.partition("#")[0]
                if base not in own:
                    yield (*place, key), target


def _local_refs(value: Any, path: Place) -> Iterator[tuple[str, Place]]:
    """References within the document; none where nested ids give ``#`` another meaning."""
    if any("$id" in node for place, node in _nodes(value, path) if place != path):
        return
    for place, node in _nodes(value, path):
        target = node.get("$ref")
        if isinstance(target, str) and target.startswith("#"):
            yield target, (*place, "$ref")
