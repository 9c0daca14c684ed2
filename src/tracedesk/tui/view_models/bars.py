"""What the one-line bars say: header, breadcrumb, footer, pane titles."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tracedesk.model.verdict import Outcome
from tracedesk.tui import figures
from tracedesk.tui.actions import PREFIXES, Action, key_name
from tracedesk.tui.lines import Piece
from tracedesk.tui.text import cells, fit, plain

PROGRESS_CELLS = 10

NOTICE_CELLS = 14
"""The beginning of a notice is shown where there is room for so much of it."""

EMPTY = "No traces yet. Send the first one from any shell, and it appears here:\n\n"

GAP = "   "
"""Between two keys of the footer."""

ROOMY = 100
"""Columns below which the gap is one blank less."""

LAST = ("help", "app.command_palette")
"""What ends every footer."""

FOREMOST = (*LAST, "open", "next_pane(1)", "assert_here", "jump('failure', 1)")
"""What a footer has room for before anything else."""

_DOTS = {"listening": ("●", "ok"), "attached": ("●", "accent"), "failed": ("✖", "bad")}


def in_shell_lines(text: str, width: int) -> str:
    """Commands for a shell, a longer one than ``width`` broken before its options as a shell takes
    it, so that it can be copied from the screen."""
    return "\n".join(
        line if cells(line) <= width else re.sub(r" (?=-[Hd] )", " \\\\\n  ", line)
        for line in text.split("\n")
    )


class HeaderState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the header shows."""

    state: str
    url: str | None = None
    message: str = ""
    activity: str = ""
    """What is going on besides receiving and evaluating."""
    database: str = ""
    agent: str = ""
    traces: int = 0
    received: int = 0
    """Traces and parts accepted since the desk was opened."""
    refused: int = 0
    """Requests refused since then."""
    totals: Mapping[Any, int] = {}
    done: int = 0
    queued: int = 0
    paused: bool = False
    """Evaluation was paused here."""
    trouble: str = ""
    """Why nothing can be evaluated just now."""


def header(state: HeaderState, width: int) -> tuple[list[Piece], list[Piece]]:
    """Left and right part of the header; what matters least goes first when it is narrow."""
    dot, role = _DOTS.get(state.state, ("○", "warn"))
    left = [Piece(" ")]
    if width >= 100:
        left.append(Piece("tracedesk  ", "heading"))
    left += [Piece(dot, role), Piece(f" {address(state.url)}")]
    if state.state != "listening":
        left.append(Piece(f" {state.state}", "bad" if state.state == "failed" else "dim"))
    after = [Piece(f"   {plain(state.agent)}", "accent")] if state.agent else []
    after.append(Piece("  "))
    for outcome, glyph, colour in (
        (Outcome.PASS, "✓", "ok"), (Outcome.FAIL, "✗", "bad"), (Outcome.MISSING, "?", "warn"),
        (Outcome.ERROR, "!", "warn"),
    ):  # fmt: skip
        if number := state.totals.get(outcome, 0):
            after.append(Piece(f" {glyph} {number:,}", colour))
    traces = f"{state.traces:,} trace{'' if state.traces == 1 else 's'} "
    right = [*_progress(state, width), *_taken_in(state, width), Piece(traces, "dim")]
    room = width - 3 - sum(cells(piece.text) for piece in (*left, *after, *right))
    notices = _notices(state, room)
    room -= sum(cells(piece.text) for piece in notices)
    database = f"   {plain(state.database)}"
    if state.database and width >= 80 and cells(database) <= room:
        after.insert(0, Piece(database, "dim"))
    return [*left, *notices, *after], right


def _notices(state: HeaderState, room: int) -> list[Piece]:
    """What there is to say of the endpoint, cut rather than anything that is counted."""
    pieces = []
    for text, role in (
        (plain(state.message), "bad" if state.state == "failed" else "warn"),
        (plain(state.activity), "accent"),
    ):
        if text and room >= min(NOTICE_CELLS, cells(text) + 2):
            pieces.append(Piece(f"  {fit(text, room - 2)}", role))
            room -= cells(pieces[-1].text)
    return pieces


def _taken_in(state: HeaderState, width: int) -> list[Piece]:
    """What came in since the desk was opened; a refusal is said wherever there is room."""
    pieces = []
    if state.received and width >= 100:
        pieces.append(Piece(f"{state.received:,} in · ", "dim"))
    if state.refused:
        pieces += [Piece(f"{state.refused:,} refused", "warn"), Piece(" · ", "dim")]
    return pieces


def address(url: str | None) -> str:
    """``:4318`` on this machine, ``host:4318`` elsewhere; blank while there is none."""
    if not url:
        return ""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return f":{parts.port}" if local else parts.netloc


def _progress(state: HeaderState, width: int) -> list[Piece]:
    if state.trouble:
        room = max(20, width // 3)
        return [Piece(f"{fit(f'evaluation waits: {plain(state.trouble)}', room)}   ", "bad")]
    if state.paused:
        left = f", {state.queued - state.done:,} to do" if state.queued > state.done else ""
        return [Piece(f"evaluation paused{left if width >= 100 else ''}   ", "warn")]
    if not state.queued or state.done >= state.queued:
        return []
    filled = round(PROGRESS_CELLS * state.done / state.queued)
    text = f"evaluating {state.done:,} of {state.queued:,} " if width >= 110 else ""
    return [
        Piece(text, "dim"),
        Piece("━" * filled, "accent"),
        Piece("━" * (PROGRESS_CELLS - filled) + "   ", "bar-faint"),
    ]


def breadcrumb(
    crumbs: Sequence[str], filters: Sequence[str], width: int, notes: Sequence[str] = ()
) -> tuple[list[Piece], list[Piece]]:
    """``traces › name › span`` on the left, notes and one crumb a filter on the right."""
    right = [Piece(f" {plain(fit(note, 60))} ", "accent") for note in notes]
    for text in filters:
        right += [Piece(f" {plain(fit(text, 40))}", "accent"), Piece(" Esc✗ ", "faint")]
    room = width - sum(cells(piece.text) for piece in right) - 2
    left = [Piece(" ")]
    here = fit(crumbs[-1], max(6, room // 2))
    for crumb in crumbs[:-1]:
        each = (room - cells(here)) // (len(crumbs) - 1) - 3
        left += [Piece(fit(crumb, max(each, 3)), "dim"), Piece(" › ", "faint")]
    left.append(Piece(here))
    return left, right


def footer(actions: Sequence[Action], width: int) -> list[Piece]:
    """Keys and labels in their order, as many as fit: first those that are needed most. Help and
    palette come last."""
    gap = GAP if width >= ROOMY else GAP[1:]
    room = width - 1 + len(gap)  # nothing follows the last one
    shown = []
    for action in sorted(actions, key=_need):
        taken = cells(key_name(action.keys[0])) + 1 + cells(action.label) + len(gap)
        if taken <= room:
            room -= taken
            shown.append(action)
    shown.sort(key=lambda action: (action.name in LAST, actions.index(action)))
    pieces = [Piece(" ")]
    for action in shown:
        pieces += [Piece(key_name(action.keys[0]), "accent"), Piece(f" {action.label}{gap}", "dim")]
    return _without_gap(pieces)


def _need(action: Action) -> int:
    return FOREMOST.index(action.name) if action.name in FOREMOST else len(FOREMOST)


def _without_gap(pieces: list[Piece]) -> list[Piece]:
    return [*pieces[:-1], Piece(pieces[-1].text.rstrip(), pieces[-1].role)]


def field_keys(*, completes: bool) -> list[Piece]:
    """What works while a text is typed into a field bar."""
    keys = (("Enter", "keep"), *((("Tab", "complete"),) if completes else ()), ("Esc", "take back"))
    pieces = [Piece(" ")]
    for key, label in keys:
        pieces += [Piece(key, "accent"), Piece(f" {label}{GAP}", "dim")]
    return _without_gap(pieces)


def prefix_hint(prefix: str, width: int) -> list[Piece]:
    """What may follow the first key of a two-key command: in fewer words where it is narrow."""
    keys = PREFIXES[prefix]
    labels = [action.label for action in keys.values()]
    told = [Piece(f" {prefix} ", "heading"), *_second_keys(keys, labels, GAP[1:])]
    never_mind = Piece("   any other key: never mind", "faint")
    room = width - sum(cells(piece.text) for piece in told)
    if room >= cells(never_mind.text):
        return [*told, never_mind]
    if room >= 0:
        return told
    return [Piece(f" {prefix}", "heading"), *_second_keys(keys, map(_shortened, labels), GAP[2:])]


def _second_keys(keys: Iterable[str], labels: Iterable[str], gap: str) -> list[Piece]:
    pieces = []
    for key, label in zip(keys, labels, strict=True):
        pieces += [Piece(f"{gap}{key}", "accent"), Piece(f" {label}", "dim")]
    return pieces


def _shortened(label: str) -> str:
    """``copy trace id`` as ``trace``, ``copy as curl`` as ``curl``."""
    _, *words = label.split()
    return next(iter(word for word in words if word != "as"), label)


def so_far(done: int, total: int, *, paused: bool = False) -> str:
    """``3,120 of 10,000 evaluated so far`` while a run is going on; blank when none is."""
    if done >= total:
        return ""
    return f"{done:,} of {total:,} evaluated{', paused' if paused else ' so far'}"


def saved_note(
    saved_ns: int | None, last_count: int, last_ms: float, pairs: int = 0, running: str = ""
) -> str:
    """``saved 18:02:11 · 3 of 1,240 re-run · 6 ms``, or how far it is while it is ``running``;
    blank before anything ran."""
    parts = []
    if saved_ns is not None:
        parts.append(f"saved {figures.clock(saved_ns)}")
    if running:
        parts.append(running)
    elif last_count:
        of_all = f" of {pairs:,}" if pairs > last_count else ""
        took = f"{last_ms:.0f} ms" if last_ms < 9_950 else figures.duration(last_ms * 1e6)
        parts.append(f"{last_count:,}{of_all} re-run · {took}")
    return " · ".join(parts)
