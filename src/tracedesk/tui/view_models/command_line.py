"""What can be typed after ``:``: every action of the registry by name, and what takes an argument.

A name is the action's label, with its pane in front where the action belongs to one:
``spans.zoom-in``. The short form means the pane at work, else the only pane that has it. Pure.
"""

import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from tracedesk.query.names import fold, nearest
from tracedesk.tui.actions import ACTIONS, PANE_TITLES, Action
from tracedesk.tui.view_models.filter_completion import Candidate, Completion

SHOWN = 8
"""Candidates listed at a time."""

REMEMBERED = 100
"""Lines kept of the history."""

LINES = "move"
"""What stands in front of the moves that every list has."""


class Taking(msgspec.Struct, frozen=True):
    """A command with an argument."""

    name: str
    argument: str
    """What the argument is called."""
    help: str
    needed: bool = True
    """False where the command does something without it, too."""
    everywhere: bool = False
    """True where it works on other screens than the workbench."""


TAKING = (
    Taking("open", "TRACE", "Open a trace by its name or an id; a part will do."),
    Taking("filter", "TEXT", "Filter the traces; without a text, show them all.", needed=False),
    Taking("search", "TEXT", "Search the open trace; without a text, end the search.",
           needed=False),
    Taking("tab", "NAME", "Choose a tab of the detail pane."),
    Taking("theme", "NAME", "Choose the colours; without a name, from a list.", needed=False,
           everywhere=True),
    Taking("send", "URL", "Send the trace once more, to an address; without one, ask.",
           needed=False),
)  # fmt: skip
"""Methods ``command_<name>`` of the app or the workbench do them."""


class Unknown(ValueError):  # noqa: N818 - said to a person, who mistyped
    """No command is meant by what was typed; the text says so and names the nearest."""


class Meant(msgspec.Struct, frozen=True):
    """What a line means: an action, or a command with its argument."""

    action: Action | None = None
    taking: Taking | None = None
    argument: str = ""


def name_of(action: Action) -> str:
    """The full name of an action: ``quit``, ``spans.zoom-in``."""
    short = short_name(action)
    if not action.pane:
        return short
    return f"{PANE_TITLES.get(action.pane, LINES).lower()}.{short}"


def short_name(action: Action) -> str:
    """The name without the pane."""
    return re.sub(r"[^a-z0-9]+", "-", action.label.lower().replace("'", "")).strip("-")


def meant_by(line: str, pane: str) -> Meant:
    """What a line means while ``pane`` has the focus. Raises Unknown."""
    name, _, argument = line.strip().removeprefix(":").partition(" ")
    name, argument = fold(name), argument.strip()
    taking = next((each for each in TAKING if each.name == name), None)
    if taking is not None and (argument or not taking.needed):
        return Meant(taking=taking, argument=argument)
    if taking is not None:
        raise Unknown(f"{name} needs {taking.argument}: {taking.help}")
    action = _action(name, pane)
    if action is None:
        close = nearest(name, _names())
        raise Unknown(f"no command {name!r}" + (f"; did you mean {close}?" if close else ""))
    if argument:
        raise Unknown(f"{name} takes nothing after it")
    return Meant(action=action)


def _action(name: str, pane: str) -> Action | None:
    full = [action for action in ACTIONS if name_of(action) == name]
    if full:
        return full[0]
    short = [action for action in ACTIONS if short_name(action) == name]
    here = [action for action in short if action.pane == pane]
    if here:
        return here[0]
    if len(short) > 1:
        names = ", ".join(map(name_of, short))
        raise Unknown(f"{name} is said of several panes: {names}")
    return short[0] if short else None


def _names() -> Iterable[str]:
    yield from (taking.name for taking in TAKING)
    for action in ACTIONS:
        yield short_name(action)
        yield name_of(action)


Words = Callable[[str], Sequence[Candidate]]
"""What may follow a command, by its name; a note says what a word is of, and is looked at, too."""


def complete(text: str, cursor: int, pane: str, words: Words) -> Completion:
    """What may stand at the cursor of a command line; nothing inside a word."""
    if cursor < len(text):
        return Completion(cursor, cursor)
    name, blank, begun = text.partition(" ")
    if blank:
        wanted = fold(begun)
        known = (word for word in words(fold(name)) if word.text != begun)
        offered = [word for word in known if wanted in fold(f"{word.text} {word.note}")]
        offered.sort(key=lambda word: not fold(word.text).startswith(wanted))
        return Completion(len(name) + 1, cursor, tuple(offered[:SHOWN]))
    wanted = fold(name)
    ranked = sorted(_offers(wanted, pane), key=lambda offer: offer[0])
    return Completion(0, cursor, tuple(candidate for _, candidate in ranked[:SHOWN]))


def _offers(wanted: str, pane: str) -> Iterable[tuple[int, Candidate]]:
    """Every command that holds what was typed, the better the lower its rank."""
    for taking in TAKING:
        if (rank := _rank(wanted, taking.name, taking.name)) is not None:
            yield rank, Candidate(taking.name + " ", f"{taking.argument}  {taking.help}")
    for action in ACTIONS:
        short, full = short_name(action), name_of(action)
        rank = _rank(wanted, short, full)
        if rank is None or (not action.pane and any(t.name == full for t in TAKING)):
            continue
        elsewhere = action.pane not in ("", pane)
        keys = f"  {action.shown_keys}" if action.keys else ""
        yield rank + 4 * elsewhere, Candidate(full, f"{action.help}{keys}")


def _rank(wanted: str, short: str, full: str) -> int | None:
    if short.startswith(wanted):
        return 0
    if full.startswith(wanted):
        return 1
    if any(word.startswith(wanted) for word in short.split("-")):
        return 2
    return 3 if wanted in full else None


class History:
    """The lines typed so far, walked with up and down; the last of equal ones is kept."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self.lines = list(lines)[-REMEMBERED:]
        self._at = len(self.lines)
        self._typed = ""

    def add(self, line: str) -> None:
        """Remember a line, and stand behind it."""
        self.lines = [*(known for known in self.lines if known != line), line][-REMEMBERED:]
        self.leave()

    def leave(self) -> None:
        """Stand behind the last line again."""
        self._at, self._typed = len(self.lines), ""

    def step(self, by: int, typed: str) -> str | None:
        """The line before (-1) or after (1) the one shown; None when there is none. What was
        typed comes back after the last."""
        at = self._at + by
        if not 0 <= at <= len(self.lines):
            return None
        if self._at == len(self.lines):
            self._typed = typed
        self._at = at
        return self._typed if at == len(self.lines) else self.lines[at]
