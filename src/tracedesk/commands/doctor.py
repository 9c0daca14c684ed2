"""``tracedesk doctor``: is everything as it should be, and what to do where it is not.

It changes nothing, starts nothing, and works whatever is broken: each part is looked at by
itself, and what one look cannot tell is left out of the others.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracedesk.commands.common import fail, json_option, print_json, workspace_option

if TYPE_CHECKING:
    from tracedesk.commands.doctor_checks import Check, Look, Patient
    from tracedesk.store.ledger import Ledger

MARKS = {"ok": "✓", "warning": "!", "problem": "✗"}
NAME_CELLS = 15
COLUMNS = ("accepted", "replaced", "merged", "repeated", "refused", "dropped", "removed")


@click.command("doctor")
@workspace_option
@json_option
@click.option("--full", is_flag=True, help="Check all of a large database for damage.")
def command(workspace: Path, as_json: bool, full: bool) -> None:
    """Look at workspace, endpoint, database and test cases; say what to mend.

    The exit status is 0 when nothing is a problem, else 2.
    """
    from tracedesk.commands.doctor_checks import CHECKS, admit

    if not workspace.is_dir():
        fail(f"{workspace}: no such folder")
    patient = admit(workspace, in_full=full)
    checks = [check for look in CHECKS for check in _looked(look, patient)]
    if as_json:
        print_json(_document(patient, checks))
    else:
        for line in _lines(patient, checks):
            click.echo(line)
    if any(check.state == "problem" for check in checks):
        raise SystemExit(2)


def _looked(look: "Look", patient: "Patient") -> "list[Check]":
    """What a look finds; that it fails is a finding like others."""
    from tracedesk.commands.doctor_checks import Check

    try:
        return list(look(patient))
    except Exception as fault:
        name = look.__name__.removeprefix("check_")
        said = f"could not be looked at: {type(fault).__name__}: {fault}"
        return [Check(name, said, "problem", "The other findings hold all the same.")]


def _lines(patient: "Patient", checks: "list[Check]") -> Iterator[str]:
    from tracedesk.query.text import counted, plain

    yield f"tracedesk doctor · {patient.workspace.root}"
    yield ""
    for check in checks:
        yield f"{MARKS[check.state]} {check.name:<{NAME_CELLS}}{plain(check.found)}"
        for more in check.more:
            yield f"  {'':<{NAME_CELLS}}{plain(more)}"
        if check.advice:
            yield f"  {'':<{NAME_CELLS}}→ {plain(check.advice)}"
    ledger = patient.database.ledger
    if ledger is not None and ledger.entries:
        yield ""
        yield from _ledger_lines(patient, ledger)
    wrong = sum(check.state == "problem" for check in checks)
    doubtful = sum(check.state == "warning" for check in checks)
    yield ""
    yield (
        f"{counted(wrong, 'problem')}, {counted(doubtful, 'warning')}"
        if wrong or doubtful
        else "all is well"
    )


def _ledger_lines(patient: "Patient", ledger: "Ledger") -> Iterator[str]:
    """What became of everything sent, a line an agent."""
    from tracedesk.query.text import plain

    rows = [["agent", *COLUMNS, "received"]]
    for agent_id in [*ledger.agent_ids, None]:
        name = "in all" if agent_id is None else plain(patient.agent_name(agent_id))
        counts = [f"{ledger.total(event, agent_id=agent_id):,}" for event in COLUMNS]
        rows.append([name[:30], *counts, _size(ledger, agent_id)])
    if len(rows) == 3:  # one agent is all there is
        del rows[2]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for name, *cells in rows:
        line = [name.ljust(widths[0])]
        line += [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        yield "  ".join(line)


def _size(ledger: "Ledger", agent_id: str | None) -> str:
    from tracedesk.commands.doctor_checks import megabytes
    from tracedesk.store.ledger import RECEIVED

    return megabytes(sum(entry.size for entry in ledger.of(*RECEIVED, agent_id=agent_id)))


def _document(patient: "Patient", checks: "list[Check]") -> dict[str, Any]:
    from tracedesk.query.text import iso

    ledger = patient.database.ledger
    return {
        "ok": not any(check.state == "problem" for check in checks),
        "workspace": str(patient.workspace.root),
        "checks": [
            {
                "check": check.name,
                "state": check.state,
                "found": check.found,
                "more": list(check.more),
                "advice": check.advice or None,
                **check.details,
            }
            for check in checks
        ],
        "ledger": [
            {
                "platformId": entry.agent_id or None,
                "agent": patient.agent_name(entry.agent_id) if entry.agent_id else None,
                "event": entry.event,
                "code": entry.code or None,
                "count": entry.count,
                "bytes": entry.size,
                "lastAt": iso(entry.last_ns),
                "message": entry.message or None,
            }
            for entry in (ledger.entries if ledger else ())
        ],
    }
