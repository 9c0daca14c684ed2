"""``tracedesk compare``: two stored traces held against each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracedesk.commands.common import (
    fail,
    json_option,
    once_quiet,
    print_json,
    reading_desk,
    the_one,
    workspace_option,
)

if TYPE_CHECKING:
    from tracedesk.comparing.comparison import Comparison, Row
    from tracedesk.comparing.told import Fact, PairTold, Part, VerdictChange
    from tracedesk.desk import Desk
    from tracedesk.store.rows import TraceRow

SIGNS = {"same": " ", "changed": "≠", "only in A": "-", "only in B": "+", "moved": "%"}

VALUE_CHARS = 100


@click.command("compare")
@click.argument("a")
@click.argument("b", required=False)
@workspace_option
@json_option
@click.option("--only-differences", is_flag=True, help="Leave out the calls that are the same.")
def command(a: str, b: str | None, workspace: Path, as_json: bool, only_differences: bool) -> None:
    """Compare the traces A and B: aligned calls, the first divergence, what differs, and verdicts.

    Without B, trace A is compared with the most similar trace of its agent that passes,
    or, where none does, that fails nothing.
    """
    from tracedesk.store.errors import StoreError

    desk = reading_desk(workspace)
    try:
        left, right = the_one(desk, a), None if b is None else the_one(desk, b)
        desk.read_cases()
        left = once_quiet(desk, left)
        right = right and once_quiet(desk, right)
        if right is None:
            left, right = _nearest(desk, left), left
        document = _Compared(desk, left, right, only_differences=only_differences)
        if as_json:
            print_json(document.as_json())
        else:
            for line in document.lines():
                click.echo(line)
    except StoreError as fault:
        fail(str(fault))
    finally:
        desk.stop()


def _nearest(desk: "Desk", row: "TraceRow") -> "TraceRow":
    from tracedesk.comparing.nearest import nearest_passing

    if not desk.evaluate_all():
        fail("the stored traces could not be evaluated in ten minutes; name both traces")

    def outcome_of(trace_id: str) -> str | None:
        verdicts = desk.verdicts(trace_id)
        return None if verdicts is None or verdicts.pending else verdicts.outcome

    found = nearest_passing(desk.store, row, outcome_of)
    if found.row is None:
        fail(f"{row.id}: {found.why_none}; name both traces")
    if found.outcome != "pass":
        told = "no trace like it passes; A is the nearest that fails nothing"
        click.echo(f"tracedesk: {told}", err=True)
    return found.row


class _Compared:
    """Both traces, read and aligned."""

    def __init__(
        self, desk: "Desk", left: "TraceRow", right: "TraceRow", *, only_differences: bool
    ) -> None:
        from tracedesk.comparing.comparison import Change, Comparison
        from tracedesk.comparing.side import Side
        from tracedesk.comparing.told import verdict_changes
        from tracedesk.evaluation.load import reading_settings

        self.rows = (left, right)
        sides, verdicts = [], []
        for row in self.rows:
            opened = desk.load(row.id)
            if opened is None:
                fail(f"trace {row.id} was removed meanwhile")
            agent = desk.workspace.agent(row.agent_id)
            settings = reading_settings(agent, desk.workspace.roles)
            sides.append(Side(opened.trace, opened.tree, opened.reading, settings))
            verdicts.append(desk.evaluate(opened))
        self.comparison = Comparison(*sides)
        self.outcomes = ["pending" if found.pending else found.outcome for found in verdicts]
        self.verdicts = verdict_changes(verdicts[0].cases, verdicts[1].cases)
        self.shown = [
            (at, row)
            for at, row in enumerate(self.comparison.rows)
            if not only_differences or row.change is not Change.SAME
        ]

    # -- for people ------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        from tracedesk.comparing.told import trace_facts, trace_texts
        from tracedesk.query.text import plain

        for letter, trace, outcome in zip("AB", self.rows, self.outcomes, strict=True):
            name = plain(trace.external_id or trace.name)
            yield f"{letter}  {name}  {trace.id}  {outcome or 'no test case applies'}"
        yield ""
        for at, row in self.shown:
            yield from self._row_lines(at, row)
        yield ""
        facts = trace_facts(self.comparison.left, self.comparison.right)
        differing = [fact for fact in facts if not fact.same]
        for fact in differing:
            yield f"{fact.name}: A {plain(fact.left)}, B {plain(fact.right)}"
        for title, left, right in trace_texts(self.comparison.left, self.comparison.right):
            if left != right:
                yield f"{title}: {_words(left, right)}"
        for change in self.verdicts:
            yield _verdict_line(change)
        if not self.comparison.divergences and not self.verdicts:
            yield "no call differs"

    def _row_lines(self, at: int, row: "Row") -> Iterator[str]:
        from tracedesk.comparing.told import pair_told
        from tracedesk.query.text import plain

        comparison = self.comparison
        side, place = (
            (comparison.left, row.left) if row.right is None else (comparison.right, row.right)
        )
        assert place is not None, "every line has a call on one side"
        indent = "  " * min(side.tree.depth[place], 30)
        first = "   ← first divergence" if at == comparison.first else ""
        yield f"{SIGNS[row.change]} {indent}{plain(side.spans[place].label)}{first}"
        if row.change == "changed":
            for line in _pair_lines(pair_told(comparison, *row.pair)):
                yield f"    {indent}{line}"

    # -- for programs ----------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        from tracedesk.comparing.told import trace_facts, trace_texts

        comparison = self.comparison
        sides = comparison.left, comparison.right
        return {
            "a": self.rows[0].id,
            "b": self.rows[1].id,
            "verdicts": {"a": self.outcomes[0], "b": self.outcomes[1]},
            "firstDivergence": comparison.first,
            "calls": [self._call(at, row) for at, row in self.shown],
            "facts": [_fact(fact) for fact in trace_facts(*sides)],
            "texts": [
                {"name": name, "a": left, "b": right} for name, left, right in trace_texts(*sides)
            ],
            "verdictChanges": [_verdict(change) for change in self.verdicts],
        }

    def _call(self, at: int, row: "Row") -> dict[str, Any]:
        from tracedesk.comparing.told import pair_told

        comparison = self.comparison
        found: dict[str, Any] = {
            "position": at,
            "change": str(row.change),
            "a": None if row.left is None else comparison.left.spans[row.left].span_id,
            "b": None if row.right is None else comparison.right.spans[row.right].span_id,
            "name": _label(comparison, row),
        }
        if row.change == "changed":
            told = pair_told(comparison, *row.pair)
            found["facts"] = [_fact(fact) for fact in told.facts if not fact.same]
            found["parts"] = [_part(part) for part in told.parts if part.differences]
        return found


def _label(comparison: "Comparison", row: "Row") -> str:
    if row.right is not None:
        return comparison.right.spans[row.right].label
    assert row.left is not None, "every line has a call on one side"
    return comparison.left.spans[row.left].label


def _pair_lines(told: "PairTold") -> Iterator[str]:
    from tracedesk.query.text import plain
    from tracedesk.query.values import show_typed

    for fact in told.facts:
        if not fact.same and fact.telling:
            yield f"{fact.name}: A {plain(fact.left)}, B {plain(fact.right)}"
    for part in told.parts:
        for found in part.differences:
            sides = (
                "absent" if kind == "absent" else show_typed(value, VALUE_CHARS)
                for value, kind in (
                    (found.expected, found.expected_type), (found.actual, found.actual_type),
                )
            )  # fmt: skip
            left, right = sides
            hint = f" ({found.hint})" if found.hint else ""
            yield plain(f"{part.title} {found.path}: A {left}, B {right}{hint}")
        if part.more:
            yield f"{part.title}: {part.more:,} more differences"


def _words(left: str | None, right: str | None) -> str:
    """Two texts as one: ``[-words of A-]{+words of B+}``."""
    from tracedesk.comparing.differences import word_runs
    from tracedesk.query.text import plain

    if left is None or right is None:
        return f"A {plain(left or 'none')}, B {plain(right or 'none')}"
    marks = {"left": ("[-", "-]"), "right": ("{+", "+}"), "same": ("", "")}
    runs = (f"{marks[run.side][0]}{run.text}{marks[run.side][1]}" for run in word_runs(left, right))
    return plain("".join(runs))


def _verdict_line(change: "VerdictChange") -> str:
    from tracedesk.query.text import plain

    label = f": {change.label}" if change.label else ""
    was, now = change.left or "does not apply", change.right or "does not apply"
    reason = f": {change.reason}" if change.reason else ""
    return plain(f"{was} → {now}  {change.file}:{change.line}  {change.case}{label}{reason}")


def _fact(fact: "Fact") -> dict[str, Any]:
    return {"name": fact.name, "a": fact.left, "b": fact.right}


def _part(part: "Part") -> dict[str, Any]:
    return {
        "what": part.title,
        "differences": [
            {
                "path": found.path,
                "a": found.expected,
                "b": found.actual,
                "aType": found.expected_type,
                "bType": found.actual_type,
            }
            for found in part.differences
        ],
        "notListed": part.more,
    }


def _verdict(change: "VerdictChange") -> dict[str, Any]:
    return {
        "case": change.case,
        "caseFile": change.file,
        "line": change.line,
        "assertion": change.label or None,
        "a": change.left,
        "b": change.right,
        "reason": change.reason,
    }
