"""Draws ``src/tracedesk/help/workbench.svg``: ``python tests/snapshots/picture.py``.

A real screen over a real desk that was sent the samples, the failing booking open at its
evidence. The picture names no machine and loads no font.
"""

import asyncio
import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tui"))

from piloting import until

from tracedesk.commands.demo import fill, lay_out
from tracedesk.desk import Desk, Options
from tracedesk.tui.app import TracedeskApp
from tracedesk.workspace import find_workspace

PICTURE = Path(__file__).parents[2] / "src" / "tracedesk" / "help" / "workbench.svg"
SIZE = (144, 44)
FONTS = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'
CELL = 12.2
"""Width of a cell in the picture's own units."""


async def draw(root: Path) -> str:
    """The screen as SVG, as Textual exports it."""
    lay_out(root)
    with Desk(find_workspace(root), Options(port=4318, quiet_s=0.1)) as desk:
        fill(desk)
        app = TracedeskApp(desk, ascii=False, now_ns=lambda: time.time_ns() + 42_000_000_000)
        async with app.run_test(size=SIZE) as pilot:
            screen = app.screen
            await until(pilot, lambda: desk.totals().get("fail") and not pending(desk), "judged")
            await pilot.press("G")
            await until(pilot, lambda: titled(screen) == "run-5822" and screen.cases, "it is open")
            await pilot.press("]", "f")
            await until(pilot, lambda: screen.span.label == "create_booking", "the evidence")
            await until(pilot, lambda: "✗" in screen.query_one("#header").text, "the totals")
            await pilot.pause(0.5)
            return app.export_screenshot(title="tracedesk")


def pending(desk: Desk) -> int:
    return desk.totals().get("pending", 0)


def titled(screen) -> str | None:
    return screen.opened and screen.opened.row.external_id


def portable(svg: str) -> str:
    """The picture without fonts from elsewhere, each text where its first letter stands."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: Fira Code, monospace;", f"font-family: {FONTS};", svg)
    svg = re.sub(r"terminal-\d+", "td", svg)
    text = (
        r'<text class="([^"]*)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>(.*?)</text>'
    )
    return re.sub(text, _trimmed, svg)


def _trimmed(found: re.Match[str]) -> str:
    style, x, y, length, rest, body = found.groups()
    shown = body.removesuffix("&#160;")
    while shown != (shorter := shown.removesuffix("&#160;")):
        shown = shorter
    after = (len(body) - len(shown)) // len("&#160;")
    before = 0
    while shown.startswith("&#160;"):
        shown, before = shown.removeprefix("&#160;"), before + 1
    if not shown:
        return ""
    at, wide = float(x) + before * CELL, float(length) - (before + after) * CELL
    return (
        f'<text class="{style}" x="{at:.1f}" y="{y}" textLength="{wide:.1f}"{rest}>{shown}</text>'
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PICTURE.write_text(portable(asyncio.run(draw(Path(folder)))))
