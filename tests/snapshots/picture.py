"""Draws the pictures of ``src/tracedesk/help``: ``python tests/snapshots/picture.py [NAME...]``.

A real screen over a real desk that was sent the samples, one picture a flow. The pictures name no
machine and load no font.
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
from tracedesk.desk import Desk, EndpointState, Options
from tracedesk.tui.app import TracedeskApp
from tracedesk.workspace import find_workspace

FOLDER = Path(__file__).parents[2] / "src" / "tracedesk" / "help"
SIZE = (144, 44)
FONTS = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'
CELL = 12.2
"""Width of a cell in the picture's own units."""


async def at_evidence(pilot, bench):
    """The failing booking, at the call that its assertion points at."""
    await pilot.press("G")
    await until(pilot, lambda: titled(bench) == "run-5822" and bench.cases, "it is open")
    await pilot.press("enter", "]", "f")
    await until(pilot, lambda: bench.span.label == "create_booking", "the evidence")
    await until(pilot, lambda: "✗" in bench.query_one("#header").text, "the totals")


async def asserting(pilot, bench):
    await at_evidence(pilot, bench)
    screen = await over(pilot, bench, "a")
    await until(pilot, lambda: screen.offer is not None, "what can be asserted")
    view = screen.query_one("#candidates")
    await until(pilot, lambda: view.effects is not None and view.effects.done, "its effects")


async def editing(pilot, bench):
    await at_evidence(pilot, bench)
    await pilot.press("v")
    screen = await over(pilot, bench, "e")
    await until(pilot, lambda: screen._trial is not None, "verdicts")


async def comparing(pilot, bench):
    await at_evidence(pilot, bench)
    await pilot.press("W", "tab", "tab", "tab", "k")
    await until(pilot, lambda: titled(bench) == "run-5821", "the run that went well")
    screen = await over(pilot, bench, "W")
    await until(pilot, lambda: screen.model is not None, "both are aligned")
    await pilot.press("]", "d")
    page = screen.query_one("#difference")
    await until(pilot, lambda: page.lines and "comparing" not in page.lines[0].text, "the pair")


async def counting(pilot, bench):
    screen = await over(pilot, bench, "M")
    await until(
        pilot,
        lambda: screen.gathered and len(screen.gathered.survey.tally().traces) == 14,
        "everything is counted",
    )


PICTURES = {
    "workbench": at_evidence, "assert": asserting, "edit": editing,
    "compare": comparing, "matrix": counting,
}  # fmt: skip


async def over(pilot, bench, key):
    """The screen that a key opens over the workbench."""
    await pilot.press(key)
    await until(pilot, lambda: pilot.app.screen is not bench, f"what {key} opens")
    return pilot.app.screen


async def draw(root: Path, reach) -> str:
    """The screen as SVG, as Textual exports it."""
    lay_out(root)
    with Desk(find_workspace(root), Options(port=0, quiet_s=0.1)) as desk:
        fill(desk)
        desk.endpoint = EndpointState("listening", url="http://127.0.0.1:4318")
        app = TracedeskApp(desk, ascii=False, now_ns=lambda: time.time_ns() + 42_000_000_000)
        async with app.run_test(size=SIZE) as pilot:
            bench = app.screen
            await until(pilot, lambda: desk.totals().get("fail") and not pending(desk), "judged")
            await until(pilot, lambda: bench.opened is not None, "one is open")
            await reach(pilot, bench)
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
    for name in sys.argv[1:] or PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            svg = portable(asyncio.run(draw(Path(folder), PICTURES[name])))
        (FOLDER / f"{name}.svg").write_text(svg)
