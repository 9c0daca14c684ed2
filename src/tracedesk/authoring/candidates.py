"""From a place in a trace to the assertions that fit it: exact, looser, stricter, and must-not.

Nothing is offered that was not tried: each candidate was written as YAML, loaded without a
diagnostic, and passed on the trace it was taken from; a must-not one failed on it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from tracedesk.assertions import Settings, evaluate
from tracedesk.authoring import of_calls, of_numbers, of_spans, of_values
from tracedesk.authoring.draft import At, Draft
from tracedesk.authoring.forms import MAX_WRITTEN, MUST_NOT, written_size
from tracedesk.authoring.place import Place, root_value
from tracedesk.model.reading import Reading
from tracedesk.model.trace import Trace
from tracedesk.model.verdict import Outcome
from tracedesk.query.values import ABSENT, type_of
from tracedesk.testcases import emit
from tracedesk.testcases.load import load_text
from tracedesk.testcases.models import Check

MAX_ASSERTION: Final = 8_000
"""Characters of the longest assertion that is offered."""

MAX_INSIDE: Final = 200
"""Members of a value that are listed as places of their own."""

_DRAFTS: Final[Mapping[str, Callable[[At], Iterable[Draft]]]] = {
    "trace": of_numbers.of_trace,
    "duration": of_numbers.of_duration,
    "tokens": of_numbers.of_tokens,
    "cost": of_numbers.of_cost,
    "status": of_numbers.of_status,
    "span": of_spans.of_span,
    "event": of_spans.of_event,
    "attributes": of_spans.of_attribute,
    "arguments": of_calls.of_arguments,
    "output": of_calls.of_output,
    "response": of_values.of_response,
    "data": of_values.of_view,
    "metadata": of_values.of_view,
}
"""What makes drafts for each kind of place."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One assertion that may be chosen."""

    strength: str
    """``exact``, ``looser``, ``stricter``, or ``must not``."""
    label: str
    """What it claims, in a few words."""
    assertion: dict[str, Any]

    @property
    def fails_here(self) -> bool:
        """True for a must-not one: the trace it was taken from breaks it."""
        return self.strength == MUST_NOT

    @property
    def yaml(self) -> str:
        """As an entry of ``assertions``, ready to be pasted."""
        return "\n".join(emit.block([self.assertion], 0)) + "\n"


class Offer(msgspec.Struct, frozen=True):
    """Everything that can be done with a place."""

    place: Place
    candidates: tuple[Candidate, ...]
    note: str = ""
    """What cannot be asserted of it, and what can instead; blank mostly."""
    inside: tuple[tuple[Place, str], ...] = ()
    """Places in the value here, each with its value in short."""
    inside_left: int = 0
    """How many more there are."""


def candidates(
    place: Place, trace: Trace, reading: Reading, settings: Settings = Settings()
) -> list[Candidate]:
    """The assertions that fit a place, by how strict they are: exact first, must-not last."""
    return list(offer(place, trace, reading, settings).candidates)


def offer(place: Place, trace: Trace, reading: Reading, settings: Settings = Settings()) -> Offer:
    """The candidates of a place, with what is to be said of them. Never raises for what stands
    in a trace; takes milliseconds, so call it from a worker."""
    at = At(place, trace, reading, settings)
    make = _DRAFTS.get(place.of)
    found: list[Candidate] = []
    seen: set[str] = set()
    for draft in make(at) if make is not None else ():
        made = _proved(draft, at)
        if made is not None and made.yaml not in seen:
            seen.add(made.yaml)
            found.append(made)
    found.sort(key=lambda each: _ORDER.index(each.strength))
    inside, left = _inside(at)
    return Offer(place, tuple(found), _note(at, found), inside, left)


_ORDER: Final = ("exact", "looser", "stricter", MUST_NOT)


def _proved(draft: Draft, at: At) -> Candidate | None:
    """The draft as a candidate, if it loads and does on this trace what it says."""
    check = loaded(draft.assertion)
    if check is None:
        return None
    outcome = evaluate(check.assertion, at.trace, at.reading, at.settings).outcome
    wanted = Outcome.FAIL if draft.strength == MUST_NOT else Outcome.PASS
    if outcome is not wanted:
        return None
    return Candidate(strength=draft.strength, label=draft.label, assertion=draft.assertion)


def loaded(assertion: dict[str, Any]) -> Check | None:
    """The assertion as a file would give it; None when anything is wrong with it there."""
    try:
        text = "\n".join(emit.block(_case(assertion), 0))
    except (emit.Unwritable, RecursionError):
        return None
    if len(text) > MAX_ASSERTION:
        return None
    file = load_text(text, "candidate.yaml")
    if file.diagnostics or len(file.cases) != 1 or len(file.cases[0].checks) != 1:
        return None
    check = file.cases[0].checks[0]
    return check if check.assertion.source == assertion else None


def _case(assertion: dict[str, Any]) -> dict[str, Any]:
    return {"cases": [{"name": "candidate", "assertions": [assertion]}]}


def _note(at: At, found: list[Candidate]) -> str:
    place, value = at.place, at.value
    if place.of == "input":
        return "The input is what a case is about, not what it asserts: narrow a case with when."
    if place.of == "event" and not found:
        return "Events are not asserted by themselves; assert on their span."
    if value is not ABSENT and written_size(value) > MAX_WRITTEN:
        size = written_size(value)
        return (
            f"This value takes {size:,} bytes, too many for a file of test cases: it can be"
            " asserted by its structure or a part."
        )
    return "" if found else "Nothing that can be asserted of this holds on this trace."


def _inside(at: At) -> tuple[tuple[tuple[Place, str], ...], int]:
    if at.place.of in ("trace", "span"):
        return _parts(at), 0
    value = at.value
    steps: Iterable[str | int] = ()
    if isinstance(value, dict):
        steps = value
    elif isinstance(value, list):
        steps = range(len(value))
    listed = [step for step, _ in zip(steps, range(MAX_INSIDE), strict=False)]
    found = tuple((at.place.inside(step), _short(value[step])) for step in listed)
    return found, (len(value) if isinstance(value, dict | list) else 0) - len(found)


def _parts(at: At) -> tuple[tuple[Place, str], ...]:
    """What belongs to a trace or a span and can be asserted of by itself."""
    span, reading = at.place.span, at.reading
    values = ("response", "output") if span is None else ("arguments", "output", "attributes")
    numbers = {
        "duration": reading.duration_ms.value,
        "tokens": reading.usage.total,
        "status": reading.http_status.value,
    }
    found = [(Place(of, span), root_value(Place(of, span), at.trace, reading)) for of in values]
    if span is None:
        found += [(Place(of), value) for of, value in numbers.items() if value is not None]
    return tuple((place, _short(value)) for place, value in found if value is not ABSENT)


def _short(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{type_of(value)} of {len(value):,}"
    return str(value)[:200] if isinstance(value, str) else str(value)
