"""The failure matrix as an HTML table, for the pages of ``check`` and ``report``."""

from collections.abc import Iterator

from tracedesk.commands.html_page import text
from tracedesk.evaluation.matrix import STAGE_MEANINGS, STAGE_TITLES, Cell, Matrix, Row
from tracedesk.evaluation.score_text import cell_text

LEGEND = (
    "Failures of all decided results of a case, a result being the case on one trace."
    " * where most of its failures began."
)


def matrix_html(matrix: Matrix) -> Iterator[str]:
    """The table with its legend; a sentence when there is nothing to show."""
    if not matrix.rows:
        yield "<p>No case was decided.</p>"
        return
    yield f'<p class="dim">{LEGEND}</p>'
    heads = "".join(
        f'<th class="n" title="{text(STAGE_MEANINGS[stage])}">{text(STAGE_TITLES[stage])}</th>'
        for stage in matrix.stages
    )
    yield (
        f'<div class="scroll"><table class="matrix"><tr><th>case</th>{heads}'
        '<th class="n">failed</th><th class="n">undecided</th></tr>'
    )
    for row in matrix.rows:
        yield _row(row)
    yield _row(matrix.totals, total=True)
    yield "</table></div>"


def _row(row: Row, *, total: bool = False) -> str:
    file = "" if total else f' <span class="dim">{text(row.file)}</span>'
    root = None if total else row.root
    cells = "".join(_cell(cell, root=stage == root) for stage, cell in row.cells.items())
    failed = f'<td class="n">{row.failed:,} of {row.evaluated:,}</td>'
    undecided = f'<td class="n">{row.missing + row.errors or ""}</td>'
    name = f"<td>{text(row.name)}{file}</td>"
    kind = ' class="total"' if total else ""
    return f"<tr{kind}>{name}{cells}{failed}{undecided}</tr>"


def _cell(cell: Cell, *, root: bool) -> str:
    heat = 0.08 + 0.42 * cell.failures / cell.evaluated if cell.failures else 0.0
    colour = f' style="background: rgba(var(--hot), {heat:.2f})"' if heat else ""
    return f'<td class="n"{colour}>{text(cell_text(cell, root=root))}</td>'
