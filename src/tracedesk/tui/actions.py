"""Every action of the screen, once: bindings, footer, help, palette and docs all read this.

What is not in here cannot be bound, and what is in here is built.
"""

from collections.abc import Iterable

from tracedesk.tui.action import Action, key_name
from tracedesk.tui.screen_actions import (
    BOXES,
    CLOSERS,
    EDITOR,
    LOCAL_ACTIONS,
    LOCAL_TITLES,
    OWN_SCREEN,
    OWN_SCREENS,
    SCREEN_ACTIONS,
    SCREEN_TITLES,
)

__all__ = [
    "ACTIONS", "ALL_ACTIONS", "BOXES", "CLOSERS", "EDITOR", "OWN_SCREEN", "OWN_SCREENS", "PANES",
    "PANE_TITLES", "PREFIXES", "Action", "footer_for", "help_for", "key_name", "prefixes",
]  # fmt: skip

PANES = ("list", "tree", "detail", "tests")
"""The four panes in the order that Tab walks them."""

PANE_TITLES = {
    "list": "Traces", "tree": "Spans", "detail": "Detail", "tests": "Tests",
    **SCREEN_TITLES, **LOCAL_TITLES,
}  # fmt: skip


def _moves() -> Iterable[Action]:
    for name, keys, label, told in (
        ("cursor_down", ("j", "down"), "down", "One line down."),
        ("cursor_up", ("k", "up"), "up", "One line up."),
        ("cursor_first", ("g", "home"), "first", "To the first line."),
        ("cursor_last", ("G", "end"), "last", "To the last line."),
        ("half_page(1)", ("ctrl+d", "pagedown"), "page down", "Half a page down."),
        ("half_page(-1)", ("ctrl+u", "pageup"), "page up", "Half a page up."),
    ):
        yield Action(name, keys, label, told, pane="lines", palette=False)


def _of_list(pane: str) -> Iterable[Action]:
    """What is done to the list of traces, wherever one is."""
    for name, key, label, told in (
        ("filter", "f", "filter", "Filter the list, such as status:failed dur>2s."),
        ("follow", "F", "follow", "Keep the newest trace selected and open."),
        ("freeze", "space", "freeze", "Stop painting what arrives; nothing is lost."),
    ):
        yield Action(name, (key,), label, told, pane, pane == "list")


ACTIONS: tuple[Action, ...] = (
    *_moves(),
    # Traces
    Action("open", ("enter",), "open", "Open the trace and go to its spans.", "list", True, False),
    *_of_list("list"),
    Action("mark", ("m m",), "select", "Select or unselect the trace.", "list", True),
    Action("jump_mark(1)", ("n",), "next selected", "Next selected trace.", "list"),
    Action("jump_mark(-1)", ("N",), "previous selected", "Previous selected trace.", "list"),
    # Spans
    Action("open", ("enter",), "detail",
           "Go to the detail of the span, or open a run of siblings.", "tree", True, False),
    Action("unfold", ("l", "right"), "open",
           "Unfold the span or run of siblings, or go to its first child.", "tree", True, False),
    Action("fold", ("h", "left"), "fold",
           "Fold the span or its run of siblings, or go to its parent.", "tree", True, False),
    Action("parent", ("p",), "parent", "Go to the parent span.", "tree"),
    Action("fold_all", ("Z",), "fold all", "Fold everything below the first level.", "tree"),
    Action("unfold_all", ("X",), "unfold all", "Unfold everything.", "tree"),
    Action("search", ("/",), "search",
           "Search names, attributes, arguments and errors.", "tree", True),
    Action("jump('hit', 1)", ("n",), "next hit", "Next search hit.", "tree"),
    Action("jump('hit', -1)", ("N",), "previous hit", "Previous search hit.", "tree"),
    Action("time_column", ("t",), "time", "Show duration, offset or self time.", "tree", True),
    Action("zoom(1)", ("+",), "zoom in", "Show half the time, around the span.", "tree", True),
    Action("zoom(-1)", ("-",), "zoom out", "Show twice the time.", "tree"),
    Action("zoom_reset", ("0",), "whole trace", "Show all the time of the trace.", "tree"),
    Action("pan(-1)", ("<", "shift+left"), "earlier", "Move to earlier time.", "tree"),
    Action("pan(1)", (">", "shift+right"), "later", "Move to later time.", "tree"),
    Action("idle", ("z",), "idle gaps",
           "Fold idle time longer than 5% of the trace to one column, or draw it.", "tree"),
    Action("critical_path", ("c",), "critical path",
           "Mark the spans that decided when the trace was done, and sum them up.", "tree"),
    Action("to_tests", ("v",), "verdicts",
           "Show in the tests drawer what was asserted here; on a root, what is worst.", "tree",
           True),
    Action("step(1)", ("full_stop",), "step",
           "Step through the trace: to the next moment.", "tree", True),
    Action("step(-1)", ("comma",), "step back", "Step to the moment before.", "tree"),
    Action("step_order", ("o",), "step order",
           "Step in the order of starts, or in the order in which requests arrived.", "tree"),
    # Everywhere in an open trace
    Action("jump('failure', 1)", ("] f",), "next failure",
           "Next span that a failed assertion points at, with the evidence.", footer=True),
    Action("jump('failure', -1)", ("[ f",), "previous failure",
           "Previous span that a failed assertion points at."),
    Action("jump('error', 1)", ("] e",), "next error", "Next span with an own error."),
    Action("jump('error', -1)", ("[ e",), "previous error", "Previous span with an own error."),
    Action("jump('tool', 1)", ("] t",), "next tool call", "Next tool call."),
    Action("jump('tool', -1)", ("[ t",), "previous tool call", "Previous tool call."),
    Action("jump('model', 1)", ("] m",), "next model call", "Next model call."),
    Action("jump('model', -1)", ("[ m",), "previous model call", "Previous model call."),
    Action("jump('divergence', 1)", ("] d",), "next divergence",
           "Next span that differs in the trace this one was compared with."),
    Action("jump('divergence', -1)", ("[ d",), "previous divergence",
           "Previous span that differs in the trace this one was compared with."),
    Action("xray", ("x",), "x-ray",
           "Explain each value read: its source and rule, or what was tried in vain.", footer=True),
    Action("know('good')", ("m g",), "known good",
           "Mark the trace as known good: a case that fails on it fails tracedesk check."),
    Action("know('bad')", ("m b",), "known bad",
           "Mark the trace as known bad: tracedesk check wants some case to fail on it."),
    Action("know('none')", ("m u",), "not known", "Take the mark of the trace away."),
    # Detail
    Action("open", ("enter",), "open value",
           "Open the value in full, fold or unfold, or follow the link.", "detail", True, False),
    Action("open_whole", ("o",), "whole value",
           "Open the value in full, where Enter only folds it.", "detail", True),
    Action("outside(False)", ("f3",), "$PAGER", "Show the value in $PAGER, made harmless.",
           "detail"),
    Action("outside(True)", ("f4",), "$EDITOR",
           "Open a copy of the value in $EDITOR; what is changed there is thrown away.", "detail"),
    Action("fold_value(True)", ("l", "right"), "unfold", "Unfold what stands here.", "detail",
           False, False),
    Action("fold_value(False)", ("h", "left"), "fold",
           "Fold what stands here, or what it belongs to.", "detail", False, False),
    Action("search", ("/",), "search",
           "Keep the attributes that hold a text.", "detail", True, False),
    # Tests
    Action("open", ("enter",), "evidence",
           "Go to the span that decided, and say why.", "tests", True, False),
    Action("fold_result", ("h", "l", "left", "right"), "fold",
           "Fold or unfold the file or case.", "tests", False, False),
    Action("new_case", ("o",), "new case",
           "Make a draft of a case, in a file or a new one, and edit it.", "tests"),
    Action("cycle_status", ("P",), "pause",
           "Make the case paused, a draft, or active again.", "tests"),
    *(action for pane in PANES if pane != "list" for action in _of_list(pane)),
    # Asserting and editing
    *(Action("assert_here", ("a",), "assert",
             "Offer what can be asserted of the value here, with its effect on stored traces.",
             pane, True) for pane in ("tree", "detail", "tests")),
    Action("edit_here", ("e",), "edit",
           "Edit the file of the verdict that is shown, with completion and verdicts as you type."),
    *(Action("edit_externally", ("E",), "$EDITOR",
             "Open the test file in $EDITOR, at the line of the verdict that is shown.",
             pane, pane == "tests") for pane in PANES),
    Action("undo_edit", ("u",), "undo",
           "Take back the last change of a case file that was made here."),
    Action("copy_assertion", ("y a",), "copy assertion",
           "Copy the first fitting assertion for the value here as YAML."),
    *SCREEN_ACTIONS,
    # Everywhere
    Action("tab('reading')", ("1",), "Reading",
           "Response, input, tool calls, usage, with sources."),
    Action("tab('chat')", ("2",), "Chat",
           "Messages by role, tool calls with results; what was said before in one line."),
    Action("tab('attributes')", ("3",), "Attributes", "Attributes of the span and its resource."),
    Action("tab('events')", ("4",), "Events", "Events of the span, exceptions with their stack."),
    Action("tab('raw')", ("5",), "Raw", "The bytes as received, headers and tolerated deviations."),
    Action("tab('verdicts')", ("6",), "Verdicts", "What was asserted of the span, and why."),
    Action("copy('value')", ("y v",), "copy value", "Copy the value under the cursor."),
    Action("copy('path')", ("y k",), "copy path", "Copy the attribute name or JSON path."),
    Action("copy('span id')", ("y s",), "copy span id", "Copy the id of the span."),
    Action("copy('trace id')", ("y t",), "copy trace id", "Copy the id of the trace."),
    Action("copy('id of the sender')", ("y i",), "copy sender id",
           "Copy the id that the sender gave the trace, else its OTLP trace id."),
    Action("copy('selected trace')", ("y m",), "copy selected",
           "Copy the ids of all selected traces, one a line."),
    Action("copy_trace('curl')", ("y c",), "copy as curl",
           "Copy commands that make the trace anew; the key is $TRACEDESK_API_KEY."),
    Action("copy_trace('digest')", ("y L",), "copy digest",
           "Copy the trace as a page of text for a person or a language model: 4,000 tokens."),
    *(Action(f"copy_trace('digest {tokens}')", (), f"copy digest, {tokens // 1_000}k tokens",
             f"Copy the trace as a page of text of at most about {tokens:,} tokens.")
      for tokens in (2_000, 8_000, 32_000)),
    Action("compare", ("W",), "compare",
           "Mark the trace as A; on another trace, compare A with it."),
    Action("compare_nearest", ("w",), "nearest passing",
           "Compare with the most similar trace of the same agent that passes."),
    Action("reread", ("r",), "re-read",
           "Decode the trace anew from its kept bytes, and say what reads differently."),
    Action("send_again", ("R",), "send again",
           "Send the kept requests once more, here or elsewhere, and show the reply."),
    Action("show_list", ("L",), "traces", "Open the list of traces over the other panes."),
    Action("agents", ("A",), "agents and keys",
           "Agents and keys: add, change, remove; create, revoke; what to type to send."),
    Action("matrix", ("M",), "matrix",
           "Failure matrix: at which stage test cases break, down to each failure."),
    Action("scores", ("S",), "scores",
           "Quality, determinism and hallucination over time, and what flipped."),
    Action("hold", ("H",), "hold evaluation",
           "Pause evaluation, or go on with it and with what was cancelled."),
    Action("cancel_run", ("K",), "cancel evaluation",
           "Leave undone what is being evaluated; it stays pending, never green."),
    Action("flips", ("B",), "flips",
           "Backtest: verdicts on stored traces that the last edit of a case file turned over."),
    Action("next_pane(1)", ("tab",), "pane", "Next pane.", footer=True, palette=False),
    Action("next_pane(-1)", ("shift+tab",), "previous pane", "Previous pane.", palette=False),
    Action("back", ("escape",), "back",
           "Drop the last crumb: search, filter, or pane.", palette=False),
    Action("ledger", ("I",), "ledger",
           "What was received, refused, dropped and removed, by agent."),
    Action("app.next_theme", ("T",), "theme", "Dark, light, or high contrast."),
    Action("app.themes", (), "all themes", "Choose the colours from a list, Textual's own too."),
    Action("help", ("?",), "help", "All keys of the focused pane.", footer=True),
    Action("app.command_line", (":",), "command",
           "Type a command: every action by name, and open, filter, search, tab, theme, send."),
    Action("app.jump_mode", ("ctrl+o",), "jump",
           "Label panes, tabs and rows; type a label to go there."),
    Action("app.log", ("D",), "log",
           "The end of the log, by level, with the trace-backs of unexpected errors."),
    Action("app.tour", (), "tour", "Show the workbench in five steps."),
    Action("app.command_palette", ("ctrl+p",), "palette",
           "Every command by name.", footer=True, palette=False),
    Action("app.quit", ("q", "ctrl+q"), "quit", "Leave; nothing that was accepted is lost."),
)  # fmt: skip

"""What can be done by name: in the palette, after ``:``, and by its keys."""

ALL_ACTIONS = (*ACTIONS, *LOCAL_ACTIONS)
"""Everything that a key does."""


def prefixes(panes: Iterable[str]) -> dict[str, dict[str, Action]]:
    """First key of each two-key command of some panes → second key → action."""
    found: dict[str, dict[str, Action]] = {}
    for action in ACTIONS:
        for first, _, second in (key.partition(" ") for key in action.keys):
            if second and action.pane in panes:
                found.setdefault(first, {})[second] = action
    return found


PREFIXES = prefixes(("", "lines", *PANES))
"""Those of the workbench."""


ALWAYS = ("help", "app.command_palette", "app.quit")
"""Actions that make sense whatever is on screen."""


def footer_for(pane: str) -> list[Action]:
    """What the footer shows while ``pane`` has the focus: its own keys, then the general ones.

    The blank pane is the empty workbench, where little can be done.
    """
    if not pane:
        return [action for action in ACTIONS if action.name in ALWAYS]
    own = [action for action in ALL_ACTIONS if action.pane == pane and action.footer]
    if pane in OWN_SCREEN:
        return own + [a for a in LOCAL_ACTIONS if (a.pane, a.name) == ("screen", "help")]
    if pane in EDITOR:
        return own
    return own + [action for action in ACTIONS if not action.pane and action.footer]


def _of(*panes: str) -> list[Action]:
    return [action for action in ALL_ACTIONS if action.pane in panes]


def help_for(pane: str) -> list[tuple[str, list[Action]]]:
    """Sections of the help page of a pane: every key that does something there."""
    moving = ("Moving", _of("lines"))
    app = [a for a in ACTIONS if a.name.startswith("app.") and a.keys and a.name != "app.quit"]
    if pane in BOXES:
        own = [] if pane == "box" else [(PANE_TITLES[pane], _of(pane))]
        return [*own, moving, ("Here", _of("box"))]
    if pane in EDITOR:
        others = [a for a in app if a.keys[0].startswith("ctrl+")]
        quit_ = [a for a in LOCAL_ACTIONS if a.name == "app.quit"]
        return [
            (PANE_TITLES["edit"], _of("edit")),
            ("Typing", _of("typing")),
            ("Everywhere", [*others, *quit_]),
        ]
    if pane in OWN_SCREEN:
        beside = next(panes for panes in OWN_SCREENS if pane in panes)
        return [
            *((PANE_TITLES[each], _of(each)) for each in beside),
            moving,
            ("Everywhere", [*_of("screen", f"{beside[0]} screen"), *app]),
        ]
    two_keys = [a for a in ACTIONS if not a.pane and any(" " in key for key in a.keys)]
    general = [a for a in ACTIONS if not a.pane and a not in two_keys]
    return [
        (PANE_TITLES.get(pane, pane), _of(pane)),
        moving,
        ("Jumping and copying", two_keys),
        ("Everywhere", general),
    ]
