"""What a report is made of: lines of styled segments, some of them with a label."""

Line = tuple[tuple[str, str], ...]
"""Segments of (style name, text). Names: an outcome (``pass``, …), ``strong``, ``dim``,
``code``, ``label`` or blank."""

_LABEL_WIDTH = 14


def text_of(line: Line) -> str:
    """A line without its styles."""
    return "".join(text for _, text in line).rstrip()


def labelled(label: str, rest: Line) -> Line:
    """A line below a label, or in line with the one above."""
    return (("label", f"  {label:<{_LABEL_WIDTH}}"), *rest)


def cut(text: str, limit: int) -> str:
    """A text of at most so many characters; an ellipsis stands for what is left out."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
