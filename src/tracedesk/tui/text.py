"""Text from a trace in cells of the terminal: fitted, padded, folded, and always harmless.

What is harmless is decided in ``query.text``; widths are counted in cells, never in
characters.
"""

from collections.abc import Iterator

from rich.cells import cell_len, chop_cells, set_cell_size

from tracedesk.query.text import plain

__all__ = ["cells", "fit", "middle", "pad", "pad_left", "plain", "wrap"]


def cells(text: str) -> int:
    """Width of ``text`` in terminal cells."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int) -> str:
    """``text`` made visible in at most ``width`` cells; an ellipsis tells of what was cut."""
    text = plain(text[: width * 4 + 8])
    if cells(text) <= width:
        return text
    return "" if width <= 0 else set_cell_size(text, width - 1).rstrip() + "…"


def pad(text: str, width: int) -> str:
    """``fit``, then filled with blanks on the right."""
    text = fit(text, width)
    return text + " " * (width - cells(text))


def pad_left(text: str, width: int) -> str:
    """``fit``, then filled with blanks on the left, as numbers are."""
    text = fit(text, width)
    return " " * (width - cells(text)) + text


def middle(text: str, limit: int = 200) -> str:
    """``text`` cut in the middle to ``limit`` characters, both ends kept."""
    if len(text) <= limit:
        return text
    half = (limit - 3) // 2
    return f"{text[:half]} … {text[-half:]}"


def wrap(text: str, width: int) -> Iterator[str]:
    """The lines of ``text`` folded to ``width`` cells, at blanks where there are any."""
    width = max(width, 4)
    for line in text.splitlines() or [""]:
        line = plain(line.expandtabs(4))
        if cells(line) <= width:
            yield line
        else:
            yield from _fold(line, width)


def _fold(line: str, width: int) -> Iterator[str]:
    held = ""
    for word in line.split(" "):
        joined = f"{held} {word}" if held else word
        if cells(joined) <= width:
            held = joined
            continue
        if held:
            yield held
        *full, held = chop_cells(word, width) or [""]
        yield from full
    if held:
        yield held
