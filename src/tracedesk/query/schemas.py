"""JSON Schema, checked on loading and never fetched from anywhere.

jsonschema is imported on first use: most test files need none of it.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from tracedesk.model.verdict import Difference
from tracedesk.query.paths import locate
from tracedesk.query.patterns import PatternError
from tracedesk.query.problems import Place, Report
from tracedesk.query.schema_keywords import DEEPEST, refuse_misspelt
from tracedesk.query.schema_validators import pattern_of, registry, unresolved, validator_of
from tracedesk.query.values import shorten, type_of

MAX_FAULTS: Final = 5
"""Faults listed of one instance (assertion spec 6.4)."""


_EXAMINED: Final = 1000
"""Faults among which the shallowest are looked for; a long list may have one an element."""


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
        errors = islice(self._validator.iter_errors(instance), _EXAMINED)
        found = sorted(errors, key=lambda error: len(error.absolute_path))
        return [
            (
                locate(tuple(error.absolute_path)),
                locate(tuple(error.absolute_schema_path)),
                shorten(error.message),
                error.instance,
            )
            for error in found[:limit]
        ]


def fault_told(fault: tuple[str, str, str, Any], of: str = "") -> Difference:
    """One of ``Schema.faults`` as a difference; ``of`` names whose schema it is."""
    place, rule, message, value = fault
    return Difference(
        path=place,
        expected=None,
        actual=value,
        expected_type="any",
        actual_type=type_of(value),
        hint=message,
        wording=f"valid under {rule}{of}",
    )


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
    return _compile(source, path, report)


def _compile(source: Any, path: Place, report: Report) -> Schema | None:
    from jsonschema.exceptions import SchemaError

    kind = validator_of(source)
    if kind is None:
        report.error((*path, "$schema"), "bad-schema", "no such draft of JSON Schema is known")
        return None
    try:
        kind.check_schema(source, format_checker=None)
        if not (_patterns_fit(source, path, report) and _refs_lead(source, kind, path, report)):
            return None
        validator = kind(source, registry=registry())
        list(validator.iter_errors(None))
    except SchemaError as error:
        place = path + tuple(error.absolute_path)
        report.error(place, "bad-schema", shorten(error.message))
        return None
    except RecursionError:
        message = "the schema is nested too deeply, or refers to itself without end"
        report.error(path, "bad-schema", message)
        return None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        report.error(path, "bad-schema", shorten(f"the schema cannot be used: {error}"))
        return None
    return Schema(source, validator)


def _refs_lead(source: Any, kind: Any, path: Place, report: Report) -> bool:
    """Whether every reference leads somewhere without fetching; reports those that do not."""
    before = report.errors
    lost = list(unresolved(source, kind))
    places = {id(node): place for place, node in _nodes(source, path)} if lost else {}
    for node, keyword, target, remote in lost:
        place, said = (*places.get(id(node), path), keyword), f"'{shorten(target, 80)}'"
        if remote:
            report.error(place, "remote-ref", f"{said} would have to be fetched")
        else:
            report.error(place, "bad-schema", f"nothing is found at {said}")
    return report.errors == before


def _patterns_fit(source: Any, path: Place, report: Report) -> bool:
    """Whether every pattern of the schema compiles; reports those that do not."""
    before = report.errors
    for place, node in _nodes(source, path):
        inner = node.get("patternProperties")
        texts = [(text, (*place, "patternProperties", text)) for text in _names(inner)]
        if isinstance(node.get("pattern"), str):
            texts.append((node["pattern"], (*place, "pattern")))
        for text, where in texts:
            try:
                pattern_of(text)
            except PatternError as error:
                message = f"'{shorten(text, 80)}' is no regular expression: {error}"
                report.error(where, "bad-regex", message, on_key=where[-1] == text)
    return report.errors == before


def _names(value: Any) -> list[str]:
    return [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []


def _nodes(value: Any, path: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every object in a schema, with its place. Raises RecursionError where they lie too deep."""
    stack: list[tuple[Place, Any]] = [(path, value)]
    deepest = len(path) + DEEPEST
    while stack:
        place, node = stack.pop()
        if len(place) > deepest:
            raise RecursionError
        if isinstance(node, dict):
            yield place, node
            stack += [
                ((*place, key), item)
                for key, item in node.items()
                if key not in ("const", "enum", "default", "examples")
            ]
        elif isinstance(node, list):
            stack += [((*place, index), item) for index, item in enumerate(node)]
