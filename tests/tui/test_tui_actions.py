"""One registry: whatever is bound exists, is explained, and is bound once."""

import re
from collections import Counter

import pytest

from tracedesk.tui.actions import (
    ACTIONS,
    ALL_ACTIONS,
    OWN_SCREEN,
    PANE_TITLES,
    PANES,
    PREFIXES,
    footer_for,
    help_for,
    key_name,
)
from tracedesk.tui.app import TracedeskApp
from tracedesk.tui.bindings import bindings
from tracedesk.tui.screens.agents import AgentsScreen
from tracedesk.tui.screens.compare import CompareScreen
from tracedesk.tui.screens.matrix import MatrixScreen
from tracedesk.tui.screens.scores import ScoresScreen
from tracedesk.tui.screens.workbench import Workbench
from tracedesk.tui.widgets.line_view import LineView


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: f"{a.pane or 'all'}.{a.name}")
def test_every_action_exists_and_is_explained(action):
    name = re.split(r"[(.]", action.name.removeprefix("app."))[0]
    owner = TracedeskApp if action.name.startswith("app.") else Workbench
    if action.pane == "lines":
        owner = LineView
    elif action.pane in OWN_SCREEN:
        owner = {
            "matrix": MatrixScreen, "failures": MatrixScreen,
            "scores": ScoresScreen, "flips": ScoresScreen,
            "compare": CompareScreen, "difference": CompareScreen,
        }.get(action.pane, AgentsScreen)  # fmt: skip
    assert callable(getattr(owner, f"action_{name}"))
    assert action.label
    assert action.help.endswith(".")


@pytest.mark.parametrize("pane", PANES)
def test_no_key_means_two_things_in_one_pane(pane):
    keys = Counter(
        key for action in ACTIONS if action.pane in ("", "lines", pane) for key in action.keys
    )
    assert [key for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize("pane", OWN_SCREEN)
def test_a_screen_of_its_own_has_its_own_keys_footer_and_help(pane):
    own = [action for action in ACTIONS if action.pane == pane]
    keys = Counter(
        key for action in ACTIONS if action.pane in ("lines", pane) for key in action.keys
    )
    assert max(keys.values()) == 1
    beside = [a for a in ALL_ACTIONS if a.pane in ("screen", f"{pane} screen")]
    assert not {key for action in beside for key in action.keys} & set(keys)
    assert footer_for(pane)[: len(own)] == own
    titled = dict(help_for(pane))
    assert titled[PANE_TITLES[pane]] == own


def test_every_binding_has_an_id_and_a_tooltip():
    for pane in ("", "lines", *PANES):
        for binding in bindings(pane):
            assert binding.id
            assert binding.tooltip


@pytest.mark.parametrize("pane", PANES)
def test_the_footer_shows_only_what_works_in_its_pane(pane):
    assert {action.pane for action in footer_for(pane)} == {pane, ""}


def test_the_empty_workbench_offers_only_what_works_there():
    assert [action.label for action in footer_for("")] == ["help", "palette", "quit"]


@pytest.mark.parametrize("pane", PANES)
def test_help_lists_every_key_that_works_in_a_pane(pane):
    listed = [action for _, actions in help_for(pane) for action in actions]
    assert set(map(id, listed)) == {id(a) for a in ACTIONS if a.pane in ("", "lines", pane)}


def test_two_key_commands_are_found_by_their_first_key():
    assert set(PREFIXES) == {"]", "[", "y", "m"}
    assert PREFIXES["]"]["e"].name == "jump('error', 1)"


@pytest.mark.parametrize(
    ("key", "shown"), [("] e", "]e"), ("ctrl+d", "Ctrl-d"), ("escape", "Esc"), ("j", "j")]
)
def test_keys_are_written_as_people_write_them(key, shown):
    assert key_name(key) == shown
