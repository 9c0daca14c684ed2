"""The matchers of expected values, and the compiler that reads what authors wrote.

One table row per matcher: which options it takes and how it is built. Nothing unknown is
ever skipped: a foreign key, a bad pattern or a wrong type is a problem with its path.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tracedesk.query import formats, pairings, shapes
from tracedesk.query.comparisons import Approx, Between, Dated, Ordered
from tracedesk.query.dates import Expression, ExpressionError, parse_expression
from tracedesk.query.expected import MODES, Env, Expected, ListOf, Literal, ObjectOf
from tracedesk.query.matcher_options import FAULTY, Options, pattern_fault
from tracedesk.query.misspelt import meant_as_matcher
from tracedesk.query.names import nearest
from tracedesk.query.problems import Place, Problem, Report
from tracedesk.query.schemas import compile_schema
from tracedesk.query.values import ABSENT, is_number, type_of

__all__ = ["MATCHERS", "Compiler", "Env", "Expected", "compile_expected", "pattern_fault"]


def compile_expected(obj: Any, *, mode: str = "contains") -> tuple[Expected, list[Problem]]:
    """Compile an expected value as written (assertion spec 4.2).

    With any problem of severity error the result must not be used.
    """
    report = Report()
    expected = Compiler(report, mode).compile(obj, ())
    return expected, report.problems


def _exact(o: Options) -> Expected:
    return Literal(o.obj, o.value(), o.flag("ignore_case"), **o.base)


def _contains(o: Options) -> Expected:
    value = o.value()
    if value == "":
        return o.bad("value", "empty-value", "every text contains the empty text")
    return shapes.Contains(o.obj, value, o.flag("ignore_case"), **o.base)


def _regex(o: Options) -> Expected:
    pattern = o.pattern()
    return FAULTY if pattern is None else shapes.Regex(o.obj, pattern, **o.base)


def _ordered(o: Options) -> Expected:
    bound = o.bound("value")
    return FAULTY if bound is ABSENT else Ordered(o.obj, o.matcher, bound, **o.base)


def _between(o: Options) -> Expected:
    low, high = o.bound("min"), o.bound("max")
    if low is ABSENT or high is ABSENT:
        return FAULTY
    between = Between(o.obj, low, high, **o.base)
    if between.reversed():
        return o.bad("min", "contradiction", "'min' is above 'max', or cannot be compared with it")
    return between


def _approx(o: Options) -> Expected:
    value = o.value()
    if not is_number(value):
        return o.bad("value", "wrong-type", f"'approx' needs a number, not {type_of(value)}")
    return Approx(o.obj, value, o.number("abs", 0), o.number("rel", 1e-6), **o.base)


def _not(o: Options) -> Expected:
    return shapes.Not(o.obj, o.expected(o.value(), "value"), **o.base)


def _one_of(o: Options) -> Expected:
    values, fold = o.items(), o.flag("ignore_case")
    if values is None:
        return FAULTY
    elements = [
        Literal(e.source, fold=True) if fold and isinstance(e, Literal) else e
        for e in o.elements(values)
    ]
    return shapes.OneOf(o.obj, elements, **o.base)


def _type(o: Options) -> Expected:
    value = o.value()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        return o.bad("value", "wrong-type", "'type' needs a type name or a list of them")
    for name in names:
        if name not in shapes.TYPES:
            known = nearest(name, shapes.TYPES) if isinstance(name, str) else None
            message = f"'{name}' is no JSON type; known: {', '.join(shapes.TYPES)}"
            o.report.error((*o.path, "value"), "wrong-type", message, known)
            return FAULTY
    return shapes.OfType(o.obj, names, **o.base)


def _affix(o: Options) -> Expected:
    text = o.text()
    if text is None:
        return FAULTY
    return shapes.Affix(o.obj, o.matcher, text, o.flag("ignore_case"), **o.base)


def _length(o: Options) -> Expected:
    value = o.value()
    if not is_number(value) and not isinstance(value, dict):
        return o.bad("value", "wrong-type", "'length' needs a number or a matcher object")
    return shapes.Length(o.obj, o.expected(value, "value"), **o.base)


def _contains_all(o: Options) -> Expected:
    values = o.items()
    if values is None:
        return FAULTY
    if "" in values:
        return o.bad("value", "empty-value", "every text contains the empty text")
    return pairings.ContainsAll(o.obj, values, o.elements(values), **o.base)


def _unordered(o: Options) -> Expected:
    values = o.items(allow_empty=True)
    return FAULTY if values is None else pairings.Unordered(o.obj, o.elements(values), **o.base)


def _partial(o: Options) -> Expected:
    value = o.value()
    if not isinstance(value, dict | list):
        return o.bad("value", "wrong-type", "'partial' needs an object or a list")
    return shapes.Wrapped(o.obj, o.expected(value, "value", mode="contains"), **o.base)


def _json(o: Options) -> Expected:
    return shapes.JsonText(o.obj, o.expected(o.value(), "value"), **o.base)


def _schema(o: Options) -> Expected:
    schema = compile_schema(o.value(), (*o.path, "value"), o.report)
    return FAULTY if schema is None else shapes.Schematic(o.obj, schema, **o.base)


class Matcher(msgspec.Struct, frozen=True):
    """One row of the table."""

    build: Callable[[Options], Expected]
    options: tuple[str, ...] = ()
    """Beside ``matcher``, ``value`` where needed, and ``optional``."""
    needs_value: bool = True
    expression: bool = False
    """An ``expression`` may stand in place of ``value``."""
    doc: str = ""


def _plain(kind: type[Expected]) -> Callable[[Options], Expected]:
    return lambda o: kind(o.obj, **o.base)


def _text_format(name: str) -> Callable[[Options], Expected]:
    return lambda o: formats.TextFormat(o.obj, name, **o.base)


MATCHERS: Final[Mapping[str, Matcher]] = {
    "exact": Matcher(_exact, ("ignore_case",), expression=True, doc="equal JSON value"),
    "contains": Matcher(_contains, ("ignore_case",), doc="substring, element or key"),
    "regex": Matcher(_regex, ("ignore_case", "flags"), doc="pattern found anywhere"),
    "gte": Matcher(_ordered, expression=True, doc="at least"),
    "lte": Matcher(_ordered, expression=True, doc="at most"),
    "gt": Matcher(_ordered, expression=True, doc="more than"),
    "lt": Matcher(_ordered, expression=True, doc="less than"),
    "between": Matcher(_between, ("min", "max"), needs_value=False, doc="inclusive range"),
    "approx": Matcher(_approx, ("abs", "rel"), doc="number within a tolerance"),
    "not": Matcher(_not, doc="present and not matching"),
    "one_of": Matcher(_one_of, ("ignore_case",), doc="some listed value matches"),
    "any": Matcher(_plain(shapes.Present), needs_value=False, doc="present, null included"),
    "absent": Matcher(_plain(shapes.NotThere), needs_value=False, doc="not present"),
    "type": Matcher(_type, doc="a JSON type, or one of several"),
    "starts_with": Matcher(_affix, ("ignore_case",), doc="text begins with"),
    "ends_with": Matcher(_affix, ("ignore_case",), doc="text ends with"),
    "length": Matcher(_length, doc="number of characters, elements or keys"),
    "contains_all": Matcher(_contains_all, doc="every listed text or element"),
    "unordered": Matcher(_unordered, doc="the same elements in any order"),
    "partial": Matcher(_partial, doc="deep subset"),
    "json": Matcher(_json, doc="text holding JSON that matches"),
    "schema": Matcher(_schema, doc="JSON Schema accepts it"),
    **{
        name: Matcher(_text_format(name), needs_value=False, doc=f"text in {words} form")
        for name, words in formats.FORMATS.items()
    },
}
"""Every matcher by its canonical name."""

ALIASES: Final[Mapping[str, str]] = {
    "equals": "exact",
    "eq": "exact",
    "in": "one_of",
    "exists": "any",
    "startsWith": "starts_with",
    "endsWith": "ends_with",
}

NAMES: Final = (*MATCHERS, *ALIASES)
"""Every name that may stand under ``matcher``."""

OPTION_NAMES: Final = frozenset(
    {"matcher", "value", "expression", "optional"}.union(*(m.options for m in MATCHERS.values()))
)
"""Every key that some matcher object may have."""


class Compiler:
    """Compiles expected values, all faults going to one report."""

    def __init__(self, report: Report, mode: str = "contains") -> None:
        assert mode in MODES
        self.report = report
        self.mode = mode

    def compile(self, obj: Any, path: Place, mode: str | None = None) -> Expected:
        """One expected value at its place in the written object."""
        if isinstance(obj, dict):
            if not self.report.text_keys(obj, path):
                return FAULTY
            return self._matcher(obj, path) if "matcher" in obj else self._object(obj, path, mode)
        if isinstance(obj, list):
            return ListOf(obj, [self.compile(item, (*path, i), mode) for i, item in enumerate(obj)])
        return Literal(obj)

    def members(self, obj: dict[str, Any], path: Place) -> dict[str, Expected]:
        """The members of an object, each compiled; ``$regex`` and its like are warned about."""
        if not self.report.text_keys(obj, path) or not self.is_map(obj, path):
            return {}
        return {key: self._member(key, item, (*path, key), None) for key, item in obj.items()}

    def is_map(self, obj: dict[str, Any], path: Place) -> bool:
        """Whether a map of names to expected values is one; reports a matcher in its place."""
        key = meant_as_matcher(obj, NAMES, OPTION_NAMES, in_map=True)
        if key is None:
            return True
        message = "expected values are written by name here, and a matcher after each name, as in "
        message += "{name: {matcher: …, value: …}}"
        self.report.error((*path, key), "unknown-matcher-option", message, on_key=True)
        return False

    def _object(self, obj: dict[str, Any], path: Place, mode: str | None) -> Expected:
        key = meant_as_matcher(obj, NAMES, OPTION_NAMES)
        if key is not None:
            message = f"'{key}' is not 'matcher', so this would be compared as an object; "
            message += "if it is one, write {matcher: exact, value: {…}}"
            self.report.error(
                (*path, key), "unknown-matcher-option", message, "matcher", on_key=True
            )
            return FAULTY
        members = {key: self._member(key, item, (*path, key), mode) for key, item in obj.items()}
        return ObjectOf(obj, members, mode or self.mode)

    def _member(self, key: str, item: Any, path: Place, mode: str | None) -> Expected:
        name = key[1:]
        if key.startswith("$") and (name in MATCHERS or name in ALIASES):
            self.report.warn(
                path,
                "dollar-key",
                f"'{key}' is taken as the name of an argument; "
                f"a matcher is written {{matcher: {name}, value: …}}",
                name,
                on_key=True,
            )
        return self.compile(item, path, mode)

    def _matcher(self, obj: dict[str, Any], path: Place) -> Expected:
        written = obj["matcher"]
        if not isinstance(written, str):
            message = "'matcher' is the name of a matcher; to expect an object with such a key, "
            self.report.error(
                (*path, "matcher"), "wrong-type", message + "write {matcher: exact, value: {…}}"
            )
            return FAULTY
        name = ALIASES.get(written, written)
        matcher = MATCHERS.get(name)
        if matcher is None:
            known = nearest(written, NAMES)
            message = f"unknown matcher '{written}'"
            self.report.error((*path, "matcher"), "unknown-matcher", message, known)
            return FAULTY
        if not self._keys_fit(obj, path, written, matcher):
            return FAULTY
        options = Options(obj, path, self, name)
        if "expression" in obj:
            return self._dated(options)
        if matcher.needs_value and "value" not in obj:
            instead = " or 'expression'" if matcher.expression else ""
            message = f"matcher '{written}' needs 'value'{instead}"
            self.report.error(path, "missing-field", message)
            return FAULTY
        return matcher.build(options)

    def _keys_fit(self, obj: dict[str, Any], path: Place, written: str, matcher: Matcher) -> bool:
        """Report every key that this matcher does not take."""
        allowed = {"matcher", "optional", *matcher.options}
        if matcher.needs_value:
            allowed.add("value")
        if matcher.expression:
            allowed.add("expression")
        foreign = [key for key in obj if key not in allowed]
        for key in foreign:
            known = None if key in OPTION_NAMES else nearest(key, allowed)
            message = f"matcher '{written}' takes no '{key}'"
            self.report.error((*path, key), "unknown-matcher-option", message, known, on_key=True)
        if "value" in obj and "expression" in obj and matcher.expression:
            message = "'value' and 'expression' exclude each other"
            self.report.error((*path, "expression"), "contradiction", message, on_key=True)
            return False
        return not foreign

    def _dated(self, options: Options) -> Expected:
        expression = self.expression(options.obj["expression"], (*options.path, "expression"))
        if "ignore_case" in options.obj:
            return options.bad("ignore_case", "unknown-matcher-option", "a date has no case")
        if expression is None:
            return FAULTY
        return Dated(options.obj, options.matcher, expression, **options.base)

    def expression(self, text: Any, path: Place) -> Expression | None:
        """Parse a date expression; None after reporting."""
        if not isinstance(text, str):
            self.report.error(path, "wrong-type", "an expression is text")
            return None
        try:
            return parse_expression(text)
        except ExpressionError as error:
            message = f"{error} (at character {error.position + 1})"
            self.report.error(path, "bad-expression", message, error.suggestion)
            return None
