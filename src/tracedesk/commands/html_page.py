"""What the HTML reports share: one page, no scripts, nothing to fetch, all of it escaped."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from tracedesk.query.text import plain

STYLE = """\
:root { color-scheme: light dark; --dim: #777; --pass: #1a7f37; --fail: #cf222e; --line: #ddd; }
:root { --missing: #9a6700; --error: #a40e26; --skipped: #777; --hot: 207, 34, 46; }
@media (prefers-color-scheme: dark) {
  :root { --dim: #999; --pass: #3fb950; --fail: #ff7b72; --missing: #d29922; --error: #ffa198;
    --line: #444; --hot: 255, 123, 114; }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
pre { font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; margin: .4rem 0 1rem; }
details { border-left: 3px solid var(--dim); padding-left: .8rem; margin: .5rem 0; }
details.pass { border-color: var(--pass); } details.fail { border-color: var(--fail); }
details.missing { border-color: var(--missing); } details.error { border-color: var(--error); }
summary { cursor: pointer; }
.dim, .label { color: var(--dim); } .strong { font-weight: 600; } .pass { color: var(--pass); }
.fail { color: var(--fail); } .missing { color: var(--missing); } .error { color: var(--error); }
.skipped { color: var(--skipped); } details.pass, details.fail { color: inherit; }
details.missing, details.error, details.skipped { color: inherit; }
table { border-collapse: collapse; margin: .6rem 0 1.4rem; font-size: 14px; }
th, td { padding: .25rem .7rem; text-align: left; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.total td { border-top: 2px solid var(--line); font-weight: 600; }
.scroll { overflow-x: auto; }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole page; ``body`` is HTML."""
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{text(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>"
    )
    return "\n".join([head, *body, "</body>\n</html>"]) + "\n"


def text(value: str) -> str:
    """Any text as HTML, with nothing in it that acts or hides."""
    return escape(plain(value))


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()
) -> Iterator[str]:
    """A table of texts; ``numbers``: columns that are set to the right."""
    right = frozenset(numbers)

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="n">{text(value)}</{tag}>'
            if at in right
            else f"<{tag}>{text(value)}</{tag}>"
            for at, value in enumerate(values)
        )

    yield f'<div class="scroll"><table><tr>{cells("th", heads)}</tr>'
    for row in rows:
        yield f"<tr>{cells('td', row)}</tr>"
    yield "</table></div>"
