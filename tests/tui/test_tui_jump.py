"""Jump mode: labels on panes, tabs and rows."""

from tracedesk.tui.screens.jump import JumpScreen, labels


def label_of(session, x=None, y=None, title=None):
    """The label that stands at a place of the screen."""
    found = [
        label
        for label, goal in session.app.screen.goals.items()
        if (title is None or goal.title == title) and (x is None or (goal.x, goal.y) == (x, y))
    ]
    return found[0]


def test_no_label_begins_another():
    made = labels(10, 300)
    assert len(made) == len(set(made)) == 310
    assert not {label[0] for label in made[10:]} & set(made[:10])
    assert labels(0, 2) == ["aa", "as"]
    assert labels(26, 5) == list("asdfghjklqwertyuiopzxcvbnm")


async def test_a_label_leads_to_a_pane_a_tab_and_a_row(workbench):
    async with workbench() as session:
        pane = session.screen.query_one("#tests-pane").region
        await session.press(
            "ctrl+o",
        )
        await session.press(label_of(session, pane.x + 1, pane.y))
        assert session.screen.pane == "tests"

        tabs = session.screen.query_one("#tabs")
        await session.press("ctrl+o")
        at = {tab: start for start, tab in tabs.starts}["raw"]
        await session.press(label_of(session, tabs.region.x + at, tabs.region.y))
        assert session.screen.tab == "raw"

        session.screen.go_to_pane("tree")
        rows = session.screen.span_view.content_region
        await session.press("ctrl+o")
        await session.press(*label_of(session, rows.x, rows.y + 3))
        assert session.screen.span_view.cursor == 3


async def test_any_other_key_leaves(workbench):
    async with workbench() as session:
        for key in ("escape", "1", "ctrl+o"):
            await session.press("ctrl+o")
            assert isinstance(session.app.screen, JumpScreen)
            await session.press(key)
            assert session.app.screen is session.screen


async def test_on_a_small_screen_the_other_panes_stand_on_the_last_line(workbench):
    async with workbench(size=(80, 24)) as session:
        await session.press("ctrl+o")
        last = "".join(part.text for part in session.app.screen._compositor.render_strips()[-1])
        assert last.split() == ["s", "Spans", "d", "Detail", "f", "Tests"], "and nothing else"
        await session.press(label_of(session, title="Tests"))
        assert session.screen.pane == "tests"
