"""Validators of each draft of JSON Schema, their patterns under a time limit.

The library runs property patterns with the standard engine, which nothing can stop; here
every search goes through ``Pattern``. Nothing is ever fetched: what a document refers to is
in it, or is one of the published drafts that come with the library.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, Final

from tracedesk.query.patterns import Pattern

PATTERN_S: Final = 0.25
"""Time limit, in seconds, of one search of a schema's pattern."""


@lru_cache(maxsize=512)
def pattern_of(text: str) -> Pattern:
    """A schema's pattern. Raises PatternError."""
    return Pattern(text)


def found_in(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere. Raises PatternTimeoutError."""
    return pattern_of(pattern).search(text, PATTERN_S) is not None


def validator_of(source: Any) -> Any:
    """The validator class of a schema's draft, 2020-12 when it names none; None if unknown."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    named = source.get("$schema") if isinstance(source, dict) else None
    if named is None:
        return _limited(Draft202012Validator)
    kind = validator_for(source, default=None) if isinstance(named, str) else None  # type: ignore[arg-type]
    return None if kind is None else _limited(kind)


@cache
def _limited(kind: Any) -> Any:
    from jsonschema.validators import extend

    mine = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "unevaluatedProperties": _unevaluated_properties,
    }
    kept = {name: check for name, check in mine.items() if name in kind.VALIDATORS}
    return extend(kind, kept)  # type: ignore[no-untyped-call]


def unresolved(source: Any, kind: Any) -> Iterator[tuple[dict[str, Any], str, str, bool]]:
    """References that lead nowhere: the object that holds one, its keyword, the target, and
    whether some document is missing rather than a place in this one."""
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import specification_with

    own = specification_with(kind.META_SCHEMA["$schema"])
    root = own.create_resource(source)
    stack = [(root, registry().resolver_with_root(root))]
    while stack:
        resource, resolver = stack.pop()
        contents = resource.contents
        for keyword in ("$ref", "$dynamicRef"):
            target = contents.get(keyword) if isinstance(contents, dict) else None
            if not isinstance(target, str):
                continue
            try:
                resolver.lookup(target)
            except Unresolvable as error:
                yield contents, keyword, target, type(error) is Unresolvable
        stack += [(inner, resolver.in_subresource(inner)) for inner in resource.subresources()]


def registry() -> Any:
    """The published drafts, and no way to fetch anything else."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

    return REGISTRY


def _error(message: str) -> Any:
    from jsonschema.exceptions import ValidationError

    return ValidationError(message)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not found_in(pattern, instance):
        yield _error(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], instance: Any, schema: Any
) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    for pattern, inner in patterns.items():
        for key, value in instance.items():
            if found_in(pattern, key):
                yield from validator.descend(value, inner, path=key, schema_path=pattern)


def _additional_properties(validator: Any, inner: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", ()), schema.get("patternProperties", ())
    extras = [
        key
        for key in instance
        if key not in known and not any(found_in(pattern, key) for pattern in patterns)
    ]
    if inner is False:
        if extras:
            yield _error(
                f"no other properties are allowed than those named, but has {_list(extras)}"
            )
        return
    for key in extras:
        yield from validator.descend(instance[key], inner, path=key)


def _unevaluated_properties(
    validator: Any, inner: Any, instance: Any, schema: Any
) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    seen = _evaluated(validator, instance, schema, skip="unevaluatedProperties")
    wrong = [
        key
        for key, value in instance.items()
        if key not in seen and not _valid(validator, value, inner)
    ]
    if wrong:
        yield _error(f"properties that nothing else evaluates are not allowed: {_list(wrong)}")


def _list(keys: list[str]) -> str:
    return ", ".join(map(repr, sorted(keys)))


def _valid(validator: Any, value: Any, schema: Any) -> bool:
    return next(validator.descend(value, schema), None) is None


def _evaluated(validator: Any, instance: dict[str, Any], schema: Any, skip: str = "") -> set[str]:
    """Properties that a schema, whose own check they passed, has looked at."""
    if not isinstance(schema, dict):
        return set()
    found: set[str] = set()
    for keyword, value in schema.items():
        if keyword == skip:
            continue
        if keyword == "properties":
            found |= value.keys() & instance.keys()
        elif keyword == "patternProperties":
            found |= {key for key in instance if any(found_in(p, key) for p in value)}
        elif keyword in ("additionalProperties", "unevaluatedProperties"):
            found |= instance.keys()
        else:
            for inner, within in _applied(validator, keyword, value, instance, schema):
                found |= _evaluated(within, instance, inner)
    return found


def _applied(
    validator: Any, keyword: str, value: Any, instance: dict[str, Any], schema: dict[str, Any]
) -> Iterator[tuple[Any, Any]]:
    """Schemas that a keyword lays on the same instance and that accept it, each with the
    validator that stands where its references resolve."""
    if keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
        yield _referred(validator, keyword, value)
    elif keyword in ("allOf", "anyOf", "oneOf"):
        yield from ((each, validator) for each in value if _valid(validator, instance, each))
    elif keyword == "dependentSchemas":
        yield from ((each, validator) for name, each in value.items() if name in instance)
    elif keyword == "if":
        holds = _valid(validator, instance, value)
        if holds:
            yield value, validator
        branch = "then" if holds else "else"
        if branch in schema:
            yield schema[branch], validator


def _referred(validator: Any, keyword: str, target: str) -> tuple[Any, Any]:
    from referencing.jsonschema import lookup_recursive_ref

    here = validator._resolver
    found = lookup_recursive_ref(here) if keyword == "$recursiveRef" else here.lookup(target)
    return found.contents, validator.evolve(schema=found.contents, _resolver=found.resolver)
