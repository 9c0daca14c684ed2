"""ASCII mode: whatever is painted, wherever one goes, can be shown by any terminal."""

import ast
from pathlib import Path

from every_screen import at_failure, failing_desk, places, shown

import tracedesk
from tracedesk.tui.ascii_mode import ASCII
from tracedesk.tui.text import cells

PACKAGE = Path(tracedesk.__file__).parent

NOT_SHOWN = {
    "testcases/emit.py", "testcases/yaml.py", "testcases/positions.py", "testcases/edit.py",
    "assertions/response_regex.py", "tui/widgets/editor/case_text.py", "tui/screens/edit_screen.py",
}  # fmt: skip
"""Where characters are looked for or replaced, and none is said."""


async def test_no_screen_shows_anything_else(tmp_path, open_desk, call, monkeypatch):
    desk = failing_desk(tmp_path, open_desk, call, monkeypatch)
    wrong, seen = {}, {}
    async with at_failure(desk, (120, 36), ascii=True) as (app, pilot):
        async for name in places(app, pilot):
            lines = seen[name] = shown(app)
            others = [line for line in lines if not line.isascii()]
            if others:
                wrong[name] = others
    assert wrong == {}
    assert len({"\n".join(lines) for lines in seen.values()}) > len(seen) * 0.9


async def test_a_small_screen_has_the_same_room_for_all(workbench):
    drawn = {}
    for other in (False, True):
        async with workbench(size=(80, 24), ascii=other) as session:
            await session.press("enter")
            drawn[other] = shown(session.app)
    assert drawn[True] == [line.translate(ASCII) for line in drawn[False]]


def said(tree):
    """The texts of a module, its docstrings aside."""
    docs = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_every_glyph_that_is_said_anywhere_has_a_stand_in():
    lacking = {
        (str(path.relative_to(PACKAGE)), character)
        for path in PACKAGE.rglob("*.py")
        if str(path.relative_to(PACKAGE)) not in NOT_SHOWN
        for text in said(ast.parse(path.read_text()))
        for character in text
        if not character.isascii() and ord(character) not in ASCII
    }
    assert lacking == set()


def test_every_stand_in_is_as_wide_as_its_glyph():
    for code, stand_in in ASCII.items():
        assert stand_in.isascii(), chr(code)
        assert len(stand_in) == cells(chr(code)), chr(code)
