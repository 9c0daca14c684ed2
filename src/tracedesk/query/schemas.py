"""JSON Schema, checked on loading and never fetched from anywhere.

jsonschema is imported on first use: most test files need none of it.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from tracedesk.query.paths import locate
from tracedesk.query.patterns import Pattern, PatternError
from tracedesk.query.problems import Place, Report
from tracedesk.query.schema_keywords import refuse_misspelt
from tracedesk.query.values import shorten

MAX_FAULTS: Final = 5
"""Faults listed of one instance (assertion spec 6.4)."""

PATTERN_S: Final = 0.25
"""Time limit, in seconds, of one search of a schema's ``pattern``."""


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
    if isinstance(source, dict) and not report.text_keys(source, path):
        return None
    before = report.errors
    refuse_misspelt(source, path, report)
    if report.errors > before:
        return None
    remote = next(_remote_refs(source, path), None)
    if remote is not None:
        place, target = remote
        report.error(place, "remote-ref", f"'{shorten(target, 80)}' would have to be fetched")
        return None
    return _compile(source, path, report)


def _compile(source: Any, path: Place, report: Report) -> Schema | None:
    from jsonschema.exceptions import SchemaError
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    kind = _validator(source)
    if kind is None:
        report.error((*path, "$schema"), "bad-schema", "no such draft of JSON Schema is known")
        return None
    try:
        kind.check_schema(source)
        if not _patterns_fit(source, path, report):
            return None
        root = Resource.from_contents(source, default_specification=DRAFT202012)
        resolver = Registry().resolver_with_root(root)
        for reference, place in _local_refs(source, path):
            try:
                resolver.lookup(reference)
            except Unresolvable:
                report.error(place, "bad-schema", f"nothing is found at '{reference}'")
                return None
        validator = kind(source, registry=Registry())
        list(validator.iter_errors(None))
    except SchemaError as error:
        place = path + tuple(error.absolute_path)
        report.error(place, "bad-schema", shorten(error.message))
        return None
    except (Unresolvable, ValueError, TypeError, AttributeError, RecursionError) as error:
        report.error(path, "bad-schema", shorten(f"the schema cannot be used: {error}"))
        return None
    return Schema(source, validator)


def _validator(source: Any) -> Any:
    """The validator class of the schema's draft, its patterns run under a time limit."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend, validator_for

    named = source.get("$schema") if isinstance(source, dict) else None
    if named is None:
        kind: Any = Draft202012Validator
    else:
        kind = validator_for(source, default=None) if isinstance(named, str) else None  # type: ignore[arg-type]
    if kind is None:
        return None
    limited = {"pattern": _check_pattern, "patternProperties": _check_pattern_properties}
    return extend(kind, limited)  # type: ignore[no-untyped-call]


@lru_cache(maxsize=512)
def _pattern(text: str) -> Pattern:
    return Pattern(text)


def _check_pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, str) and _pattern(pattern).search(instance, PATTERN_S) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _check_pattern_properties(
    validator: Any, patterns: dict[str, Any], instance: Any, schema: Any
) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    for pattern, inner in patterns.items():
        for key, value in instance.items():
            if _pattern(pattern).search(key, PATTERN_S) is not None:
                yield from validator.descend(value, inner, path=key, schema_path=pattern)


def _patterns_fit(source: Any, path: Place, report: Report) -> bool:
    """Whether every pattern of the schema compiles; reports those that do not."""
    before = report.errors
    for place, node in _nodes(source, path):
        inner = node.get("patternProperties")
        texts = list(inner) if isinstance(inner, dict) else []
        texts += [node["pattern"]] if isinstance(node.get("pattern"), str) else []
        for text in texts:
            try:
                _pattern(text)
            except PatternError as error:
                report.error(place, "bad-regex", f"'{text}' is no regular expression: {error}")
    return report.errors == before


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
