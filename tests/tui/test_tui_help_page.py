"""The help page lists every key of the registry in its words; run this file to write it again."""

from itertools import groupby
from pathlib import Path

from tracedesk.tui.actions import ALL_ACTIONS, PANE_TITLES, key_name

PAGE = Path(__file__).parents[2] / "src" / "tracedesk" / "help" / "workbench.md"
BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->\n"

PLACES = {**PANE_TITLES, "": "everywhere", "lines": "every list", "box": "every box"}


def key_table():
    """Every action once, in the order of the registry, grouped by where it works."""
    rows = ["| where | keys | do |", "|---|---|---|"]
    for pane, actions in groupby(sorted(ALL_ACTIONS, key=place), key=lambda action: action.pane):
        for action in actions:
            keys = " ".join(f"`{key_name(key)}`" for key in action.keys or ("ctrl+p",))
            rows.append(f"| {PLACES[pane]} | {keys} | {action.help} |")
    return "\n".join(rows) + "\n"


def place(action):
    return ["lines", *PANE_TITLES, ""].index(action.pane)


def with_keys(page):
    head, rest = page.split(BEGIN)
    return head + BEGIN + key_table() + END + rest.split(END)[1]


def test_the_help_page_lists_every_key():
    page = PAGE.read_text()
    assert page == with_keys(page)


def test_the_picture_that_the_page_shows_is_there_and_stands_alone():
    picture = (PAGE.parent / "workbench.svg").read_text()
    assert "workbench.svg" in PAGE.read_text()
    assert len(picture) < 300_000
    assert "@font-face" not in picture
    assert "url(http" not in picture
    assert "create_booking" in picture


if __name__ == "__main__":
    PAGE.write_text(with_keys(PAGE.read_text()))
