"""Expected arguments held against one call: yes, no, or unknown.

Unknown is for what was not recorded; a key missing from recorded arguments is a plain no.
One output item must satisfy the whole set, never half by one and half by another
(assertion spec 4.3, 4.5).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from tracedesk.assertions.trace_index import TraceIndex
from tracedesk.model.reading import Call
from tracedesk.model.verdict import Difference, Evidence
from tracedesk.query.expected import Env, Expected, unexpected
from tracedesk.query.names import glob_matches
from tracedesk.query.paths import ROOT, key_step, locate, steps_of_key, value_of_key
from tracedesk.query.values import ABSENT, json_equal

NO: Final = 0
YES: Final = 1
UNKNOWN: Final = 2
State = int
"""One of the three answers."""

Member = tuple[str, Expected, str, bool]
"""A key, what is expected of it, where it would stand were it written plainly, and whether it
may mean more than the member of just this name."""

ARGS_MODES: Final = ("contains", "exact", "only", "ignore", "schema")
WHOLE: Final = "$"
"""Key that means the whole value."""


def both(left: State, right: State) -> State:
    """Three-valued AND."""
    if left == NO or right == NO:
        return NO
    return YES if left == YES and right == YES else UNKNOWN


class Recorded(msgspec.Struct, frozen=True):
    """What a call recorded of one thing that may be checked."""

    value: Any
    state: str
    of: str
    """What evidence paths are rooted at: ``arguments`` or ``output``."""
    parameters: Mapping[str, Any] | None = None


class Arguments:
    """Expected arguments (or output) of a call, compiled."""

    def __init__(
        self,
        source: dict[str, Any],
        members: dict[str, Expected],
        mode: str = "contains",
        ignore: Sequence[str] = (),
        defaults: Mapping[str, Any] | None = None,
        output: bool = False,
    ) -> None:
        self.source = source
        self.mode = mode
        self.ignore = tuple(ignore)
        self.defaults = dict(defaults or {})
        self.output = output
        """True for ``expected_output``, which reads a tool's output."""
        self._members: tuple[Member, ...] = tuple(
            (key, expected, _place(key), key == WHOLE or "." in key)
            for key, expected in members.items()
        )
        self._keys = tuple(members)
        self._places = tuple(place for _, _, place, _ in self._members) or (ROOT,)
        """Where the members would stand; the whole when there is none."""
        self._deep = any(deep for *_, deep in self._members)
        self._composite = any(expected.composite for expected in members.values())
        self._filters = bool(self.ignore or self.defaults)
        self._simple = mode == "contains" and not self._filters
        names = [*self.ignore, *(f"default {key}" for key in self.defaults)]
        self.ignored = f", ignoring {', '.join(names)}" if names else ""
        """What was left out of the comparison, in words; blank when nothing."""
        self.leaves = sum(expected.leaves() for expected in members.values()) or 1
        """How many leaves are compared."""

    def recorded(self, call: Call) -> Recorded:
        """The thing of this call that is checked. A node's arguments are its output."""
        if self.output and self._reads_output(call):
            return Recorded(call.output, call.output_state, "output")
        of = "arguments" if call.tool else "output"
        return Recorded(call.arguments, call.arguments_state, of, call.parameters)

    def _reads_output(self, call: Call) -> bool:
        """Whether ``expected_output`` means what it says: of a node that recorded none it is held
        against what its arguments are."""
        return call.tool or call.output_state != "absent"

    def _object(self, call: Call) -> dict[str, Any] | None:
        """What a tool call recorded, when it is one object whose own members alone count.

        That is nearly every call, and spares it all that a list of items or the parameters of
        a node ask for.
        """
        if self._simple and call.tool and call.parameters is None:
            recorded = call.gave if self.output else call.given
            value = recorded.value
            if type(value) is dict and recorded.state == "captured":
                return value
        return None

    def state(self, call: Call, index: TraceIndex) -> State:
        """Whether this call has what is expected."""
        value = self._object(call)
        if value is None:
            ignored = self.mode == "ignore"
            return YES if ignored else self._state(self.recorded(call), index.env)
        env = index.env
        for key, expected, _, deep in self._members:
            actual = value.get(key, ABSENT)
            if deep and actual is ABSENT:
                actual = _deeper(value, key)
            if not expected.matches(actual, env):
                return NO
        return YES

    def _odd(
        self, value: dict[str, Any], env: Env, first: bool = False
    ) -> list[tuple[Member, Any]]:
        """The members that do not fit an ``_object``, each with the actual; or the first."""
        found: list[tuple[Member, Any]] = []
        for member in self._members:
            key, expected, _, deep = member
            actual = value.get(key, ABSENT)
            if deep and actual is ABSENT:
                actual = _deeper(value, key)
            if not expected.matches(actual, env):
                found.append((member, actual))
                if first:
                    break
        return found

    def _state(self, recorded: Recorded, env: Env) -> State:
        if recorded.state != "captured":
            if not self._members and self.mode == "contains":
                return YES
            if recorded.parameters and self._by_parameters(recorded.parameters, env):
                return YES
            return UNKNOWN
        holds = any(
            self._holds(item, recorded.value, recorded.parameters, env)
            for item, _ in _items(recorded.value)
        )
        return YES if holds else NO

    def _by_parameters(self, parameters: Mapping[str, Any], env: Env) -> bool:
        return all(
            (actual := value_of_key(parameters, key)) is not ABSENT
            and expected.matches(actual, env)
            for key, expected, _, _ in self._members
        )

    def _holds(self, item: Any, whole: Any, parameters: Mapping[str, Any] | None, env: Env) -> bool:
        item = self._filtered(item)
        for key, expected, _, _ in self._members:
            if not self._fits(key, expected, item, whole, parameters, env):
                return False
        return self.mode == "contains" or not self._extras(item)

    def _fits(
        self,
        key: str,
        expected: Expected,
        item: Any,
        whole: Any,
        parameters: Mapping[str, Any] | None,
        env: Env,
    ) -> bool:
        actual = self._actual(key, item, whole)
        if actual is ABSENT and self.mode == "only" and not parameters:
            return True
        if expected.matches(actual, env):
            return True
        if not parameters:
            return False
        other = value_of_key(parameters, key)
        if other is ABSENT:
            return actual is ABSENT and self.mode == "only"
        return expected.matches(other, env)

    def _actual(self, key: str, item: Any, whole: Any) -> Any:
        if type(item) is dict and key in item:
            return item[key]
        if key == WHOLE and not (isinstance(item, dict) and WHOLE in item):
            return self._filtered(whole)
        return value_of_key(item, key)

    def _filtered(self, item: Any) -> Any:
        if not self._filters or not isinstance(item, dict):
            return item
        return {
            key: value
            for key, value in item.items()
            if not any(glob_matches(pattern, key) for pattern in self.ignore)
            and not (key in self.defaults and json_equal(self.defaults[key], value))
        }

    def _extras(self, item: Any) -> list[tuple[tuple[str | int, ...], Any]]:
        """Actual keys that nothing expects, in modes ``exact`` and ``only``."""
        if any(key == WHOLE for key, *_ in self._members):
            return []
        claimed = {steps_of_key(item, key) for key, *_ in self._members} - {()}
        return list(_unclaimed(item, claimed, ()))

    def differences(self, call: Call, index: TraceIndex, first: bool = False) -> list[Difference]:
        """The differing leaves against the item that comes nearest; ``first``: those of the
        first member alone, where there is but one item."""
        env = index.env
        value = self._object(call)
        if value is not None:
            return _worded(value, self._odd(value, env, first), ROOT, env)
        recorded = self.recorded(call)
        if recorded.state != "captured":
            return []
        if not isinstance(recorded.value, list):
            return self._item_differences(recorded.value, recorded, ROOT, env, first)
        found = (
            self._item_differences(item, recorded, base, env)
            for item, base in _items(recorded.value)
        )
        return min(found, key=len)

    def misfits(self, call: Call, index: TraceIndex) -> int:
        """How many differences there are, without wording them."""
        env = index.env
        value = self._object(call)
        if value is not None:
            odd = self._odd(value, env)
            return _count(odd, env) if self._composite else len(odd)
        recorded = self.recorded(call)
        if recorded.state != "captured":
            return 0
        if not isinstance(recorded.value, list):
            return self._item_misfits(recorded.value, recorded, env)
        return min(self._item_misfits(item, recorded, env) for item, _ in _items(recorded.value))

    def _item_misfits(self, item: Any, recorded: Recorded, env: Env) -> int:
        item = self._filtered(item)
        found = _count(self._misfitting(item, recorded, env), env)
        return found if self.mode == "contains" else found + len(self._extras(item))

    def _misfitting(
        self, item: Any, recorded: Recorded, env: Env, first: bool = False
    ) -> list[tuple[Member, Any]]:
        """The members that do not fit, each with the actual to tell; or the first of them."""
        whole, parameters = recorded.value, recorded.parameters
        found: list[tuple[Member, Any]] = []
        for member in self._members:
            key, expected, _, _ = member
            actual = self._actual(key, item, whole)
            if expected.matches(actual, env):
                continue
            if parameters or self.mode == "only":
                if self._fits(key, expected, item, whole, parameters, env):
                    continue
                if actual is ABSENT and parameters:
                    actual = value_of_key(parameters, key)
            found.append((member, actual))
            if first:
                break
        return found

    def _item_differences(
        self, item: Any, recorded: Recorded, base: str, env: Env, first: bool = False
    ) -> list[Difference]:
        item = self._filtered(item)
        found = _worded(item, self._misfitting(item, recorded, env, first), base, env)
        if self.mode != "contains":
            found += [
                unexpected(value, base + locate(steps)[len(ROOT) :])
                for steps, value in self._extras(item)
            ]
        return found

    def compared(self, call: Call) -> list[Any]:
        """The recorded values that the expected keys name on a call."""
        if not self._deep and call.parameters is None:
            output = self.output and self._reads_output(call)
            value = (call.gave if output else call.given).value
            if type(value) is dict:
                return [value.get(key, ABSENT) for key in self._keys]
        recorded = self.recorded(call)
        found: list[Any] = []
        for key in self._keys:
            found.append(self._actual(key, recorded.value, recorded.value))
            if recorded.parameters:
                found.append(value_of_key(recorded.parameters, key))
        return found

    def evidence(self, call: Call, role: str) -> list[Evidence]:
        """The place of each expected argument on this call."""
        output, span = self.output and self._reads_output(call), call.span
        value = (call.gave if output else call.given).value
        of = "arguments" if call.tool and not output else "output"
        if not isinstance(value, dict):
            return [Evidence(span, of, ROOT, role)]
        places: Iterable[str] = self._places
        if self._deep:
            places = [
                _found_place(value, key, place) if deep else place
                for key, _, place, deep in self._members
            ]
        return [Evidence(span, of, place, role) for place in places]


def _count(odd: list[tuple[Member, Any]], env: Env) -> int:
    """How many differences members that do not fit have."""
    return sum([m[1].misfits(actual, env) if m[1].composite else 1 for m, actual in odd])


def _worded(item: Any, odd: list[tuple[Member, Any]], base: str, env: Env) -> list[Difference]:
    """The differences of members that do not fit an item at ``base``."""
    found: list[Difference] = []
    for (key, expected, path, deep), actual in odd:
        if deep and actual is not ABSENT:
            path = _found_place(item, key, path)
        if base is not ROOT and key != WHOLE:
            path = base + path[len(ROOT) :]
        if expected.composite:
            found += expected.differences(actual, env, path)
        else:
            found.append(expected.difference(actual, env, path))
    return found


def _items(value: Any) -> Iterator[tuple[Any, str]]:
    """The items that may satisfy the set, each with its location."""
    if not isinstance(value, list):
        yield value, ROOT
    elif not value:
        yield ABSENT, ROOT
    else:
        for place, item in enumerate(value):
            yield item, f"{ROOT}[{place}]"


def _deeper(value: dict[str, Any], key: str) -> Any:
    """What a key means that is none of an object's own."""
    return value if key == WHOLE else value_of_key(value, key)


def _place(key: str) -> str:
    """Where an expected key would stand, were it written plainly."""
    if key == WHOLE:
        return ROOT
    parts = key.split(".")
    return ROOT + "".join(map(key_step, parts)) if all(parts) else ROOT + key_step(key)


def _found_place(value: Any, key: str, place: str) -> str:
    """Where the key was found; ``place`` when it was not."""
    if key == WHOLE:
        return place
    steps = steps_of_key(value, key)
    return locate(steps) if steps else place


def _unclaimed(
    value: Any, claimed: set[tuple[str | int, ...]], at: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Members that no claimed place covers; a dotted claim covers only its own end."""
    members: Any = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list) and at:
        members = enumerate(value)
    for key, item in members:
        here = (*at, key)
        if here in claimed:
            continue
        if any(claim[: len(here)] == here for claim in claimed):
            yield from _unclaimed(item, claimed, here)
        else:
            yield here, item
