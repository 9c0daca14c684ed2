"""The actions of every screen but the workbench, of the editor, and of boxes over a screen."""

from collections.abc import Iterable

from tracedesk.tui.action import Action

OWN_SCREENS = (
    ("agents", "keys"), ("matrix", "failures"), ("scores", "flips"), ("compare", "difference"),
)  # fmt: skip
"""Panes of other screens, screen by screen, where the actions of the workbench do not reach."""

OWN_SCREEN = tuple(pane for panes in OWN_SCREENS for pane in panes)

CLOSERS = (("agents", "A"), ("matrix", "M"), ("scores", "S"), ("compare", "W"))
"""Screen by its first pane → the key that opens it, and closes it too."""

EDITOR = ("edit", "typing")
"""The editor: what it can do itself, and what its text area can."""

BOXES = ("value", "log", "assert", "target", "turned", "reply", "made", "confirm", "box")
"""Boxes over a screen; the last stands for what all of them share."""

SCREEN_TITLES = {
    "agents": "Agents", "keys": "Keys",
    "matrix": "Matrix", "failures": "Failures", "scores": "Scores", "flips": "Flips",
    "compare": "Compare", "difference": "Difference",
}  # fmt: skip

LOCAL_TITLES = {
    "screen": "Other screens", **{f"{pane} screen": SCREEN_TITLES[pane] for pane, _ in CLOSERS},
    "edit": "Editor", "typing": "Editor", "value": "Value", "log": "Log", "assert": "Assert",
    "target": "Write to", "turned": "Backtest", "reply": "Reply", "made": "New key",
    "confirm": "Question", "box": "Boxes",
}  # fmt: skip


def _choices(pane: str) -> Iterable[Action]:
    """What is looked at, on the screens that count."""
    for name, key, label, told in (
        ("window", "w", "window", "The last 24 h, 7 d, 30 d, or all time."),
        ("next_agent", "a", "agent", "The next agent, or all of them."),
        ("next_version", "v", "version", "The next version, or all of them."),
        ("next_environment", "e", "environment", "The next environment, or all of them."),
        ("narrow", "f", "filter", "Only traces that match a filter; Esc drops it."),
    ):
        yield Action(name, (key,), label, told, pane, True)


SCREEN_ACTIONS: tuple[Action, ...] = (
    # Agents and keys
    Action("add_agent", ("a",), "add", "Add an agent to tracedesk.toml.", "agents", True),
    Action("edit_agent", ("e", "enter"), "edit", "Change the agent's settings.", "agents", True),
    Action("remove_agent", ("d", "delete"), "remove",
           "Remove the agent; its traces stay.", "agents", True),
    Action("new_key", ("n",), "new key", "Make a key that reaches this agent only.", "agents",
           True),
    Action("copy_sending('curl')", ("c",), "copy curl", "Copy the curl line below.", "agents",
           True),
    Action("copy_sending('variables')", ("v",), "copy OTEL",
           "Copy the variables of an OpenTelemetry SDK below.", "agents", True),
    Action("other_list", ("tab", "shift+tab"), "keys", "To the keys.", "agents", True, False),
    Action("new_key", ("n",), "new key", "Make a key, for all agents or some.", "keys", True),
    Action("revoke_key", ("d", "delete"), "revoke",
           "Revoke the key; what sends with it is refused at once.", "keys", True),
    Action("other_list", ("tab", "shift+tab"), "agents", "To the agents.", "keys", True, False),
    # Matrix and scores
    Action("open_cell", ("enter",), "failures", "To the failures of the cell.", "matrix", True),
    Action("stage(-1)", ("h", "left"), "left", "The stage to the left.", "matrix", True),
    Action("stage(1)", ("l", "right"), "right", "The stage to the right.", "matrix", True),
    *_choices("matrix"),
    Action("open_failure", ("enter",), "evidence",
           "Open the trace at the span and the assertion that failed.", "failures", True),
    Action("compare", ("enter",), "flips",
           "What flipped since the one before, since the marked one, or by the edit.", "scores",
           True),
    Action("base", ("m",), "compare from",
           "Compare from this day, version or environment.", "scores", True),
    Action("axis", ("t",), "axis", "Over days, versions or environments.", "scores", True),
    Action("measure", ("p",), "plot", "Plot the next of the three numbers.", "scores", True),
    *_choices("scores"),
    Action("open_flip", ("enter",), "evidence",
           "Open the trace at the span and the assertion that flipped.", "flips", True),
    # Compare
    Action("to_difference", ("enter",), "difference",
           "Go to what differs of the pair.", "compare", True, False),
    Action("divergence(1)", ("] d",), "next divergence", "Next divergence.", "compare", True),
    Action("only_changes", ("o",), "only differences",
           "Show only what differs, or everything.", "compare", True),
    Action("show_span", ("s",), "span",
           "Leave, and show the span in its trace: that of B, else that of A.", "compare", True),
    Action("swap", ("x",), "swap", "Exchange A and B.", "compare", True),
    Action("divergence(-1)", ("[ d",), "previous divergence", "Previous divergence.", "compare",
           True),
    Action("other_pane", ("tab", "shift+tab"), "difference", "To the difference.", "compare",
           True, False),
    Action("open_value", ("enter",), "open value",
           "Open the value in full.", "difference", True, False),
    Action("other_pane", ("tab", "shift+tab"), "calls", "To the calls.", "difference", True, False),
)  # fmt: skip
"""What can be done by name too."""

LOCAL_ACTIONS: tuple[Action, ...] = (
    # Screens of their own
    Action("leave", ("escape",), "back", "One step back; from the first one to the workbench.",
           "screen", palette=False),
    Action("close", ("q",), "close", "To the workbench.", "screen", palette=False),
    Action("help", ("?",), "help", "All keys of this screen.", "screen", palette=False),
    Action("app.quit", ("ctrl+q",), "quit", "Leave tracedesk; nothing accepted is lost.",
           "screen", palette=False),
    *(Action("close", (key,), "close", "To the workbench.", f"{pane} screen", palette=False)
      for pane, key in CLOSERS),
    # Editor
    Action("save", ("ctrl+s",), "save", "Save the file; nothing of it is saved before.", "edit",
           True),
    Action("close", ("escape",), "close", "Put offered words away, or close the editor; asks"
           " before changes are lost.", "edit", True),
    Action("complete", ("ctrl+space", "ctrl+@"), "words",
           "Offer the words that fit here; Tab takes one, arrows choose.", "edit", True),
    Action("next_fault", ("ctrl+n",), "problem", "To the next line that is wrong, or does not"
           " pass.", "edit", True),
    Action("help", ("f1",), "help", "All keys of the editor.", "edit", True),
    *(Action(name, keys, label, told, "typing", palette=False) for name, keys, label, told in (
        ("undo", ("ctrl+z",), "undo", "Take back what was typed last."),
        ("redo", ("ctrl+y",), "redo", "Type it again."),
        ("cut", ("ctrl+x",), "cut", "Cut what is selected, or the line."),
        ("copy", ("ctrl+c",), "copy", "Copy what is selected."),
        ("paste", ("ctrl+v",), "paste", "Paste what was copied here."),
        ("select_all", ("f7",), "select all", "Select the whole text."),
        ("delete_word_left", ("ctrl+w",), "delete word", "Delete the word before the cursor."),
        ("delete_line", ("ctrl+shift+k",), "delete line", "Delete the line."),
    )),
    # Boxes
    Action("page", ("enter",), "page", "A page down.", "value"),
    Action("search", ("/",), "search", "Search a text in the value.", "value"),
    Action("next_hit(1)", ("n",), "next hit", "Next place that holds it.", "value"),
    Action("next_hit(-1)", ("N",), "previous hit", "Previous place that holds it.", "value"),
    Action("copy", ("y",), "copy", "Copy the value.", "value"),
    Action("outside(False)", ("f3",), "$PAGER", "Show it in $PAGER, made harmless.", "value"),
    Action("outside(True)", ("f4",), "$EDITOR", "Open a copy of it in $EDITOR.", "value"),
    Action("less", ("v",), "level", "Only what is graver; after the gravest everything.", "log"),
    Action("dismiss", ("D",), "close", "Close the log.", "log"),
    Action("choose", ("enter",), "choose", "Choose where it is written, or go into the value.",
           "assert"),
    Action("outwards", ("h", "left"), "outwards", "Back from a value inside a value.", "assert"),
    Action("copy", ("y",), "copy", "Copy the assertion as YAML.", "assert"),
    Action("preview_flips", ("space",), "flips", "List the verdicts that would flip if it were"
           " written to the case that is offered first.", "assert"),
    Action("write", ("enter",), "write", "Write the assertion there.", "target"),
    Action("preview_flips", ("space",), "flips",
           "List the verdicts that would flip if it were written there.", "target"),
    Action("show_flip", ("enter",), "evidence", "Show it on its trace.", "turned"),
    Action("dismiss", ("B",), "close", "Close the list.", "turned"),
    Action("show_trace", ("enter",), "show trace", "Open the trace that was sent.", "reply"),
    Action("copy('key')", ("y",), "copy key", "Copy the key.", "made"),
    Action("copy('curl')", ("c",), "copy curl", "Copy a curl line with the key.", "made"),
    Action("copy('variables')", ("v",), "copy OTEL",
           "Copy the variables of an OpenTelemetry SDK with the key.", "made"),
    Action("agree", ("y",), "yes", "Do it.", "confirm"),
    Action("dismiss", ("n",), "no", "Leave everything as it is.", "confirm"),
    Action("dismiss", ("escape", "q"), "close", "Close the box.", "box"),
    Action("help", ("?",), "help", "The keys of the box.", "box"),
)  # fmt: skip
"""What only its keys do, where they are bound."""
